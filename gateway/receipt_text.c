#include "gateway/receipt_text.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

enum {
    TIME_SIZE = 48,
    SIZE_SIZE = 32,
    LABEL_WIDTH = 19,
    LISTS_MAX = 256 * 1024 /* bytes of one language, from where lists break off */
};

/* One receipt in one language. */
struct telling {
    const struct gw_receipt_facts *f;
    struct buf *b;
    enum gw_lang lang;
    size_t from; /* where it begins in b */
};

static const char *say(const struct telling *t, const char *de, const char *en)
{
    return t->lang == GW_LANG_DE ? de : en;
}

static bool is_full(const struct telling *t)
{
    return t->b->len - t->from > LISTS_MAX;
}

/* ---- values ---- */

static const char *time_text(const struct telling *t, int64_t ms, char text[static TIME_SIZE])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    if (localtime_r(&seconds, &tm) == NULL ||
        strftime(text, TIME_SIZE, t->lang == GW_LANG_DE ? "%d.%m.%Y %H:%M:%S" : "%Y-%m-%d %H:%M:%S",
                 &tm) == 0)
        (void)snprintf(text, TIME_SIZE, "?");
    return text;
}

/* The distance of local time from UTC, which a receipt must not leave open. */
static const char *zone_text(int64_t ms, char text[static TIME_SIZE])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    if (localtime_r(&seconds, &tm) == NULL || strftime(text, TIME_SIZE, "UTC%z", &tm) == 0)
        (void)snprintf(text, TIME_SIZE, "UTC");
    return text;
}

static const char *size_text(uint64_t bytes, char text[static SIZE_SIZE])
{
    if (bytes < 1024)
        (void)snprintf(text, SIZE_SIZE, "%llu Byte", (unsigned long long)bytes);
    else if (bytes < 1024 * 1024)
        (void)snprintf(text, SIZE_SIZE, "%llu KB", (unsigned long long)(bytes + 1023) / 1024);
    else
        (void)snprintf(text, SIZE_SIZE, "%llu MB", (unsigned long long)((bytes + 1048575) >> 20));
    return text;
}

const char *gw_finding_text(const char *word, enum gw_lang lang)
{
    static const struct gw_word words[] = {
        {"ok", "in Ordnung", "ok"},
        {"corrupted", "verfälscht", "corrupted"},
        {"valid", "gültig", "valid"},
        {"invalid", "ungültig", "invalid"},
        {"revoked", "gesperrt", "revoked"},
        {"indeterminate", "nicht feststellbar", "indeterminate"},
    };

    return gw_word_text(words, ARRAY_LEN(words), word, lang, word);
}

/* ---- lines ---- */

/* Text of others: without control characters. */
static void value(const struct telling *t, const char *text)
{
    const struct gw_explain_field field = {"value", text};

    gw_explain_fill(t->b, "{value}", &field, 1);
}

static void end(const struct telling *t)
{
    buf_str(t->b, "\r\n");
}

/* "label:      ", wide enough that values stand below each other; an umlaut is two bytes wide. */
static void label(const struct telling *t, const char *de, const char *en)
{
    const char *text = say(t, de, en);
    size_t width = 1; /* the colon */

    buf_printf(t->b, "%s:", text);
    for (const char *c = text; *c != '\0'; c++)
        width += ((unsigned char)*c & 0xc0) != 0x80;
    do {
        buf_char(t->b, ' ');
        width++;
    } while (width < LABEL_WIDTH);
}

/* Nothing at all where there is no value. */
static void line(const struct telling *t, const char *de, const char *en, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    label(t, de, en);
    value(t, text);
    end(t);
}

static void heading(const struct telling *t, const char *de, const char *en)
{
    buf_printf(t->b, "\r\n%s\r\n", say(t, de, en));
}

/* ---- the parts ---- */

static void message_tell(const struct telling *t)
{
    const struct gw_message_row *row = t->f->row;
    char size[SIZE_SIZE], at[TIME_SIZE], zone[TIME_SIZE];

    line(t, "Datei", "File", row->source_name);
    line(t, "Größe", "Size", size_text(row->size_bytes, size));
    line(t, "An", "To", row->recipient);
    line(t, "Über", "Through", row->peer);
    line(t, "Von", "From", row->sender);
    line(t, "Fachverfahren", "Program", row->endpoint);
    line(t, "Betreff", "Subject", row->subject);
    line(t, "Nachrichtentyp", "Message type", row->message_type);
    line(t, "Nachricht", "Message", row->id);
    line(t, "MessageId", "MessageId", row->osci_message_id);
    label(t, "Stand", "As of");
    buf_printf(t->b, "%s (%s)", time_text(t, t->f->now, at), zone_text(t->f->now, zone));
    end(t);
}

static void finding_tell(const struct telling *t)
{
    const struct gw_why *why = t->f->why;
    const struct gw_why_text *text = t->lang == GW_LANG_DE ? &why->de : &why->en;
    char code[GW_CODE_SIZE];

    line(t, "Zustand", "State", gw_state_text(t->f->row->state, t->lang == GW_LANG_DE));
    value(t, text->what);
    end(t);
    if (why->side != GW_SIDE_NOBODY)
        line(t, "Zuständig", "Who acts", gw_side_text(why->side, t->lang));
    line(t, "Wie es weitergeht", "What comes next", text->next);
    line(t, "Was tun", "What to do", text->action);
    line(t, "Code", "Code", gw_explain_code(why->code, code));
}

/* A step, or something that went wrong; not the notes in between. */
static bool is_step(const struct gw_event_row *e)
{
    return e->from != e->to || e->reason != 0 ||
           strcmp(e->kind, gw_event_name(GW_EV_REDIRECT)) == 0;
}

static bool is_again(const struct gw_event_row *a, const struct gw_event_row *b)
{
    return a != NULL && a->reason != 0 && a->reason == b->reason && a->to == b->to;
}

/* How often the same happened after it was told. */
static void again_tell(const struct telling *t, size_t count, int64_t last)
{
    char at[TIME_SIZE];

    if (count == 0)
        return;
    buf_printf(t->b,
               t->lang == GW_LANG_DE ? "  ebenso noch %zu-mal, zuletzt %s"
                                     : "  and %zu times more, last %s",
               count, time_text(t, last, at));
    end(t);
}

static void step_tell(const struct telling *t, const struct gw_event_row *e)
{
    bool de = t->lang == GW_LANG_DE;
    const char *sentence = de ? e->de : e->en;
    char at[TIME_SIZE], code[GW_CODE_SIZE];

    buf_printf(t->b, "%s  %s", time_text(t, e->at, at), gw_state_text(e->to, de));
    if (e->reason != 0)
        buf_printf(t->b, " (%s)", gw_explain_code(e->reason, code));
    if (sentence != NULL && sentence[0] != '\0') {
        buf_str(t->b, ": ");
        value(t, sentence);
    }
    end(t);
}

static void history_tell(const struct telling *t)
{
    const struct gw_event_list *events = t->f->events;
    const struct gw_event_row *told = NULL;
    size_t again = 0;
    int64_t last = 0;

    heading(t, "Was geschah", "What happened");
    for (size_t i = 0; i < events->count && !is_full(t); i++) {
        const struct gw_event_row *e = &events->rows[i];

        if (!is_step(e))
            continue;
        if (is_again(told, e)) {
            again++;
            last = e->at;
            continue;
        }
        again_tell(t, again, last);
        again = 0;
        told = e;
        step_tell(t, e);
    }
    again_tell(t, again, last);
    if (events->more || is_full(t))
        buf_printf(t->b, "%s\r\n",
                   say(t, "Mehr zeigt depesche events.", "depesche events shows more."));
}

/* A cryptographic time stamp has no value that we know; its text stands then. */
static bool card_tell(const struct telling *t, const char *de, const char *en,
                      const struct gw_card_time *time)
{
    char at[TIME_SIZE];

    if (time->text == NULL)
        return false;
    line(t, de, en, time->ms != 0 ? time_text(t, time->ms, at) : time->text);
    return true;
}

static void inspection_tell(const struct telling *t, const json_t *one)
{
    static const struct {
        const char *key, *de, *en;
    } checks[] = {{"math", "Unterschrift", "signature"},
                  {"offline", "Gültigkeit", "validity"},
                  {"online", "Sperrung", "revocation"}};
    const char *subject = json_string_value(json_object_get(one, "subject"));
    bool first = true;

    label(t, "Zertifikat", "Certificate");
    value(t, subject == NULL ? "?" : subject);
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        const char *word = json_string_value(json_object_get(one, checks[i].key));

        if (word == NULL)
            continue;
        buf_printf(t->b, "%s %s: ", first ? " -" : ",", say(t, checks[i].de, checks[i].en));
        value(t, gw_finding_text(word, t->lang));
        first = false;
    }
    end(t);
}

static bool inspections_tell(const struct telling *t)
{
    const char *text = t->f->row->inspections;
    json_t *all = text == NULL ? NULL : json_loads(text, 0, NULL);
    size_t count = json_array_size(all);

    for (size_t i = 0; i < count && !is_full(t); i++)
        inspection_tell(t, json_array_get(all, i));
    json_decref(all);
    return count > 0;
}

static bool evidence_tell(const struct telling *t)
{
    const struct gw_file_list *files = t->f->files;
    char name[GW_NAME_SIZE + GW_ID_SIZE];
    bool any = false;

    for (size_t i = 0; i < files->count; i++) {
        if (files->rows[i].kind != GW_FILE_EVIDENCE || files->rows[i].name == NULL)
            continue;
        (void)snprintf(name, sizeof name, "%s.%s", t->f->row->id, files->rows[i].name);
        line(t, "Beleg", "Evidence", name);
        any = true;
    }
    return any;
}

static void proof_tell(const struct telling *t)
{
    const struct gw_message_row *row = t->f->row;
    bool any = false;

    heading(t, "Was nachgewiesen ist", "What is proven");
    any |= card_tell(t, "Eingeliefert", "Submitted", &row->creation);
    any |= card_tell(t, "Weitergeleitet", "Forwarded", &row->forwarding);
    any |= card_tell(t, "Empfangen", "Received", &row->reception);
    any |= inspections_tell(t);
    any |= evidence_tell(t);
    if (!any)
        buf_printf(t->b, "%s\r\n", say(t, "Noch nichts.", "Nothing yet."));
}

enum status gw_receipt_text(const struct gw_receipt_facts *facts, struct buf *b, struct error *err)
{
    static const struct {
        enum gw_lang lang;
        const char *title;
    } languages[] = {{GW_LANG_DE, "Bericht über eine gesendete Nachricht"},
                     {GW_LANG_EN, "Receipt for a message that was sent"}};

    for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
        const struct telling t = {.f = facts, .b = b, .lang = languages[i].lang, .from = b->len};

        if (i > 0)
            buf_str(b, "\r\n----------------------------------------\r\n\r\n");
        buf_printf(b, "%s\r\n\r\n", languages[i].title);
        finding_tell(&t);
        end(&t);
        message_tell(&t);
        history_tell(&t);
        proof_tell(&t);
    }
    return buf_check(b, err);
}
