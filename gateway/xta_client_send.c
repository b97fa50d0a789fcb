#include "gateway/xta_client.h"

#include "gateway/log.h"
#include "gateway/reason.h"

enum { ARENA_MAX = 64 * 1024 * 1024, ID_MAX = 255, MAX_MB_V3 = 40 };

/* One attempt; everything in it lives as long as the attempt. */
struct attempt {
    struct gw_attempt base;
    const struct gw_xta_server_talk *talk;
    struct arena arena;
    struct gw_file_list files;
    struct xta_metadata metadata;
    const char *id; /* under which it was, or will be, sent; NULL: none yet */
    bool again;     /* it may have been sent under that id */
};

/* ---- before anything is said ---- */

static enum status files_load(struct attempt *a, struct error *err)
{
    AUTO(gw_read_end) struct gw_tx *tx = NULL;

    TRY(gw_store_read(a->base.rt->store, &tx, err));
    return gw_store_files(tx, &a->arena, a->base.row->id, &a->files, err);
}

/* What it does not take need not be tried: XTA-140. */
static enum status size_check(const struct attempt *a, struct error *err)
{
    const struct gw_xta_peer_conf *conf = a->talk->peer->conf;
    int64_t max_mb = conf->message_max_mb;
    uint64_t size = 0;

    if (max_mb == 0 && conf->version == GW_XTA_VERSION_3)
        max_mb = MAX_MB_V3;
    for (size_t i = 0; i < a->files.count; i++)
        if (a->files.rows[i].kind == GW_FILE_PAYLOAD)
            size += a->files.rows[i].len;
    if (max_mb == 0 || size <= (uint64_t)max_mb << 20)
        return ST_OK;
    return error_set(err, ST_DENIED, GW_R_MESSAGE_TOO_LARGE, "%llu bytes, and %s takes %lld MB",
                     (unsigned long long)size, conf->name, (long long)max_mb);
}

/* ---- lookupService ---- */

/* Whoever cannot tell does not keep us from trying. */
static enum status service_check(struct attempt *a, struct error *err)
{
    struct xta_question question = {.reader = a->metadata.reader, .service = a->metadata.service};
    AUTO(gw_xta_exchange_deinit)
    struct gw_xta_exchange x = {.arena = &a->arena,
                                .request = {.operation = XTA_LOOKUP_SERVICE,
                                            .has_party = true,
                                            .party = a->metadata.author,
                                            .questions = &question,
                                            .question_count = 1}};
    enum status st;

    if (!a->talk->peer->conf->lookup)
        return ST_OK;
    st = gw_xta_ask(a->talk, &x, err);
    if (x.refused && err->reason == GW_R_XTA_UNSUPPORTED)
        return ST_OK;
    TRY(st);
    if (x.answer.service_count == 0 || x.answer.services[0].available != XTA_FALSE)
        return ST_OK;
    return error_set(err, ST_DENIED, GW_R_XTA_NO_SERVICE, "%.*s, %.*s",
                     SPAN_FMT(question.reader.value), SPAN_FMT(question.service));
}

/* ---- createMessageId ---- */

static bool id_is_good(struct span id)
{
    for (size_t i = 0; i < id.len; i++)
        if ((unsigned char)id.ptr[i] <= ' ' || id.ptr[i] == 0x7f)
            return false;
    return id.len > 0 && id.len <= ID_MAX;
}

/* Kept before it is used: a crash must not lose which id we sent under. */
static enum status id_keep(struct attempt *a, struct error *err)
{
    struct gw_move move = gw_attempt_move(&a->base, GW_EV_SEAL);
    enum status st;

    move.osci_message_id = a->id;
    move.cause.en = "the XTA server has given a message id";
    move.cause.de = "Der XTA-Server hat eine Nachrichten-ID vergeben";
    st = gw_store_commit_move(a->base.rt->store, &move, NULL, err);
    if (st == ST_DUPLICATE)
        return error_set(err, ST_RETRY, GW_R_NET_ANSWER, "%s has given the id %s before",
                         a->base.to.name, a->id);
    return st;
}

static enum status id_create(struct attempt *a, struct error *err)
{
    AUTO(gw_xta_exchange_deinit)
    struct gw_xta_exchange x = {.arena = &a->arena,
                                .request = {.operation = XTA_CREATE_MESSAGE_ID,
                                            .has_party = true,
                                            .party = a->metadata.author}};

    TRY(gw_xta_ask(a->talk, &x, err));
    if (!id_is_good(x.answer.message_id))
        return error_set(err, ST_RETRY, GW_R_NET_ANSWER, "the XTA server gave no message id");
    a->id = arena_str(&a->arena, x.answer.message_id);
    TRY_ALLOC(a->id, err);
    return id_keep(a, err);
}

/* The server knows nothing of it, and will not take it: the next attempt has another. */
static enum status id_forget(struct attempt *a, struct error *err)
{
    struct gw_move move = gw_attempt_move(&a->base, GW_EV_NOTE);

    move.osci_message_id = "";
    move.cause.en = "the next attempt takes a new message id";
    move.cause.de = "Der nächste Versuch verwendet eine neue Nachrichten-ID";
    return gw_store_commit_move(a->base.rt->store, &move, NULL, err);
}

/* ---- sendMessage ---- */

static enum status submitted(struct attempt *a, struct error *err)
{
    struct gw_move move = gw_attempt_move(&a->base, GW_EV_SUBMIT);

    a->base.in_doubt = true; /* until what we know is durable */
    move.attempted = true;
    TRY(gw_store_commit_move(a->base.rt->store, &move, NULL, err));
    a->base.in_doubt = false;
    gw_log(a->base.rt->log, GW_LOG_INFO, "message.submitted", LOG_STR("id", a->base.row->id),
           LOG_STR("peer", a->base.to.name), LOG_STR("xta_id", a->id),
           LOG_INT("attempt", a->base.row->attempts + 1), LOG_INT("ms", gw_now_ms() - a->base.now));
    return ST_OK;
}

/*
 * The server has this id already: then an earlier attempt of ours got through, and its report says
 * so (XTA-130). One that it has no report of was used by somebody else, or is no good.
 */
static enum status used_before(struct attempt *a, int number, struct error *err)
{
    const struct error refusal = *err;
    enum status st =
        gw_xta_report_take(a->talk, a->base.row, a->id, &a->metadata.author, &a->arena, err);

    if (st == ST_OK)
        a->base.in_doubt = false;
    if (st != ST_NOT_FOUND)
        return st;
    a->base.in_doubt = false;
    if (number == XTA_N_ID_USED) {
        TRY(id_forget(a, err));
        return error_set(err, ST_RETRY, GW_R_XTA_UNKNOWN_ID,
                         "%s refuses the id %s as used and does not know it", a->base.to.name,
                         a->id);
    }
    *err = refusal;
    return err->status;
}

static enum status message_send(struct attempt *a, struct error *err)
{
    AUTO(gw_xta_contents_deinit) struct gw_xta_contents contents = {0};
    AUTO(gw_xta_exchange_deinit)
    struct gw_xta_exchange x = {.arena = &a->arena,
                                .request = {.operation = XTA_SEND_MESSAGE,
                                            .has_party = true,
                                            .party = a->metadata.author,
                                            .metadata = a->metadata}};
    enum status st;

    TRY(gw_xta_contents_of(a->talk, &a->files, &a->arena, &contents, err));
    x.request.metadata.id = span_str(a->id);
    x.request.container = contents.container;
    st = gw_xta_ask(a->talk, &x, err);
    if (st == ST_OK)
        return submitted(a, err);
    if (!x.refused) {
        a->base.in_doubt |= x.maybe_received;
        return st;
    }
    if (x.fault.exception == XTA_PARAMETER_NOT_VALID &&
        (a->again || x.fault.number == XTA_N_ID_USED))
        return used_before(a, x.fault.number, err);
    if (err->reason == GW_R_XTA_SCHEMA || err->reason == GW_R_XTA_VIRUS)
        a->base.in_doubt = false; /* an earlier attempt had the same content */
    else if (st == ST_RETRY)
        a->base.in_doubt = true; /* it may have failed after it had taken the message */
    return st;
}

/*
 * What may have arrived is asked for before it is sent again. Whatever the server says but that it
 * has it, or cannot be reached: the same id again, which no server takes twice.
 */
static enum status doubt_resolve(struct attempt *a, bool *taken, struct error *err)
{
    struct error why = {0};
    enum status st =
        gw_xta_report_take(a->talk, a->base.row, a->id, &a->metadata.author, &a->arena, &why);

    *taken = st == ST_OK;
    if (*taken)
        a->base.in_doubt = false;
    if (st != ST_RETRY || !gw_reason_is_network(why.reason))
        return ST_OK;
    *err = why;
    return st;
}

static enum status attempt(struct attempt *a, struct error *err)
{
    const struct gw_message_row *row = a->base.row;
    bool taken = false;

    a->base.partner =
        row->recipient == NULL ? NULL : gw_runtime_partner(a->base.rt, row->recipient);
    TRY(gw_attempt_tenant(&a->base, a->talk->peer->conf->tenant, err));
    TRY(files_load(a, err));
    TRY(gw_xta_metadata_of(a->talk, row, &a->files, &a->arena, &a->metadata, err));
    TRY(size_check(a, err));
    if (a->id == NULL) {
        TRY(service_check(a, err));
        TRY(id_create(a, err));
    } else {
        a->again = true;
    }
    if (row->state == GW_UNCLEAR)
        TRY(doubt_resolve(a, &taken, err));
    return taken ? ST_OK : message_send(a, err);
}

/* For good is what cannot change by waiting: our own content or settings, and what the server
 * refuses by XTA's own exceptions (XTA-131). Everything else is tried until the message expires. */
static enum gw_event event_of(enum status st, const struct error *err)
{
    bool refused = gw_reason_is_xta(err->reason) || err->reason == GW_R_XTA_NO_PARTY;
    bool ours = err->reason >= GW_R_SPOOL_NO_ROUTE && err->reason < GW_R_NET_NAME;

    if (st == ST_DENIED && err->reason == GW_R_STORE_DAMAGED)
        return GW_EV_DAMAGE;
    return st == ST_DENIED && (refused || ours || err->reason == GW_R_MESSAGE_TOO_LARGE)
               ? GW_EV_FAIL
               : GW_EV_DEFER;
}

enum status gw_xta_message_send(const struct gw_xta_server_talk *talk,
                                const struct gw_destination *to, const struct gw_message_row *row,
                                bool outage_known, bool *moved, struct error *err)
{
    struct attempt a = {.base = {.rt = talk->rt,
                                 .to = *to,
                                 .row = row,
                                 .quiet = outage_known,
                                 .in_doubt = row->state == GW_UNCLEAR,
                                 .now = gw_now_ms()},
                        .talk = talk};
    enum status st;

    *moved = true;
    if (row->osci_message_id != NULL && row->osci_message_id[0] != '\0')
        a.id = row->osci_message_id;
    arena_init(&a.arena, ARENA_MAX);
    st = attempt(&a, err);
    if (st != ST_OK) {
        err->reason = gw_reason_of(err);
        *moved = gw_attempt_failed(&a.base, event_of(st, err), err);
    }
    arena_deinit(&a.arena);
    return st;
}
