/* Out of the Fachverfahren's hands: out/NAME and what belongs to it become out/.taking-<id>/. */
#include "gateway/spool_in.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define HIDDEN ".taking-"
enum { CLAIM_SIZE = sizeof HIDDEN + GW_ID_SIZE };

static void claim_name(const struct gw_drop *d, char name[CLAIM_SIZE])
{
    (void)snprintf(name, CLAIM_SIZE, HIDDEN "%.*s", GW_ID_LEN, d->id);
}

const char *gw_claim_id(const char *name)
{
    const char *id = name + sizeof HIDDEN - 1;

    return span_starts(span_str(name), SPAN(HIDDEN)) && gw_uuid_is_valid(span_str(id)) ? id : NULL;
}

static enum status claim_folder(struct gw_drop *d, struct error *err)
{
    const struct gw_spool_endpoint *e = d->e;
    char name[CLAIM_SIZE];

    claim_name(d, name);
    if (mkdirat(e->out, name, 0770) != 0 && errno != EEXIST) {
        (void)error_set(err, errno == ENOSPC || errno == EDQUOT ? ST_LIMIT : ST_DENIED,
                        GW_R_SPOOL_FOLDER, "%s/out: %s", e->conf->folder, strerror(errno));
        return gw_rights_explain(e->out, NULL, "out/", err);
    }
    gw_spool_give(e, e->out, name);
    return gw_dir_open(e->out, name, &d->claim, err);
}

void gw_claim_close(struct gw_drop *d)
{
    char name[CLAIM_SIZE];

    if (d->claim < 0)
        return;
    fd_drop(&d->claim);
    claim_name(d, name);
    if (unlinkat(d->e->out, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        d->e->leftovers = true;
}

/* ---- there ---- */

static enum status name_claim(struct gw_drop *d, struct error *err)
{
    if (renameat(d->e->out, d->name, d->claim, d->name) == 0)
        return ST_OK;
    if (errno == ENOENT)
        return error_set(err, ST_RETRY, GW_R_SPOOL_CHANGED, "%s is gone", d->shown);
    if (errno == EBUSY || errno == ETXTBSY)
        return error_set(err, ST_RETRY, GW_R_SPOOL_BUSY, "%s: %s", d->shown, strerror(errno));
    (void)error_set(err, ST_DENIED, GW_R_SPOOL_UNREADABLE, "%s cannot be moved: %s", d->shown,
                    strerror(errno));
    return gw_rights_explain(d->e->out, d->name, d->shown, err);
}

static void companions_move(const struct gw_drop *d, int from, int to)
{
    char path[GW_NAME_SIZE];
    const char *ending;
    struct error ignored = {0};

    for (size_t i = 0; (ending = gw_spool_companion(d->e, i)) != NULL; i++)
        if (gw_spool_beside(d->name, ending, path))
            (void)!gw_file_rename(from, path, to, path, &ignored);
}

/* First the thing itself: a marker that is alone makes nothing complete. */
enum status gw_claim_make(struct gw_drop *d, struct error *err)
{
    struct gw_look now = {0};
    enum status st;

    assert(d->claim < 0);
    st = claim_folder(d, err);
    if (st == ST_OK)
        st = name_claim(d, err);
    if (st != ST_OK) {
        gw_claim_close(d);
        return st;
    }
    companions_move(d, d->e->out, d->claim);
    d->at = d->claim;
    (void)!gw_spool_look(d->e, d->at, d->name, &now, err); /* one that cannot be read, as before */
    if (gw_look_same(&now, &d->look))
        return ST_OK;
    gw_claim_back(d);
    return error_set(err, ST_RETRY, GW_R_SPOOL_CHANGED, "%s changed while it was taken in",
                     d->shown);
}

/* ---- and back ---- */

/* The other way round than there: what belongs to a name is never beside another of that name. */
void gw_claim_back(struct gw_drop *d)
{
    struct error ignored = {0};

    if (d->claim < 0)
        return;
    if (gw_file_rename(d->claim, d->name, d->e->out, d->name, &ignored) == ST_OK)
        companions_move(d, d->claim, d->e->out);
    d->at = d->e->out;
    gw_claim_close(d);
}

/* ---- what was left behind ---- */

struct claim_walk {
    struct gw_drop *d;
    const char *name;
    size_t count; /* of names that are no companions */
};

static enum status claim_entry(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct claim_walk *walk = ctx;

    (void)mode;
    if (gw_spool_is_companion(walk->d->e, name))
        return ST_OK;
    walk->name = arena_str(&walk->d->arena, span_str(name));
    TRY_ALLOC(walk->name, err);
    walk->count++;
    return ST_OK;
}

static enum status entry_back(void *ctx, const char *name, mode_t mode, struct error *err)
{
    const struct gw_drop *d = ctx;
    struct error ignored = {0};

    (void)mode;
    (void)err;
    (void)!gw_file_rename(d->claim, name, d->e->out, name, &ignored);
    return ST_OK;
}

/* A crash between claiming NAME and what belongs to it: what lies beside in out/ and is older than
 * the claim is this one's, not that of another dropped since under the same name. */
static void companions_fetch(const struct gw_drop *d)
{
    char path[GW_NAME_SIZE];
    const char *ending;
    struct stat own, beside;
    struct error ignored = {0};

    if (fstatat(d->claim, d->name, &own, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    for (size_t i = 0; (ending = gw_spool_companion(d->e, i)) != NULL; i++)
        if (gw_spool_beside(d->name, ending, path) &&
            fstatat(d->e->out, path, &beside, AT_SYMLINK_NOFOLLOW) == 0 &&
            (beside.st_ctim.tv_sec < own.st_ctim.tv_sec ||
             (beside.st_ctim.tv_sec == own.st_ctim.tv_sec &&
              beside.st_ctim.tv_nsec <= own.st_ctim.tv_nsec)))
            (void)!gw_file_rename(d->e->out, path, d->claim, path, &ignored);
}

enum status gw_claim_open(struct gw_drop *d, struct error *err)
{
    char folder[CLAIM_SIZE];

    claim_name(d, folder);
    TRY(gw_dir_open(d->e->out, folder, &d->claim, err));
    d->at = d->claim;
    return ST_OK;
}

enum status gw_claim_name(struct gw_drop *d, const char **name, struct error *err)
{
    struct claim_walk walk = {.d = d};

    TRY(gw_dir_each(d->claim, ".", claim_entry, &walk, err));
    if (walk.count != 1) { /* other settings than then, perhaps */
        TRY(gw_dir_each(d->claim, ".", entry_back, d, err));
        return error_set(err, ST_NOT_FOUND, GW_R_SPOOL_CHANGED, "nothing to take");
    }
    *name = d->name = walk.name;
    companions_fetch(d);
    return ST_OK;
}

/* ---- accepted ---- */

struct merge {
    const struct gw_drop *d;
    int to;
    char hidden[CLAIM_SIZE];
};

static enum status entry_sent(void *ctx, const char *name, mode_t mode, struct error *err)
{
    const struct merge *m = ctx;

    (void)mode;
    return gw_spool_move(m->d->e, m->d->claim, name, m->to, name, m->hidden, err);
}

/* sent/<id>/ is there, from a crash or an earlier time: one entry after the other. */
static enum status merge(struct gw_drop *d, struct error *err)
{
    AUTO(fd_drop) int to = -1;
    struct merge m = {.d = d};

    claim_name(d, m.hidden);
    TRY(gw_dir_open(d->e->sent, d->id, &to, err));
    m.to = to;
    return gw_dir_each(d->claim, ".", entry_sent, &m, err);
}

enum status gw_claim_sent(struct gw_drop *d, struct error *err)
{
    const struct gw_spool_endpoint *e = d->e;
    char name[CLAIM_SIZE];
    struct stat there;
    enum status st;

    claim_name(d, name);
    if (fstatat(e->sent, d->id, &there, AT_SYMLINK_NOFOLLOW) == 0)
        st = merge(d, err);
    else
        st = gw_spool_move(e, e->out, name, e->sent, d->id, name, err);
    if (st != ST_OK) {
        err->reason = GW_R_SPOOL_FOLDER;
        (void)error_context(err, "%s cannot be moved to sent/%s", d->shown, d->id);
        (void)gw_rights_explain(e->sent, NULL, "sent/", err);
        fd_drop(&d->claim);
        d->e->leftovers = true;
        return err->status;
    }
    gw_spool_give(e, e->sent, d->id);
    gw_claim_close(d);
    return ST_OK;
}
