/* In: one delivery of our mailbox, chunk by chunk. */
#include <jansson.h>
#include <stdio.h>

#include "gateway/chunks.h"
#include "gateway/inbound.h"
#include "gateway/log.h"
#include "gateway/message_json.h"
#include "gateway/outbound.h"
#include "gateway/parts.h"
#include "osci/chunk.h"

enum { ARENA_MAX = 64 * 1024 * 1024, DECLINED_MS = 3600 * 1000, KEY_SIZE = 300 };

/* One transfer. Its facts are kept under a key with the peer's name: there is one at a time. */
struct fetching {
    struct gw_conversation *talk;
    const struct gw_runtime *rt;
    struct arena arena;
    char key[KEY_SIZE];
    bool begun;             /* the facts are durable: */
    char owner[GW_ID_SIZE]; /* of the files */
    struct span id;         /* MessageId */
    uint64_t kb, total, total_kb;
    struct gw_file_list files; /* the chunks that are there, 1 to done */
    uint64_t done;
    bool resumed;
    struct gw_chunk_progress progress;
};

/* ---- the facts ---- */

static void key_make(char key[KEY_SIZE], const char *what, const struct gw_conversation *talk)
{
    (void)snprintf(key, KEY_SIZE, "%s/%s", what, talk->peer->conf->name);
}

static enum status facts_text(struct fetching *f, char **text, struct error *err)
{
    const char *id;
    json_t *json;

    TRY(gw_osci_id_text(f->id, &f->arena, &id, err));
    json =
        json_pack("{s:s, s:s, s:I, s:I, s:I}", "owner", f->owner, "message_id", id, "chunk_kb",
                  (json_int_t)f->kb, "chunks", (json_int_t)f->total, "kb", (json_int_t)f->total_kb);
    *text = gw_json_dump(json, JSON_COMPACT);
    json_decref(json);
    TRY_ALLOC(*text, err);
    return ST_OK;
}

/* False: not ours, or of another version. */
static bool facts_read(struct fetching *f, const char *text)
{
    const char *owner, *id;
    json_int_t kb, total, total_kb;
    struct error ignored = {0};
    json_t *json = json_loads(text, 0, NULL);
    bool good = json_unpack(json, "{s:s, s:s, s:I, s:I, s:I}", "owner", &owner, "message_id", &id,
                            "chunk_kb", &kb, "chunks", &total, "kb", &total_kb) == 0 &&
                gw_uuid_is_valid(span_str(owner)) && kb > 0 && total > 0 && total_kb > 0 &&
                gw_osci_id_bytes(id, &f->arena, &f->id, &ignored) == ST_OK;

    if (good) {
        memcpy(f->owner, owner, GW_ID_SIZE);
        f->kb = (uint64_t)kb;
        f->total = (uint64_t)total;
        f->total_kb = (uint64_t)total_kb;
    }
    json_decref(json);
    return good;
}

static enum status facts_load(struct fetching *f, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    const char *text;
    enum status st;

    TRY(gw_store_read(f->rt->store, &tx, err));
    st = gw_store_meta(tx, &f->arena, f->key, &text, err);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    TRY(st);
    if (!facts_read(f, text))
        return ST_OK;
    TRY(gw_store_files(tx, &f->arena, f->owner, &f->files, err));
    f->begun = f->resumed = true;
    f->done = f->files.count;
    return ST_OK;
}

struct keeping {
    const struct fetching *f;
    const char *facts; /* NULL: they are there already */
    const struct gw_file_row *files;
    size_t count;
};

static enum status keep_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct keeping *k = ctx;

    if (k->facts != NULL)
        TRY(gw_store_meta_set(tx, k->f->key, k->facts, err));
    return gw_store_files_add(tx, k->f->owner, k->files, k->count, err);
}

static enum status drop_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct fetching *f = ctx;

    TRY(gw_store_meta_set(tx, f->key, NULL, err));
    return gw_store_files_forget(tx, f->owner, err);
}

/* The transfer is over, one way or the other. */
static enum status drop(struct fetching *f, struct error *err)
{
    if (!f->begun)
        return ST_OK;
    TRY(gw_store_commit(f->rt->store, drop_commit, f, err));
    f->begun = f->resumed = false;
    f->done = 0;
    f->files = (struct gw_file_list){0};
    f->progress = (struct gw_chunk_progress){0};
    return ST_OK;
}

/* What came cannot be used: nothing more may be said in this dialog, and why stays in err. */
static enum status useless(struct fetching *f, struct error *err)
{
    const struct error why = *err;
    struct error ignored = {0};

    gw_conversation_abandon(f->talk);
    if (drop(f, &ignored) != ST_OK)
        gw_log(f->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_ERR(&ignored));
    *err = why;
    return err->status;
}

/* ---- one chunk ---- */

/* "1 2 3" or "-1": all of them so far, since they are fetched in order. */
static enum status received_write(uint64_t count, struct buf *out, struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    struct osci_chunk_set set;

    arena_init(&arena, 64 * 1024);
    TRY(osci_chunk_set_init(&set, count, &arena, err));
    for (uint64_t n = 1; n <= count; n++)
        (void)osci_chunk_set_add(&set, n);
    buf_init(out, OSCI_CHUNKS_TEXT_MAX);
    osci_chunk_set_write(&set, out);
    return buf_check(out, err);
}

/* Of the delivery with this id; NULL: the one that waits longest. */
static enum status chunk_ask(struct gw_conversation *talk, struct span *id, uint64_t number,
                             uint64_t kb, struct gw_answer *answer, struct error *err)
{
    struct osci_cert certs[2];
    struct osci_message msg = {.type = OSCI_PARTIAL_FETCH_DELIVERY, .certs = certs};
    AUTO(buf_deinit) struct buf received = {0};

    if (id != NULL)
        msg.selection = (struct osci_selection){.by = OSCI_SELECT_IDS, .ids = id, .id_count = 1};
    TRY(received_write(number - 1, &received, err));
    msg.chunk = (struct osci_chunk_info){
        .present = true, .number = number, .size_kb = kb, .received = buf_span(&received)};
    return gw_exchange(talk, &msg, answer, err);
}

enum status gw_chunk_ask(struct gw_conversation *talk, struct span *id, struct gw_answer *answer,
                         struct error *err)
{
    return chunk_ask(talk, id, 1, gw_chunk_kb(talk->peer->conf, &talk->features, 0), answer, err);
}

static enum status ask(struct fetching *f, uint64_t number, struct gw_answer *answer,
                       struct error *err)
{
    return chunk_ask(f->talk, f->begun ? &f->id : NULL, number, f->kb, answer, err);
}

/* What the first chunk promises must be possible before anything is kept for it. */
static enum status promise_check(struct fetching *f, const struct osci_message *msg,
                                 struct error *err)
{
    const struct osci_chunk_info *info = &msg->chunk;
    uint64_t max_kb = (uint64_t)f->rt->conf->limits.message_max_mb << 10;

    if (msg->message_id.len == 0 || info->total < 1 || info->total > OSCI_CHUNKS_MAX ||
        info->total_size_kb < 1)
        return error_set(err, ST_INVALID, GW_R_NET_ANSWER, "a first chunk of %llu, %llu KB in all",
                         (unsigned long long)info->total, (unsigned long long)info->total_size_kb);
    if (info->total_size_kb > max_kb)
        return error_set(err, ST_LIMIT, GW_R_LIMIT,
                         "a delivery of %llu MB, limits.message_max_mb is %lld",
                         (unsigned long long)(info->total_size_kb >> 10),
                         (long long)f->rt->conf->limits.message_max_mb);
    /* one KB more or less, by the way it was rounded (8.2) */
    if (info->total * f->kb + 1 < info->total_size_kb ||
        (info->total - 1) * f->kb > info->total_size_kb)
        return error_set(err, ST_INVALID, GW_R_NET_ANSWER,
                         "%llu chunks of %llu KB cannot be %llu KB",
                         (unsigned long long)info->total, (unsigned long long)f->kb,
                         (unsigned long long)info->total_size_kb);
    /* the chunks, and the files that are made of them */
    if (gw_disk_room(gw_store_dir(f->rt->store), 2 * info->total_size_kb * 1024, err) != ST_OK) {
        err->reason = GW_R_STORE_FULL;
        return err->status;
    }
    return ST_OK;
}

/* Is it the chunk that was asked for, of the delivery that was begun? */
static enum status chunk_check(const struct fetching *f, const struct osci_message *msg,
                               uint64_t number, uint64_t len, struct error *err)
{
    const struct osci_chunk_info *info = &msg->chunk;
    uint64_t before = (number - 1) * f->kb * 1024;

    if (info->number != number || info->total != f->total || info->total_size_kb != f->total_kb ||
        !span_eq(msg->message_id, f->id))
        return error_set(err, ST_INVALID, GW_R_NET_ANSWER,
                         "chunk %llu of %llu of another delivery, or of this one changed",
                         (unsigned long long)info->number, (unsigned long long)info->total);
    if (number < f->total
            ? len == f->kb * 1024
            : len > 0 && len <= f->kb * 1024 && osci_chunk_total_fits(before + len, f->total_kb))
        return ST_OK;
    return error_set(err, ST_INVALID, GW_R_NET_ANSWER, "chunk %llu of %llu has %llu bytes",
                     (unsigned long long)number, (unsigned long long)f->total,
                     (unsigned long long)len);
}

static enum status begin(struct fetching *f, const struct osci_message *msg, struct error *err)
{
    TRY(promise_check(f, msg, err));
    f->id = arena_span(&f->arena, msg->message_id);
    TRY_ALLOC(f->id.ptr, err);
    f->total = msg->chunk.total;
    f->total_kb = msg->chunk.total_size_kb;
    return gw_uuid_make(f->rt->rng, gw_now_ms(), f->owner, err);
}

/* Durable when this returns, with the facts if it is the first. */
static enum status chunk_keep(struct fetching *f, const struct osci_reading *reading,
                              uint64_t number, struct error *err)
{
    AUTO(gw_stage_drop) struct gw_stage *stage = NULL;
    AUTO(free_drop) char *facts = NULL;
    struct keeping keeping = {.f = f};
    struct sink *sink;
    size_t attachment;

    TRY(osci_chunk_find(reading, &attachment, err));
    TRY(chunk_check(f, &reading->msg, number, reading->msg.attachments[attachment].len, err));
    f->done = number;
    if (number <= f->files.count)
        return ST_OK; /* it is there already */
    TRY(gw_stage_new(f->rt->store, f->owner, &stage, err));
    TRY(gw_stage_add(stage, GW_FILE_CHUNK, NULL, NULL, NULL, &sink, err));
    TRY(osci_attachment_copy(reading, attachment, sink, err));
    TRY(gw_stage_close(stage, err));
    TRY(gw_stage_publish(stage, err));
    keeping.files = gw_stage_files(stage, &keeping.count);
    if (!f->begun)
        TRY(facts_text(f, &facts, err));
    keeping.facts = facts;
    TRY(gw_store_commit(f->rt->store, keep_commit, &keeping, err));
    gw_stage_done(stage);
    f->begun = true;
    return ST_OK;
}

/* How far it is, for the operator: there is no message yet whose history could say it. */
static enum status tell(struct fetching *f, struct error *err)
{
    unsigned long long done = f->done, total = f->total;
    const char *peer = f->talk->peer->conf->name;
    char en[400], de[400];
    const struct gw_cause cause = {.now = gw_now_ms(), .actor = "inbound", .en = en, .de = de};

    if (!gw_chunk_progress_due(&f->progress, done, total, cause.now))
        return ST_OK;
    (void)snprintf(en, sizeof en, "chunk %llu of %llu of a delivery from %s is here", done, total,
                   peer);
    (void)snprintf(de, sizeof de, "Paket %llu von %llu einer Zustellung von %s ist da", done, total,
                   peer);
    gw_log(f->rt->log, GW_LOG_INFO, "mailbox.chunks", LOG_STR("peer", peer), LOG_INT("chunk", done),
           LOG_INT("chunks", total));
    return gw_store_commit_event(f->rt->store, "mailbox.chunks", f->talk->peer->tenant->conf->name,
                                 NULL, &cause, err);
}

/* ---- the whole ---- */

static enum status whole_read(const struct fetching *f, struct gw_parts *whole,
                              struct osci_reading **reading, struct error *err)
{
    const struct osci_limits limits = {.message_bytes = whole->base.len};
    AUTO(osci_reading_drop) struct osci_reading *r = NULL;

    if (f->resumed) /* what another process left on the disk */
        TRY(gw_parts_verify(whole, err));
    TRY(osci_message_read(&whole->base, &f->rt->policy, gw_now_ms(), f->rt->cache, &limits, &r,
                          err));
    if (r->msg.type != OSCI_RSP_FETCH_DELIVERY)
        return error_set(err, ST_INVALID, 0, "the chunks are a %s", osci_type_name(r->msg.type));
    if (r->is_signed) /* 8.3: it need not be; the answers with the chunks were */
        TRY(gw_signer_check(f->talk, r, err));
    if (r->msg.card_count == 0 || !span_eq(r->msg.cards[0].message_id, f->id))
        return error_set(err, ST_INVALID, 0, "the chunks are another delivery");
    *reading = TAKE(r);
    return ST_OK;
}

static enum status files_reload(struct fetching *f, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(f->rt->store, &tx, err));
    return gw_store_files(tx, &f->arena, f->owner, &f->files, err);
}

/* Read, opened and durable in the inbox; then the chunks have served. */
static enum status complete(struct fetching *f, bool *fresh, struct error *err)
{
    AUTO(gw_parts_deinit) struct gw_parts whole = {0};
    AUTO(gw_answer_deinit) struct gw_answer answer = {.chunks = true};
    const struct gw_file_row **rows;
    enum status st;

    TRY(files_reload(f, err));
    rows = arena_array(&f->arena, sizeof *rows, f->files.count + 1);
    TRY_ALLOC(rows, err);
    for (size_t i = 0; i < f->files.count; i++)
        rows[i] = &f->files.rows[i];
    TRY(gw_parts_init(&whole, f->rt->store, rows, f->files.count, &f->arena, err));
    st = whole_read(f, &whole, &answer.reading, err);
    if (st == ST_INVALID || st == ST_DENIED || st == ST_LIMIT) { /* no waiting mends that */
        err->reason = GW_R_NET_ANSWER;
        return useless(f, err);
    }
    if (st == ST_OK)
        st = gw_inbound_take(f->rt, f->talk->peer, &answer, NULL, fresh, err);
    if (st == ST_OK)
        return drop(f, err);
    gw_conversation_abandon(f->talk); /* our own trouble: the chunks stay */
    return st;
}

/* ---- the order of things ---- */

/* An ordinary answer: the delivery is small, or what had begun in chunks is so now. */
static enum status small_take(struct fetching *f, const struct gw_answer *answer, bool *fresh,
                              struct error *err)
{
    enum status st = gw_inbound_take(f->rt, f->talk->peer, answer, NULL, fresh, err);

    if (st != ST_OK) {
        gw_conversation_abandon(f->talk);
        return st;
    }
    return drop(f, err);
}

/* We have the message; the last chunk alone tells the intermediary so with our next order. */
static enum status held(struct fetching *f, const struct osci_message *msg, bool *known,
                        struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_message_row row;
    const char *id;
    enum status st;

    TRY(gw_osci_id_text(msg->message_id, &f->arena, &id, err));
    TRY(gw_store_read(f->rt->store, &tx, err));
    st = gw_store_message_by_osci_id(tx, &f->arena, GW_INBOX, f->talk->peer->tenant->conf->name,
                                     f->talk->peer->conf->name, id, &row, err);
    *known = st == ST_OK;
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status last_only(struct fetching *f, struct error *err)
{
    AUTO(gw_answer_deinit) struct gw_answer answer = {0};

    f->begun = true; /* by its id; nothing of it is kept */
    TRY(ask(f, f->total, &answer, err));
    f->begun = false;
    gw_log(f->rt->log, GW_LOG_INFO, "message.seen_before",
           LOG_STR("peer", f->talk->peer->conf->name));
    return ST_OK;
}

static enum status answer_take(struct fetching *f, const struct gw_answer *answer, uint64_t number,
                               bool *over, bool *fresh, struct error *err)
{
    const struct osci_message *msg = &answer->reading->msg;

    *over = true;
    if (msg->type == OSCI_RSP_FETCH_DELIVERY)
        return small_take(f, answer, fresh, err);
    if (!f->begun) {
        bool known = false;

        if (begin(f, msg, err) != ST_OK)
            return useless(f, err);
        if (held(f, msg, &known, err) != ST_OK) {
            gw_conversation_abandon(f->talk); /* nothing is kept, so nothing may be acknowledged */
            return err->status;
        }
        if (known)
            return last_only(f, err);
    }
    if (chunk_keep(f, answer->reading, number, err) != ST_OK) {
        if (err->status == ST_INVALID)
            return useless(f, err);
        gw_conversation_abandon(f->talk); /* our own trouble: what is there stays */
        return err->status;
    }
    TRY(tell(f, err));
    if (f->done == f->total)
        return complete(f, fresh, err);
    *over = false;
    return ST_OK;
}

/* The intermediary refused, in an answer that is proven. */
static enum status refused(struct fetching *f, enum status st, bool *again, bool *declined,
                           struct error *err)
{
    const struct error why = *err;

    if (st == ST_RETRY && (f->begun || err->reason != 9811))
        return st; /* trouble of its own that passes; 9811 at the first may also be all it has to
                    * say to an order that it does not know */
    *declined = !f->begun && st != ST_NOT_FOUND;
    *again = f->begun && st == ST_NOT_FOUND; /* gone: fetched otherwise, or too old */
    TRY(drop(f, err));
    *err = why;
    return st;
}

static enum status fetch(struct fetching *f, bool *fresh, bool *declined, struct error *err)
{
    bool over = false, again;

    TRY(facts_load(f, err));
    if (!f->begun)
        f->kb = gw_chunk_kb(f->talk->peer->conf, &f->talk->features, 0);
    else if (f->done >= f->total) /* all there, and then we were stopped */
        f->done = f->total - 1;   /* the last one again: this dialog has to have seen it */
    while (!over) {
        AUTO(gw_answer_deinit) struct gw_answer answer = {0};
        uint64_t number = f->done + 1;
        enum status st = ask(f, number, &answer, err);

        if (st != ST_OK && answer.proven) {
            again = false;
            st = refused(f, st, &again, declined, err);
            if (!again)
                return st;
            f->kb = gw_chunk_kb(f->talk->peer->conf, &f->talk->features, 0);
            continue;
        }
        if (st != ST_OK)
            *declined =
                !f->begun && answer.reading != NULL && answer.reading->msg.type == OSCI_FAULT;
        TRY(st);
        TRY(answer_take(f, &answer, number, &over, fresh, err));
    }
    return ST_OK;
}

enum status gw_chunk_fetch(struct gw_conversation *talk, bool *fresh, bool *declined,
                           struct error *err)
{
    struct fetching f = {.talk = talk, .rt = talk->rt};
    enum status st;

    *declined = false;
    arena_init(&f.arena, ARENA_MAX);
    key_make(f.key, "mailbox.chunks", talk);
    st = fetch(&f, fresh, declined, err);
    arena_deinit(&f.arena);
    return st;
}

bool gw_chunk_fetch_wanted(const struct gw_conversation *talk)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct error ignored = {0};
    char key[KEY_SIZE];
    int64_t at = 0, now = gw_now_ms();

    if (!talk->peer->conf->fetch_chunks || !talk->features.chunks)
        return false;
    key_make(key, "mailbox.chunks_declined_at", talk);
    if (gw_store_read(talk->rt->store, &tx, &ignored) != ST_OK ||
        gw_store_meta_ms(tx, key, 0, &at, &ignored) != ST_OK)
        return true;
    return now - at > DECLINED_MS || at > now;
}

void gw_chunk_fetch_declined(const struct gw_conversation *talk)
{
    struct error err = {0};
    char key[KEY_SIZE];

    key_make(key, "mailbox.chunks_declined_at", talk);
    gw_log(talk->rt->log, GW_LOG_WARNING, "mailbox.chunks_declined",
           LOG_STR("peer", talk->peer->conf->name));
    if (gw_store_commit_meta_ms(talk->rt->store, key, gw_now_ms(), &err) != ST_OK)
        gw_log(talk->rt->log, GW_LOG_ERROR, "store.write_failed", LOG_ERR(&err));
}
