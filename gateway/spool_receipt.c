/* receipts/<id>.json, <id>.txt and the evidence beside them, brought up to date from the history.
 */
#define _GNU_SOURCE /* syncfs */
#include "gateway/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "gateway/log.h"
#include "gateway/message_json.h"
#include "gateway/payload.h"
#include "gateway/receipt_text.h"
#include "gateway/why_facts.h"

enum { ASIDE_MAX = 100, EVENTS = 200, BEHIND = 1000, ARENA_MAX = 32 * 1024 * 1024 };

/* As the API tells it, with the state in words for those who open the file by hand. */
static json_t *receipt_json(const struct gw_message_row *row)
{
    json_t *json = gw_json_message(row, NULL);

    gw_json_put(&json, "state_text_de", gw_json_text(gw_state_text(row->state, true)));
    gw_json_put(&json, "state_text_en", gw_json_text(gw_state_text(row->state, false)));
    return json;
}

/* A folder that somebody has made under the name of a receipt keeps what it holds: it can replace
 * nothing but an empty one. */
static bool set_aside(const struct gw_spool_endpoint *e, const char *name)
{
    char aside[GW_NAME_SIZE + GW_ID_SIZE + 32];

    for (int i = 1; i <= ASIDE_MAX; i++) {
        (void)snprintf(aside, sizeof aside, "%s.aside-%d", name, i);
        if (renameat(e->receipts, name, e->receipts, aside) == 0) {
            gw_log(e->rt->log, GW_LOG_WARNING, "receipt.name_taken",
                   LOG_STR("endpoint", e->conf->name), LOG_STR("folder", name),
                   LOG_STR("now", aside));
            return true;
        }
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
            break;
    }
    return false;
}

static enum status in_place(const struct gw_spool_endpoint *e, const char *hidden, const char *name,
                            struct error *err)
{
    if (renameat(e->receipts, hidden, e->receipts, name) == 0 ||
        (errno == EISDIR && set_aside(e, name) &&
         renameat(e->receipts, hidden, e->receipts, name) == 0))
        return ST_OK;
    return error_set(err, ST_RETRY, GW_R_SPOOL_FOLDER, "receipts/%s: %s", name, strerror(errno));
}

/* <id>.<ending> all at once. Not durable by itself: gw_spool_receipts sees to all of a batch. */
static enum status receipt_put(const struct gw_spool_endpoint *e, const char *id,
                               const char *ending, struct span text, struct error *err)
{
    AUTO(fd_drop) int fd = -1;
    char name[GW_ID_SIZE + 16], hidden[sizeof name + 1];

    (void)snprintf(name, sizeof name, "%s.%s", id, ending);
    (void)snprintf(hidden, sizeof hidden, ".%s", name);
    TRY(gw_dir_remove(e->receipts, hidden, err));
    fd = openat(e->receipts, hidden, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len)
        return error_set(err, ST_RETRY, GW_R_SPOOL_FOLDER, "receipts/%s: %s", name,
                         strerror(errno));
    gw_spool_give(e, e->receipts, hidden);
    return in_place(e, hidden, name, err);
}

static enum status json_write(const struct gw_spool_endpoint *e, const struct gw_message_row *row,
                              struct error *err)
{
    json_t *json = receipt_json(row);
    AUTO(free_drop) char *text = gw_json_dump(json, JSON_INDENT(2));

    json_decref(json);
    TRY_ALLOC(text, err);
    return receipt_put(e, row->id, "json", span_str(text), err);
}

/* <id>.submitted.mime, <id>.processcard.mime: the answers as the intermediary signed them. */
static enum status evidence_write(struct gw_spool_endpoint *e, const char *id,
                                  const struct gw_file_row *file, struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};
    AUTO(gw_file_writer_deinit) struct gw_file_writer writer = {0};
    char name[GW_NAME_SIZE + GW_ID_SIZE + 8], hidden[sizeof name + 8];
    struct stat there;
    enum status st;

    (void)snprintf(name, sizeof name, "%s.%s", id, file->name);
    (void)snprintf(hidden, sizeof hidden, ".%s", name);
    if (fstatat(e->receipts, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(there.st_mode))
        return ST_OK;
    st = gw_payload_open(e->rt->store, file, &source, err);
    if (st == ST_NOT_FOUND)
        return ST_OK; /* the start of the store has said so; the receipts go on without it */
    TRY(st);
    TRY(gw_dir_remove(e->receipts, hidden, err));
    TRY(gw_file_writer_open(&writer, e->receipts, hidden, err));
    TRY(gw_file_pump(&source.base, &writer.base, err));
    TRY(gw_file_writer_finish(&writer, err));
    gw_spool_give(e, e->receipts, hidden);
    return in_place(e, hidden, name, err);
}

/* All that a receipt tells, of one moment. */
struct known {
    struct gw_message_row row;
    struct gw_file_list files;
    struct gw_event_list events;
    struct gw_why why;
    int64_t now;
};

static enum status known_read(struct gw_spool_endpoint *e, const char *id, struct arena *arena,
                              struct known *k, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    k->now = gw_now_ms();
    TRY(gw_store_read(e->rt->store, &tx, err));
    TRY(gw_store_message(tx, arena, id, &k->row, err));
    TRY(gw_store_files(tx, arena, id, &k->files, err));
    TRY(gw_store_events(tx, arena, 0, id, NULL, NULL, GW_LIST_MAX, &k->events, err));
    return gw_why_message(e->rt, NULL, tx, &k->row, k->now, arena, &k->why, err);
}

static enum status text_write(const struct gw_spool_endpoint *e, const struct known *k,
                              struct error *err)
{
    const struct gw_receipt_facts facts = {
        .row = &k->row, .events = &k->events, .files = &k->files, .why = &k->why, .now = k->now};
    AUTO(buf_deinit) struct buf text = {0};

    buf_init(&text, GW_RECEIPT_TEXT_MAX);
    TRY(gw_receipt_text(&facts, &text, err));
    return receipt_put(e, k->row.id, "txt", buf_span(&text), err);
}

static enum status update(struct gw_spool_endpoint *e, const char *id, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    struct known k = {0};
    enum status st;

    arena_init(&arena, ARENA_MAX);
    st = known_read(e, id, &arena, &k, err);
    if (st == ST_NOT_FOUND || (st == ST_OK && k.row.box != GW_OUTBOX))
        return ST_OK;
    TRY(st);
    for (size_t i = 0; i < k.files.count; i++)
        if (k.files.rows[i].kind == GW_FILE_EVIDENCE && k.files.rows[i].name != NULL)
            TRY(evidence_write(e, id, &k.files.rows[i], err));
    TRY(json_write(e, &k.row, err));
    return text_write(e, &k, err);
}

/* Through the API, say, while in/<id> was left lying. What cannot be removed stays; the receipts do
 * not wait for it. */
static void elsewhere_heed(struct gw_spool_endpoint *e, const struct gw_event_row *event)
{
    struct error err = {0};

    if (event->to != GW_ACKNOWLEDGED || event->from == event->to ||
        (event->actor != NULL && strcmp(event->actor, "spool") == 0))
        return;
    if (gw_spool_clear(e, event->message_id, &err) != ST_OK)
        gw_log(e->rt->log, GW_LOG_WARNING, "message.left_behind", LOG_STR("id", event->message_id),
               LOG_STR("endpoint", e->conf->name), LOG_ERR(&err));
}

/* That its content was deleted says nothing new of a message. */
static bool is_news(const struct gw_event_row *event)
{
    return event->message_id != NULL && strcmp(event->kind, gw_event_name(GW_EV_ARCHIVE)) != 0;
}

/* A message with many events in the batch is written once. */
static bool later_again(const struct gw_event_list *list, size_t i)
{
    for (size_t k = i + 1; k < list->count; k++)
        if (is_news(&list->rows[k]) &&
            strcmp(list->rows[k].message_id, list->rows[i].message_id) == 0)
            return true;
    return false;
}

/* The events behind the cursor; *beyond: where it may go when there are none, 0: it is not worth a
 * commit. Without that an endpoint at rest would read all events of the others again and again. */
static enum status events_read(struct gw_spool_endpoint *e, const char *key, struct arena *arena,
                               struct gw_event_list *list, int64_t *beyond, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    int64_t after, last;

    TRY(gw_store_read(e->rt->store, &tx, err));
    TRY(gw_store_meta_ms(tx, key, 0, &after, err));
    TRY(gw_store_events(tx, arena, after, NULL, NULL, e->conf->name, EVENTS, list, err));
    TRY(gw_store_events_last(tx, &last, err));
    *beyond = list->count == 0 && last - after >= BEHIND ? last : 0;
    return ST_OK;
}

/* What was written becomes durable, and then the place up to where it was. */
static enum status cursor_move(struct gw_spool_endpoint *e, const char *key,
                               const struct gw_event_list *list, int64_t beyond, struct error *err)
{
    if (list->count == 0 && beyond == 0)
        return ST_OK;
    if (list->count == 0)
        return gw_store_commit_meta_ms(e->rt->store, key, beyond, err);
    if (syncfs(e->receipts) != 0)
        return error_set(err, ST_RETRY, GW_R_SPOOL_FOLDER, "receipts/: %s", strerror(errno));
    return gw_store_commit_meta_ms(e->rt->store, key, list->rows[list->count - 1].seq, err);
}

enum status gw_spool_receipts(struct gw_spool_endpoint *e, struct error *err)
{
    char key[GW_NAME_SIZE + 32];
    bool more = true;

    (void)snprintf(key, sizeof key, "receipts.cursor/%s", e->conf->name);
    while (more && !gw_loop_stopping(e->rt->loop)) {
        struct gw_event_list list = {0};
        int64_t beyond;
        AUTO(arena_deinit) struct arena arena = {0};

        arena_init(&arena, ARENA_MAX);
        TRY(events_read(e, key, &arena, &list, &beyond, err));
        for (size_t i = 0; i < list.count; i++) {
            if (list.rows[i].message_id == NULL)
                continue;
            if (list.rows[i].box == GW_INBOX)
                elsewhere_heed(e, &list.rows[i]);
            else if (is_news(&list.rows[i]) && !later_again(&list, i))
                TRY(update(e, list.rows[i].message_id, err));
        }
        TRY(cursor_move(e, key, &list, beyond, err));
        more = list.more;
    }
    return ST_OK;
}
