#include "gateway/crl_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "gateway/files.h"
#include "gateway/log.h"
#include "gateway/worker.h"

enum { REFUSED_LOGGED_MAX = 16 };

/* What one look came to; the job's alone while it runs. */
struct look {
    uint64_t print; /* of names, lengths, times */
    struct crls *crls;
    size_t files, refused;
    uint64_t bytes;
    struct error why[REFUSED_LOGGED_MAX];
    struct error failed; /* the folder itself */
};

struct gw_crl_folder {
    const struct gw_trust_conf *conf;
    const struct trust *trust;
    struct cert_checker *checker;
    struct gw_loop *loop;
    struct gw_log *log;
    struct gw_timer *timer;
    bool looking, loaded;
    uint64_t print;      /* of the lists that hold */
    uint64_t doubtful;   /* of a folder with refused files, seen once */
    int64_t next_update; /* of the lists that hold; 0: told, or there is none */
    bool failure_told;
    struct look look;
};

/* ---- in the worker ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(0x100000001b3); /* FNV-1a */
}

struct walk {
    struct gw_crl_folder *folder;
    int dir;
    bool read;
    struct buf file;
};

static void refuse(struct look *look, const struct error *why)
{
    if (look->refused < REFUSED_LOGGED_MAX)
        look->why[look->refused] = *why;
    look->refused++;
}

static enum status file_read(struct walk *walk, const char *name, uint64_t len, struct error *err)
{
    struct look *look = &walk->folder->look;

    look->bytes += len;
    if (look->bytes > GW_CRLS_BYTES_MAX)
        return error_set(err, ST_LIMIT, 0, "%s: all lists together are larger than %d MB", name,
                         GW_CRLS_BYTES_MAX >> 20);
    buf_reset(&walk->file);
    TRY(gw_file_read(walk->dir, name, &walk->file, err));
    return crls_add(look->crls, name, buf_span(&walk->file), err);
}

static enum status file_look(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct walk *walk = ctx;
    struct look *look = &walk->folder->look;
    struct error why = {0};
    uint64_t len, hash = UINT64_C(0xcbf29ce484222325);
    int64_t changed_at;

    if (name[0] == '.' || S_ISDIR(mode))
        return ST_OK;
    if (gw_file_stat(walk->dir, name, &len, &changed_at, &why) != ST_OK) {
        refuse(look, &why);
        return ST_OK;
    }
    look->files++;
    for (const char *c = name; *c != '\0'; c++)
        hash = mix(hash, (unsigned char)*c);
    look->print += mix(mix(hash, len), (uint64_t)changed_at); /* in no order */
    if (walk->read && file_read(walk, name, len, &why) != ST_OK)
        refuse(look, &why);
    (void)err;
    return ST_OK;
}

static enum status folder_walk(struct gw_crl_folder *f, bool read, struct error *err)
{
    struct walk walk = {.folder = f, .dir = -1, .read = read};
    enum status st;

    f->look.print = 0;
    f->look.files = f->look.refused = 0;
    f->look.bytes = 0;
    buf_init(&walk.file, CRL_BYTES_MAX + 1);
    TRY(gw_dir_open(AT_FDCWD, f->conf->crls, &walk.dir, err));
    st = gw_dir_each(walk.dir, ".", file_look, &walk, err);
    fd_drop(&walk.dir);
    buf_deinit(&walk.file);
    return st;
}

static enum status look_at(struct gw_crl_folder *f, struct error *err)
{
    TRY(folder_walk(f, false, err));
    if (f->loaded && f->look.print == f->print)
        return ST_OK;
    TRY(crls_new(f->trust, f->conf->crls_expected, &f->look.crls, err));
    return folder_walk(f, true, err);
}

static void look_run(void *ctx)
{
    struct gw_crl_folder *f = ctx;

    f->look = (struct look){0};
    (void)!look_at(f, &f->look.failed);
}

/* ---- on the loop ---- */

static void refused_log(const struct gw_crl_folder *f)
{
    for (size_t i = 0; i < f->look.refused && i < REFUSED_LOGGED_MAX; i++)
        gw_log(f->log, GW_LOG_ERROR, "crls.refused", LOG_STR("path", f->conf->crls),
               LOG_ERR(&f->look.why[i]));
}

/* Whoever writes a file just now shall not make us forget who was revoked in it. */
static bool is_doubtful(struct gw_crl_folder *f)
{
    bool again = f->doubtful == f->look.print;

    f->doubtful = f->look.print;
    return f->look.refused > 0 && f->loaded && !again;
}

static void lists_take(struct gw_crl_folder *f)
{
    struct look *look = &f->look;

    refused_log(f);
    f->next_update = crls_next_update(look->crls);
    gw_log(f->log, look->refused > 0 || crls_count(look->crls) == 0 ? GW_LOG_WARNING : GW_LOG_INFO,
           "crls.loaded", LOG_STR("path", f->conf->crls), LOG_INT("files", look->files),
           LOG_INT("lists", crls_count(look->crls)), LOG_INT("refused", look->refused));
    cert_checker_take_crls(f->checker, TAKE(look->crls));
    f->print = look->print;
    f->loaded = true;
}

static void outdated_tell(struct gw_crl_folder *f)
{
    if (f->next_update == 0 || gw_now_ms() < f->next_update)
        return;
    gw_log(f->log, GW_LOG_WARNING, "crls.outdated", LOG_STR("path", f->conf->crls));
    f->next_update = 0;
}

static void look_done(void *ctx)
{
    struct gw_crl_folder *f = ctx;
    struct look *look = &f->look;

    f->looking = false;
    if (look->failed.status != ST_OK && !f->failure_told)
        gw_log(f->log, GW_LOG_ERROR, "crls.unreadable", LOG_STR("path", f->conf->crls),
               LOG_ERR(&look->failed));
    f->failure_told = look->failed.status != ST_OK;
    if (look->failed.status == ST_OK && look->crls != NULL && !is_doubtful(f))
        lists_take(f);
    crls_free(look->crls);
    look->crls = NULL;
    outdated_tell(f);
}

void gw_crl_folder_look(struct gw_crl_folder *f)
{
    if (f->looking || gw_loop_stopping(f->loop))
        return;
    f->looking = true;
    gw_worker_run(f->loop, look_run, look_done, f);
}

static void fire(void *ctx)
{
    gw_crl_folder_look(ctx);
}

enum status gw_crl_folder_new(const struct gw_trust_conf *conf, const struct trust *trust,
                              struct cert_checker *checker, struct gw_loop *loop,
                              struct gw_log *log, struct gw_crl_folder **out, struct error *err)
{
    struct gw_crl_folder *f = gw_alloc(sizeof *f);

    f->conf = conf;
    f->trust = trust;
    f->checker = checker;
    f->loop = loop;
    f->log = log;
    look_run(f); /* before anybody asks */
    if (f->look.failed.status != ST_OK) {
        *err = f->look.failed;
        gw_crl_folder_free(f);
        return err->status;
    }
    look_done(f);
    f->timer = gw_timer_new(loop, fire, f);
    gw_timer_start(f->timer, GW_CRLS_LOOK_MS, GW_CRLS_LOOK_MS);
    *out = f;
    return ST_OK;
}

void gw_crl_folder_close(struct gw_crl_folder *f)
{
    if (f != NULL)
        gw_timer_drop(&f->timer);
}

void gw_crl_folder_free(struct gw_crl_folder *f)
{
    if (f == NULL)
        return;
    gw_crl_folder_close(f);
    crls_free(f->look.crls);
    free(f);
}
