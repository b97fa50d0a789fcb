#define _GNU_SOURCE /* locks of open file descriptions */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

enum { SETTLED_MS = 60, PAUSE_MS = 100, ROUNDS = 600, LARGE = (1 << 20) + 1, HEX = 65 };

#define CLAIM ".taking-"

const char *const spool_rule_names[SPOOL_RULES] = {"rename", "settled", "marker", "manifest"};

static const char endpoints_yaml[] =
    "endpoints:\n"
    "  - {name: rename, folder: '{dir}/rename', complete: rename, routes: [{partner: Beheim}]}\n"
    "  - {name: settled, folder: '{dir}/settled', complete: settled,"
    " routes: [{partner: Beheim}]}\n"
    "  - {name: marker, folder: '{dir}/marker', complete: marker, routes: [{partner: Beheim}]}\n"
    "  - {name: manifest, folder: '{dir}/manifest', complete: manifest,"
    " routes: [{partner: Beheim}]}\n"
    "limits: { message_max_mb: 1 }\n";

/* ---- the world ---- */

static void endpoint_open(struct spool_world *w, enum spool_rule rule)
{
    struct gw_spool_endpoint *e = &w->e[rule];
    struct error err = {0};

    if (gw_spool_endpoint_open(e, w->h.rt, gw_config_endpoint(w->h.conf, spool_rule_names[rule]),
                               &err) != ST_OK)
        fail_msg("%s", err.text);
    e->patience = (struct gw_spool_patience){.settled_ms = SETTLED_MS,
                                             .empty_ms = SETTLED_MS,
                                             .unreadable_ms = 0,
                                             .waiting_ms = 3600000};
}

void spool_world_open(struct spool_world *w)
{
    arena_init(&w->arena, 256 * 1024 * 1024);
    helper_runtime_open(&w->h, helper_town_yaml, endpoints_yaml, NULL);
    for (size_t i = 0; i < SPOOL_RULES; i++)
        endpoint_open(w, (enum spool_rule)i);
}

void spool_world_close(struct spool_world *w)
{
    for (size_t i = 0; i < SPOOL_RULES; i++)
        gw_spool_endpoint_deinit(&w->e[i]);
    helper_runtime_deinit(&w->h);
    arena_deinit(&w->arena);
}

int spool_scan(struct spool_world *w, enum spool_rule rule)
{
    struct error err = {0};
    int again_ms;

    do {
        if (gw_spool_take(&w->e[rule], &again_ms, &err) != ST_OK)
            fail_msg("%s", err.text);
    } while (again_ms == 0);
    return again_ms;
}

static void pause_ms(int ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000 * 1000};

    (void)nanosleep(&t, NULL);
}

void spool_scan_until(struct spool_world *w, enum spool_rule rule)
{
    for (int i = 0; i < ROUNDS && spool_scan(w, rule) != -1; i++)
        pause_ms(SETTLED_MS / 2);
}

/* ---- the script ---- */

struct play {
    struct spool_world *w;
    struct gw_spool_endpoint *e;
    enum spool_rule rule;
    char names[2][GW_PATH_SIZE];
    char text[2048];
    int open; /* for "open", "lock", "olock" */
    char claim[GW_ID_SIZE + 16];
};

static void put(int at, const char *name, const char *text, int how)
{
    AUTO(fd_drop) int fd = openat(at, name, O_WRONLY | O_CREAT | O_CLOEXEC | how, 0660);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        fail_msg("%s: %s", name, strerror(errno));
}

static void must(int result, const char *what)
{
    if (result != 0)
        fail_msg("%s: %s", what, strerror(errno));
}

static void digest_hex(int at, const char *name, char hex[HEX])
{
    struct error err = {0};
    uint8_t sha256[32];
    uint64_t len;

    if (gw_file_digest(at, name, &len, sha256, &err) != ST_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
}

static void manifest_name(const struct play *p, char name[GW_PATH_SIZE + 8])
{
    (void)snprintf(name, GW_PATH_SIZE + 8, "%s.sha256", p->names[0]);
}

struct listing {
    struct play *p;
    struct buf *lines;
};

static enum status list_entry(void *ctx, const char *name, mode_t mode, struct error *err)
{
    const struct listing *l = ctx;
    char path[GW_PATH_SIZE * 2], hex[HEX];

    (void)err;
    if (name[0] == '.' || !S_ISREG(mode))
        return ST_OK;
    (void)snprintf(path, sizeof path, "%s/%s", l->p->names[0], name);
    digest_hex(l->p->e->out, path, hex);
    buf_printf(l->lines, "%s  %s/%s\n", hex, l->p->names[0], name);
    return ST_OK;
}

static void do_sum(struct play *p)
{
    AUTO(buf_deinit) struct buf lines = {0};
    struct listing l = {p, &lines};
    char manifest[GW_PATH_SIZE + 8], hex[HEX];
    struct error err = {0};
    struct stat st;

    buf_init(&lines, 1 << 20);
    must(fstatat(p->e->out, p->names[0], &st, AT_SYMLINK_NOFOLLOW), p->names[0]);
    if (S_ISDIR(st.st_mode)) {
        assert_int_equal(gw_dir_each(p->e->out, p->names[0], list_entry, &l, &err), ST_OK);
    } else if (S_ISREG(st.st_mode)) {
        digest_hex(p->e->out, p->names[0], hex);
        buf_printf(&lines, "%s%s  ", strchr(p->names[0], '\\') == NULL ? "" : "\\", hex);
        for (const char *c = p->names[0]; *c != '\0'; c++)
            buf_printf(&lines, *c == '\\' ? "\\%c" : "%c", *c);
        buf_char(&lines, '\n');
    }
    manifest_name(p, manifest);
    put(p->e->out, manifest, buf_cstr(&lines), O_TRUNC);
}

static void do_for(struct play *p)
{
    char manifest[GW_PATH_SIZE + 8], line[GW_PATH_SIZE + HEX + 8], hex[HEX];

    put(p->e->out, ".for", p->text, O_TRUNC);
    digest_hex(p->e->out, ".for", hex);
    must(unlinkat(p->e->out, ".for", 0), ".for");
    (void)snprintf(line, sizeof line, "%s  %s\n", hex, p->names[0]);
    manifest_name(p, manifest);
    put(p->e->out, manifest, line, O_TRUNC);
}

static void do_list(struct play *p)
{
    AUTO(buf_deinit) struct buf text = {0};
    char manifest[GW_PATH_SIZE + 8], hex[HEX];

    buf_init(&text, 1 << 20);
    put(p->e->out, ".eins", "eins", O_TRUNC);
    digest_hex(p->e->out, ".eins", hex);
    must(unlinkat(p->e->out, ".eins", 0), ".eins");
    for (const char *c = p->text; *c != '\0'; c++) {
        if (*c == '$')
            buf_str(&text, hex);
        else if (*c == '^')
            for (const char *x = hex; *x != '\0'; x++)
                buf_char(&text, *x >= 'a' ? (char)(*x - 'a' + 'A') : *x);
        else if (c[0] == '\\' && c[1] == 'n')
            buf_char(&text, *c++ == '\\' ? '\n' : '?');
        else
            buf_char(&text, *c);
    }
    manifest_name(p, manifest);
    put(p->e->out, manifest, buf_cstr(&text), O_TRUNC);
}

static void do_w(struct play *p)
{
    put(p->e->out, p->names[0], p->text, O_TRUNC);
}

static void do_a(struct play *p)
{
    put(p->e->out, p->names[0], p->text, O_APPEND);
}

static void do_t(struct play *p)
{
    put(p->e->out, ".t.tmp", p->text, O_TRUNC);
    must(renameat(p->e->out, ".t.tmp", p->e->out, p->names[0]), p->names[0]);
}

static void do_big(struct play *p)
{
    put(p->e->out, p->names[0], "", O_TRUNC);
    {
        AUTO(fd_drop) int fd = openat(p->e->out, p->names[0], O_WRONLY | O_CLOEXEC);

        must(ftruncate(fd, LARGE), p->names[0]);
    }
}

static void do_hole(struct play *p)
{
    AUTO(fd_drop) int fd = openat(p->e->out, p->names[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0660);

    must(ftruncate(fd, LARGE / 2), p->names[0]);
}

static void do_hard(struct play *p)
{
    must(linkat(p->e->out, p->names[0], p->e->out, p->names[1], 0), p->names[1]);
}

static void do_mv(struct play *p)
{
    must(renameat(p->e->out, p->names[0], p->e->out, p->names[1]), p->names[1]);
}

static void do_rm(struct play *p)
{
    struct error err = {0};

    assert_int_equal(gw_dir_remove(p->e->out, p->names[0], &err), ST_OK);
}

static void do_d(struct play *p)
{
    must(mkdirat(p->e->out, p->names[0], 0770), p->names[0]);
}

static void do_link(struct play *p)
{
    must(symlinkat("/etc/passwd", p->e->out, p->names[0]), p->names[0]);
}

static void do_fifo(struct play *p)
{
    must(mkfifoat(p->e->out, p->names[0], 0660), p->names[0]);
}

static void do_sock(struct play *p)
{
    AUTO(fd_drop) int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    (void)snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/%.60s", p->e->out,
                   p->names[0]);
    must(bind(fd, (const struct sockaddr *)&at, sizeof at), p->names[0]);
}

static void do_ready(struct play *p)
{
    (void)snprintf(p->names[0] + strlen(p->names[0]), 8, ".ready");
    put(p->e->out, p->names[0], "", O_TRUNC);
}

static void do_done(struct play *p)
{
    if (p->rule == SPOOL_MARKER)
        do_ready(p);
    else if (p->rule == SPOOL_MANIFEST)
        do_sum(p);
}

static void do_open(struct play *p)
{
    p->open = openat(p->e->out, p->names[0], O_RDWR | O_CLOEXEC);
    assert_true(p->open >= 0);
}

static void do_lock(struct play *p)
{
    do_open(p);
    must(flock(p->open, LOCK_EX | LOCK_NB), "flock");
}

static void do_olock(struct play *p)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    do_open(p);
    must(fcntl(p->open, F_OFD_SETLK, &lock), "lock");
}

static void do_close(struct play *p)
{
    fd_drop(&p->open);
}

static void do_touch(struct play *p)
{
    const struct timespec times[] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};

    must(utimensat(p->e->out, p->names[0], times, 0), p->names[0]);
}

static void do_pause(struct play *p)
{
    (void)p;
    pause_ms(PAUSE_MS);
}

static void do_scan(struct play *p)
{
    (void)spool_scan(p->w, p->rule);
}

static void do_until(struct play *p)
{
    spool_scan_until(p->w, p->rule);
}

static void do_crash(struct play *p)
{
    int64_t waiting_ms = p->e->patience.waiting_ms;

    gw_spool_endpoint_deinit(p->e);
    endpoint_open(p->w, p->rule);
    p->e->patience.waiting_ms = waiting_ms;
}

static void do_moved(struct play *p)
{
    struct error err = {0};

    p->e->looked = true;
    assert_int_equal(gw_spool_moved(p->e, &err), ST_OK);
    pause_ms(2); /* the next time is another one */
}

static void do_claimonly(struct play *p)
{
    char to[GW_PATH_SIZE * 2], id[GW_ID_SIZE];
    struct error err = {0};

    if (p->claim[0] == '\0') {
        assert_int_equal(gw_uuid_make(rng_system(), gw_now_ms(), id, &err), ST_OK);
        (void)snprintf(p->claim, sizeof p->claim, CLAIM "%s", id);
        must(mkdirat(p->e->out, p->claim, 0770), p->claim);
    }
    (void)snprintf(to, sizeof to, "%s/%s", p->claim, p->names[0]);
    must(renameat(p->e->out, p->names[0], p->e->out, to), to);
}

static void do_claim(struct play *p)
{
    const char *ending;
    char from[GW_PATH_SIZE * 2], to[GW_PATH_SIZE * 3];

    do_claimonly(p);
    for (size_t i = 0; (ending = gw_spool_companion(p->e, i)) != NULL; i++) {
        (void)snprintf(from, sizeof from, "%s%s", p->names[0], ending);
        (void)snprintf(to, sizeof to, "%s/%s", p->claim, from);
        (void)renameat(p->e->out, from, p->e->out, to);
    }
}

static void last_sent(const struct play *p, char id[GW_ID_SIZE])
{
    const struct gw_message_list list = helper_messages(&p->w->h, &p->w->arena, GW_OUTBOX, 0);

    assert_true(list.count > 0);
    (void)snprintf(id, GW_ID_SIZE, "%s", list.rows[0].id);
}

static void do_back(struct play *p)
{
    char id[GW_ID_SIZE], from[GW_PATH_SIZE * 2];

    last_sent(p, id);
    (void)snprintf(from, sizeof from, "%s/%s", id, p->names[0]);
    must(renameat(p->e->sent, from, p->e->out, p->names[0]), from);
}

static void do_unsend(struct play *p)
{
    char id[GW_ID_SIZE], to[GW_ID_SIZE + 16];

    last_sent(p, id);
    (void)snprintf(to, sizeof to, CLAIM "%s", id);
    must(renameat(p->e->sent, id, p->e->out, to), to);
}

static void do_overdue(struct play *p)
{
    p->e->patience.waiting_ms = 0;
}

static const struct verb {
    const char *name;
    int names;
    void (*run)(struct play *p);
} verbs[] = {
    {"w", 1, do_w},
    {"a", 1, do_a},
    {"t", 1, do_t},
    {"big", 1, do_big},
    {"hole", 1, do_hole},
    {"hard", 2, do_hard},
    {"mv", 2, do_mv},
    {"rm", 1, do_rm},
    {"d", 1, do_d},
    {"link", 1, do_link},
    {"fifo", 1, do_fifo},
    {"sock", 1, do_sock},
    {"ready", 1, do_ready},
    {"sum", 1, do_sum},
    {"for", 1, do_for},
    {"list", 1, do_list},
    {"done", 1, do_done},
    {"open", 1, do_open},
    {"lock", 1, do_lock},
    {"olock", 1, do_olock},
    {"close", 0, do_close},
    {"unlock", 0, do_close},
    {"touch", 1, do_touch},
    {"pause", 0, do_pause},
    {"scan", 0, do_scan},
    {"until", 0, do_until},
    {"crash", 0, do_crash},
    {"moved", 0, do_moved},
    {"claim", 1, do_claim},
    {"back", 1, do_back},
    {"unsend", 0, do_unsend},
    {"claimonly", 1, do_claimonly},
    {"overdue", 0, do_overdue},
};

/* '%' becomes the file. */
static void expand(struct span word, const char *file, char *out, size_t cap)
{
    size_t len = 0;

    for (size_t i = 0; i < word.len; i++) {
        int n = word.ptr[i] == '%' ? snprintf(out + len, cap - len, "%s", file)
                                   : snprintf(out + len, cap - len, "%c", word.ptr[i]);

        len += (size_t)n;
        assert_true(len < cap);
    }
    out[len] = '\0';
}

static void statement(struct play *p, struct span s, const char *file)
{
    struct span verb, name;

    s = span_trim(s);
    (void)span_split(&s, ' ', &verb);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (!span_is(verb, verbs[i].name))
            continue;
        for (int k = 0; k < verbs[i].names; k++) {
            assert_true(span_split(&s, ' ', &name));
            expand(name, file, p->names[k], sizeof p->names[k]);
        }
        expand(s, file, p->text, sizeof p->text);
        verbs[i].run(p);
        return;
    }
    fail_msg("no verb '%.*s'", SPAN_FMT(verb));
}

void spool_play(struct spool_world *w, enum spool_rule rule, const char *script, const char *file)
{
    struct play p = {.w = w, .e = &w->e[rule], .rule = rule, .open = -1};
    struct span rest = span_str(script), one;

    p.e->patience.waiting_ms = 3600000;
    while (span_split(&rest, ';', &one))
        statement(&p, one, file);
    fd_drop(&p.open);
}

/* ---- what came of it ---- */

/* One file of a message against the one that was sent. */
static bool is_whole(struct spool_world *w, enum spool_rule rule, const struct gw_message_row *row,
                     const struct gw_file_row *file, bool folder)
{
    char path[GW_PATH_SIZE];
    struct error err = {0};
    uint8_t sha256[32];
    uint64_t len;

    (void)snprintf(path, sizeof path, folder ? "%s/%s/%s" : "%s/%s", row->id, row->source_name,
                   file->name);
    return gw_file_digest(w->e[rule].sent, path, &len, sha256, &err) == ST_OK && len == file->len &&
           memcmp(sha256, file->sha256, sizeof sha256) == 0 &&
           gw_payload_verify(w->h.rt->store, file, &err) == ST_OK;
}

static void message_check(struct spool_world *w, enum spool_rule rule,
                          const struct gw_message_row *row)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_file_list files = {0};
    struct error err = {0};
    char path[GW_PATH_SIZE];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s/%s", row->id, row->source_name);
    if (fstatat(w->e[rule].sent, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return; /* the other of two: counted by its number */
    assert_int_equal(gw_store_read(w->h.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_files(tx, &w->arena, row->id, &files, &err), ST_OK);
    for (size_t i = 0; i < files.count; i++)
        if (files.rows[i].kind == GW_FILE_PAYLOAD &&
            !is_whole(w, rule, row, &files.rows[i], S_ISDIR(st.st_mode)))
            w->half_read++;
}

/* size: of each message; 0: any */
static unsigned messages_check(struct spool_world *w, enum spool_rule rule, size_t size)
{
    const struct gw_filter filter = {.box = GW_OUTBOX,
                                     .endpoint = spool_rule_names[rule],
                                     .oldest_first = true,
                                     .cursor = w->last[0] == '\0' ? NULL : w->last,
                                     .limit = GW_LIST_MAX};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_list list = {0};
    struct error err = {0};

    assert_int_equal(gw_store_read(w->h.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_messages(tx, &w->arena, &filter, &list, &err), ST_OK);
    for (size_t i = 0; i < list.count; i++) {
        message_check(w, rule, &list.rows[i]);
        w->half_read += size != 0 && list.rows[i].size_bytes != size;
    }
    if (list.count > 0)
        (void)snprintf(w->last, sizeof w->last, "%s", list.rows[list.count - 1].id);
    return (unsigned)list.count;
}

struct tally {
    unsigned shown, hidden, explained;
};

static enum status tally_entry(void *ctx, const char *name, mode_t mode, struct error *err)
{
    struct tally *t = ctx;

    (void)mode;
    (void)err;
    if (span_starts(span_str(name), SPAN(CLAIM)))
        t->hidden++;
    else
        t->shown++;
    t->explained += span_ends(span_str(name), SPAN(".error.txt"));
    return ST_OK;
}

static struct tally tally_of(int folder)
{
    struct tally t = {0};
    struct error err = {0};

    assert_int_equal(gw_dir_each(folder, ".", tally_entry, &t, &err), ST_OK);
    return t;
}

static enum status remove_entry(void *ctx, const char *name, mode_t mode, struct error *err)
{
    (void)mode;
    return gw_dir_remove(*(const int *)ctx, name, err);
}

static void folder_empty(int folder)
{
    struct error err = {0};

    if (gw_dir_each(folder, ".", remove_entry, &folder, &err) != ST_OK)
        fail_msg("%s", err.text);
}

static int event_reason(struct spool_world *w, enum spool_rule rule)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_event_list list = {0};
    struct error err = {0};
    int reason = 0;

    assert_int_equal(gw_store_read(w->h.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_events(tx, &w->arena, w->event_seq, NULL, NULL,
                                     spool_rule_names[rule], GW_LIST_MAX, &list, &err),
                     ST_OK);
    for (size_t i = 0; i < list.count; i++) {
        w->event_seq = list.rows[i].seq;
        if (list.rows[i].message_id != NULL)
            continue;
        reason = list.rows[i].reason;
        assert_true(gw_name_is_printable(span_str(list.rows[i].de)));
    }
    return reason;
}

static void folders_empty(struct spool_world *w, enum spool_rule rule)
{
    folder_empty(w->e[rule].out);
    folder_empty(w->e[rule].refused);
    folder_empty(w->e[rule].sent);
    gw_waits_free(&w->e[rule].waits);
}

void spool_settle_up(struct spool_world *w, enum spool_rule rule, const struct spool_expect *expect)
{
    const struct gw_spool_endpoint *e = &w->e[rule];
    unsigned before = w->half_read, taken = messages_check(w, rule, 0);
    struct tally out = tally_of(e->out), refused = tally_of(e->refused);
    int reason = event_reason(w, rule);

    folders_empty(w, rule);
    if (taken > expect->taken)
        w->twice += taken - expect->taken;
    if (taken + refused.explained + out.shown < expect->taken + expect->refused + expect->left)
        w->lost++;
    assert_int_equal(taken, expect->taken);
    assert_int_equal(refused.explained, expect->refused);
    assert_int_equal(out.shown, expect->left);
    assert_int_equal(out.hidden, 0);
    assert_int_equal(reason, expect->reason);
    assert_int_equal(w->half_read, before);
}

void spool_settle_writers(struct spool_world *w, enum spool_rule rule, unsigned count, size_t size)
{
    unsigned before = w->half_read, taken = messages_check(w, rule, size);

    (void)event_reason(w, rule);
    folders_empty(w, rule);
    w->lost += taken < count ? count - taken : 0;
    w->twice += taken > count ? taken - count : 0;
    assert_int_equal(taken, count);
    assert_int_equal(w->half_read, before);
}
