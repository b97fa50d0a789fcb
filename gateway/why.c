#include "gateway/why.h"

#include <stdio.h>
#include <time.h>

#include "gateway/reason.h"
#include "gateway/recheck.h"

enum { TEXT_MAX = 8192, TIME_SIZE = 40, PATIENCE_MS = 4 * 60 * 60 * 1000 };

/* What follows by itself. */
enum next {
    NEXT_NOTHING,  /* it is over */
    NEXT_DECISION, /* nothing before somebody decides */
    NEXT_RETRY,    /* likewise, of what could be sent once more */
    NEXT_ONWARD,   /* likewise, of what came in, went on, and failed there */
    NEXT_ATTEMPT,
    NEXT_QUESTION, /* what came of it is asked for */
    NEXT_RECEIPT,  /* the process card is asked for, again and again */
    NEXT_HAND_OVER,
    NEXT_RECHECK, /* somebody is asked again */
    NEXT_SOON,    /* at once */
    NEXT_EXPIRY,
};

struct judging {
    const struct gw_why_facts *f;
    struct gw_why *w;
    enum next next;
    bool own_words; /* the row's last error says it better than the catalogue could now */
};

static const char *const grades[] = {
    [GW_WHY_GOOD] = "good",
    [GW_WHY_WAITING] = "waiting",
    [GW_WHY_TROUBLE] = "trouble",
    [GW_WHY_ACT] = "act",
};

const char *gw_why_grade_name(enum gw_why_grade grade)
{
    return grades[grade];
}

/* ---- since when ---- */

/* When the message came into its present state. */
static int64_t state_since(const struct gw_why_facts *f)
{
    int64_t at = f->row->changed_at;

    for (size_t i = 0; f->events != NULL && i < f->events->count; i++)
        if (f->events->rows[i].from != f->events->rows[i].to)
            at = f->events->rows[i].at;
    return at;
}

static bool is_failure(const struct gw_event_row *e)
{
    return e->reason != 0 && (e->to == GW_DEFERRED || e->to == GW_UNCLEAR);
}

/* A step between two attempts that is no progress. */
static bool is_between(const struct gw_event_row *e)
{
    return e->from == e->to || e->to == GW_SEALED;
}

/* The first of the attempts in a row that have failed. */
static int64_t trouble_since(const struct gw_why_facts *f)
{
    int64_t at = 0;

    for (size_t i = 0; f->events != NULL && i < f->events->count; i++) {
        const struct gw_event_row *e = &f->events->rows[i];

        if (is_failure(e))
            at = at == 0 ? e->at : at;
        else if (!is_between(e))
            at = 0;
    }
    return at != 0 ? at : state_since(f);
}

/* ---- what it is ---- */

static void is(struct judging *j, int code, enum gw_why_grade grade, enum next next)
{
    j->w->code = code;
    j->w->grade = grade;
    j->next = next;
    j->w->since = state_since(j->f);
    j->own_words = false;
}

/* Attempts go on; but somebody must act where waiting does not help, or has lasted. */
static void is_trouble(struct judging *j, int code, enum next next)
{
    enum gw_side side = gw_explain_find(code)->side;
    bool passes = side == GW_SIDE_NOBODY || side == GW_SIDE_NETWORK || side == GW_SIDE_PARTNER ||
                  side == GW_SIDE_INTERMEDIARY;

    is(j, code, GW_WHY_TROUBLE, next);
    j->w->since = trouble_since(j->f);
    j->w->next_at = j->f->row->next_attempt_at;
    j->own_words = true;
    if (!passes || j->f->now - j->w->since > PATIENCE_MS)
        j->w->grade = GW_WHY_ACT;
}

/* Accepted, and not sent yet. */
static void out_waiting(struct judging *j)
{
    const struct gw_why_facts *f = j->f;
    const struct gw_message_row *row = f->row;

    if (row->next_attempt_at == GW_HELD_AT) {
        is(j, GW_R_ORDER_HELD, GW_WHY_WAITING, NEXT_NOTHING);
    } else if (row->last_reason != 0) {
        is_trouble(j, row->last_reason, NEXT_ATTEMPT);
    } else if (row->deliver_after > f->now) {
        is(j, GW_R_PLANNED, GW_WHY_WAITING, NEXT_ATTEMPT);
        j->w->next_at = row->deliver_after;
    } else if (f->trouble != 0) {
        is_trouble(j, f->trouble, NEXT_SOON);
        j->w->since = f->trouble_at;
        j->own_words = false;
    } else {
        is(j, row->state == GW_DEFERRED ? GW_R_RETRY_ASKED : GW_R_QUEUED, GW_WHY_WAITING,
           NEXT_SOON);
    }
}

static void out_unproven(struct judging *j)
{
    const struct gw_message_row *row = j->f->row;
    bool forwarded = row->state == GW_FORWARDED;

    is(j, forwarded ? GW_R_ON_ITS_WAY : GW_R_IN_MAILBOX, GW_WHY_WAITING, NEXT_RECEIPT);
    if (j->f->overdue_ms > 0 && j->f->now - j->w->since >= j->f->overdue_ms)
        is(j, GW_R_OVERDUE, GW_WHY_ACT, NEXT_EXPIRY);
    j->w->next_at = j->next == NEXT_EXPIRY ? row->expires_at : 0;
}

static void out_judge(struct judging *j)
{
    const struct gw_message_row *row = j->f->row;

    switch (row->state) {
    case GW_SUBMITTED:
    case GW_FORWARDED:
        out_unproven(j);
        break;
    case GW_DELIVERED:
        is(j, GW_R_DELIVERED, GW_WHY_GOOD, NEXT_NOTHING);
        if (row->reception.ms != 0)
            j->w->since = row->reception.ms;
        break;
    case GW_UNCLEAR:
        is_trouble(j, row->last_reason != 0 ? row->last_reason : GW_R_UNCLEAR, NEXT_QUESTION);
        break;
    case GW_FAILED:
        is(j, row->last_reason != 0 ? row->last_reason : GW_R_INTERNAL, GW_WHY_ACT, NEXT_RETRY);
        j->own_words = true;
        break;
    case GW_EXPIRED:
        is(j, GW_R_EXPIRED, GW_WHY_ACT, NEXT_RETRY);
        j->own_words = true;
        break;
    case GW_CANCELLED:
        is(j, GW_R_CANCELLED, GW_WHY_GOOD, NEXT_NOTHING);
        break;
    default:
        out_waiting(j);
        break;
    }
}

/* Here, and not handed over yet. */
static void in_waiting(struct judging *j)
{
    const struct gw_message_row *row = j->f->row;

    if (row->last_reason != 0)
        is_trouble(j, row->last_reason, NEXT_HAND_OVER);
    else if (row->answer == GW_ANSWER_AWAITED)
        is(j, GW_R_ANSWER_AWAITED, GW_WHY_ACT, NEXT_NOTHING);
    else if (row->endpoint == NULL)
        is(j, GW_R_NO_ENDPOINT_FOR_TYPE, GW_WHY_ACT, NEXT_HAND_OVER);
    else
        is(j, GW_R_RECEIVED, GW_WHY_WAITING, NEXT_SOON);
    if (row->answer == GW_ANSWER_AWAITED)
        j->w->next_at = row->answer_due_at;
}

static void in_judge(struct judging *j)
{
    const struct gw_message_row *row = j->f->row;

    switch (row->state) {
    case GW_HANDED_OVER:
        is(j, GW_R_HANDED_OVER, GW_WHY_WAITING, NEXT_NOTHING);
        if (row->answer == GW_ANSWER_AWAITED)
            in_waiting(j);
        else if (j->f->overdue_ms > 0 && j->f->now - j->w->since >= j->f->overdue_ms)
            is(j, GW_R_UNACKNOWLEDGED, GW_WHY_ACT, NEXT_DECISION);
        break;
    case GW_ACKNOWLEDGED:
        is(j, GW_R_ACKNOWLEDGED, GW_WHY_GOOD, NEXT_NOTHING);
        break;
    case GW_ARCHIVED:
        is(j, GW_R_ARCHIVED, GW_WHY_GOOD, NEXT_NOTHING);
        break;
    case GW_QUARANTINED:
        if (gw_recheck_is(row->last_reason)) {
            is(j, row->last_reason, GW_WHY_TROUBLE, NEXT_RECHECK);
            j->own_words = true;
            if (j->f->now - j->w->since > PATIENCE_MS)
                j->w->grade = GW_WHY_ACT;
            break;
        }
        is(j, row->last_reason != 0 ? row->last_reason : GW_R_CONTENT_DAMAGED, GW_WHY_ACT,
           NEXT_DECISION);
        j->own_words = true;
        break;
    case GW_FAILED: /* gateway/onward.h */
        is(j, row->last_reason != 0 ? row->last_reason : GW_R_INTERNAL, GW_WHY_ACT, NEXT_ONWARD);
        j->own_words = true;
        break;
    case GW_REJECTED:
        is(j, GW_R_DISCARDED, GW_WHY_GOOD, NEXT_NOTHING);
        break;
    default:
        in_waiting(j);
        break;
    }
}

static bool still_needed(enum gw_state state)
{
    return (GW_STATES(state) &
            (GW_STATES(GW_ACCEPTED) | GW_STATES(GW_SEALED) | GW_STATES(GW_DEFERRED) |
             GW_STATES(GW_UNCLEAR) | GW_STATES(GW_RECEIVED) | GW_STATES(GW_OPENED) |
             GW_STATES(GW_HANDED_OVER))) != 0;
}

/* ---- in words ---- */

static const char *time_text(int64_t ms, enum gw_lang lang, char text[static TIME_SIZE])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    if (ms == 0 || localtime_r(&seconds, &tm) == NULL ||
        strftime(text, TIME_SIZE, lang == GW_LANG_DE ? "%d.%m.%Y um %H:%M" : "%Y-%m-%d at %H:%M",
                 &tm) == 0)
        (void)snprintf(text, TIME_SIZE, "%s", lang == GW_LANG_DE ? "unbekannt" : "unknown");
    return text;
}

static const char *or_else(const char *text, const char *otherwise)
{
    return text != NULL && text[0] != '\0' ? text : otherwise;
}

struct voice {
    const struct judging *j;
    enum gw_lang lang;
    struct gw_explain_field fields[24];
    size_t count;
    char since[TIME_SIZE], next[TIME_SIZE], host[256], port[256], days[24], seconds[24];
};

static void field(struct voice *v, const char *name, const char *value, const char *otherwise)
{
    v->fields[v->count++] = (struct gw_explain_field){name, or_else(value, otherwise)};
}

/* Of no message a field may stay open: what is not known is called by what it is. */
static void fields_fill(struct voice *v)
{
    const struct gw_why_facts *f = v->j->f;
    const struct gw_message_row *row = f->row;
    bool de = v->lang == GW_LANG_DE;
    const char *told = de ? "siehe depesche events" : "see depesche events";
    int64_t from = row->created_at, days = (f->now - from) / (24 * 60 * 60 * 1000);
    /* what the technical side said, of a destination in trouble; a row keeps its sentence instead
     */
    const char *detail = f->damaged != NULL ? f->damaged : f->trouble_text;

    gw_explain_url(or_else(f->url, ""), v->host, v->port, sizeof v->host);
    (void)snprintf(v->days, sizeof v->days, "%lld", (long long)(days > 0 ? days : 0));
    (void)snprintf(v->seconds, sizeof v->seconds, "%lld", (long long)f->timeout_seconds);
    field(v, "recipient", row->recipient, de ? "den Empfänger" : "the recipient");
    field(v, "partner", row->recipient, de ? "den Empfänger" : "the recipient");
    field(v, "sender", row->sender, de ? "unbekanntem Absender" : "an unknown sender");
    field(v, "endpoint", row->endpoint, de ? "das Fachverfahren" : "the program");
    field(v, "intermediary", or_else(f->intermediary, row->peer),
          de ? "der Intermediär" : "the intermediary");
    field(v, "message_type", row->message_type, de ? "ohne Namen" : "without a name");
    field(v, "file", or_else(f->damaged, row->source_name),
          de ? "der Nachricht" : "of the message");
    field(v, "folder", f->folder, de ? "des Verfahrens" : "of the endpoint");
    field(v, "path", f->state_dir, de ? "des Gateways" : "of the gateway");
    field(v, "host", v->host, de ? "der Gegenstelle" : "the other side");
    field(v, "port", v->port, "443");
    field(v, "days", v->days, "0");
    field(v, "seconds", v->seconds, "0");
    field(v, "since", time_text(v->j->w->since, v->lang, v->since), told);
    field(v, "next", time_text(v->j->w->next_at, v->lang, v->next), told);
    field(v, "ahead", f->ahead, de ? "davor" : "ahead");
    field(v, "id", row->id, "");
    field(v, "state", gw_state_text(row->state, de), "");
    field(v, "http_status", f->trouble_text == NULL ? NULL : gw_reason_last_word(f->trouble_text),
          told);
    field(v, "detail", detail, told);
    field(v, "subject", NULL, told);
    field(v, "issuer", NULL, told);
    field(v, "until", NULL, told);
    field(v, "from", NULL, told);
}

static const char *next_words(const struct voice *v)
{
    static const char *const words[][2] = {
        [NEXT_NOTHING] = {"", ""},
        [NEXT_DECISION] = {"von selbst geschieht nichts mehr", "nothing more happens by itself"},
        [NEXT_RETRY] = {"von selbst geschieht nichts mehr, erst nach depesche retry",
                        "nothing more happens by itself, only after depesche retry"},
        [NEXT_ONWARD] =
            {"sie sollte weitergehen; von selbst geschieht nichts mehr, erst nach "
             "depesche retry mit der Nachricht im Ausgang, die sie dabei wurde",
             "it was to go on; nothing more happens by itself, only after depesche retry "
             "of the outbound message that it became"},
        [NEXT_ATTEMPT] = {"nächster Versuch am %s", "next attempt on %s"},
        [NEXT_QUESTION] = {"am %s wird nachgefragt, ob sie angekommen ist; vorher wird sie nicht "
                           "noch einmal gesendet",
                           "on %s it is asked whether it has arrived; before that it is not sent "
                           "again"},
        [NEXT_RECEIPT] = {"ob sie abgeholt ist, wird laufend nachgefragt",
                          "whether it has been fetched is asked again and again"},
        [NEXT_HAND_OVER] = {"am %s wird sie erneut übergeben", "on %s it is handed over again"},
        [NEXT_RECHECK] = {"es wird immer wieder gefragt, und geht dann von selbst weiter",
                          "it is asked again and again, and then goes on by itself"},
        [NEXT_SOON] = {"es geht von selbst weiter", "it goes on by itself"},
        [NEXT_EXPIRY] = {"ohne Abholung läuft sie am %s ab", "unless fetched it expires on %s"},
    };
    enum next next = v->j->next;
    bool timed = next == NEXT_ATTEMPT || next == NEXT_QUESTION || next == NEXT_HAND_OVER ||
                 next == NEXT_EXPIRY;

    /* a time that has passed, or that there is none of */
    if (timed && v->j->w->next_at <= v->j->f->now)
        next = NEXT_SOON;
    return words[next][v->lang == GW_LANG_DE ? 0 : 1];
}

/* A sentence as a part of another: without its full stop. */
static void part_add(struct buf *b, const char *sentence)
{
    size_t len = strlen(sentence);

    buf_add(b, span_of(sentence, len > 0 && sentence[len - 1] == '.' ? len - 1 : len));
}

static void what_add(struct buf *b, const struct voice *v)
{
    const struct gw_message_row *row = v->j->f->row;
    const char *said = v->lang == GW_LANG_DE ? row->last_error_de : row->last_error_en;

    if (v->j->f->came_as != NULL)
        buf_printf(b,
                   v->lang == GW_LANG_DE ? "Die Nachricht von %s ging weiter, als %s an %s: "
                                         : "The message from %s went on, as %s to %s: ",
                   or_else(v->j->f->came_as->sender,
                           v->lang == GW_LANG_DE ? "unbekanntem Absender" : "an unknown sender"),
                   row->id, or_else(row->recipient, "?"));
    if (v->j->own_words && said != NULL && said[0] != '\0')
        buf_str(b, said);
    else
        gw_explain_what(b, v->j->w->code, v->lang, v->fields, v->count);
}

static void next_add(struct buf *b, const struct voice *v)
{
    const char *words = next_words(v), *hole = strstr(words, "%s");

    if (hole == NULL) {
        buf_str(b, words);
        return;
    }
    buf_add(b, span_of(words, (size_t)(hole - words)));
    buf_str(b, v->next);
    buf_str(b, hole + 2);
}

static void all_add(struct buf *b, const struct voice *v, const struct gw_why_text *t)
{
    const struct gw_why *w = v->j->w;
    bool de = v->lang == GW_LANG_DE;
    char code[GW_CODE_SIZE];

    part_add(b, t->what);
    if (w->grade >= GW_WHY_TROUBLE && strstr(t->what, v->since) == NULL)
        buf_printf(b, de ? "; seit %s" : "; since %s", v->since);
    if (w->side != GW_SIDE_NOBODY)
        buf_printf(b, de ? "; zuständig: %s" : "; it is with %s", gw_side_text(w->side, v->lang));
    if (t->next[0] != '\0')
        buf_printf(b, "; %s", t->next);
    buf_str(b, ". ");
    buf_str(b, t->action);
    buf_printf(b, " (%s)", gw_explain_code(w->code, code));
}

static enum status keep(struct arena *arena, struct buf *b, const char **text, struct error *err)
{
    TRY(buf_check(b, err));
    *text = arena_str(arena, buf_span(b));
    TRY_ALLOC(*text, err);
    buf_reset(b);
    return ST_OK;
}

static enum status speak(const struct judging *j, enum gw_lang lang, struct arena *arena,
                         struct gw_why_text *t, struct error *err)
{
    AUTO(buf_deinit) struct buf b = {0};
    struct voice v = {.j = j, .lang = lang};

    buf_init(&b, TEXT_MAX);
    fields_fill(&v);
    what_add(&b, &v);
    TRY(keep(arena, &b, &t->what, err));
    next_add(&b, &v);
    TRY(keep(arena, &b, &t->next, err));
    gw_explain_action(&b, j->w->code, lang, v.fields, v.count);
    TRY(keep(arena, &b, &t->action, err));
    all_add(&b, &v, t);
    return keep(arena, &b, &t->all, err);
}

enum status gw_why_find(const struct gw_why_facts *facts, struct arena *arena, struct gw_why *why,
                        struct error *err)
{
    struct gw_why w = {0};
    struct judging j = {.f = facts, .w = &w};

    if (facts->row->box == GW_OUTBOX)
        out_judge(&j);
    else
        in_judge(&j);
    if (facts->damaged != NULL && w.code != GW_R_STORE_DAMAGED && still_needed(facts->row->state))
        is(&j, GW_R_STORE_DAMAGED, GW_WHY_ACT, NEXT_DECISION);
    w.side = gw_explain_find(w.code)->side;
    TRY(speak(&j, GW_LANG_DE, arena, &w.de, err));
    TRY(speak(&j, GW_LANG_EN, arena, &w.en, err));
    *why = w;
    return ST_OK;
}
