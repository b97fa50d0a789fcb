#include "gateway/message_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/explain.h"

enum { TEXT_MAX = 1024 * 1024, DUMP_MAX = 1024 * 1024 * 1024 };

json_t *gw_json_time(int64_t ms)
{
    char text[64];
    int64_t within = ms % 1000;
    time_t seconds;
    struct tm tm;

    if (within < 0)
        within += 1000;
    seconds = (time_t)((ms - within) / 1000);
    if (ms == 0 || gmtime_r(&seconds, &tm) == NULL || tm.tm_year > 9999 - 1900)
        return json_null();
    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
                   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)within);
    return json_string(text);
}

json_t *gw_json_text(const char *text)
{
    AUTO(buf_deinit) struct buf utf8 = {0};
    json_t *json;

    if (text == NULL)
        return json_null();
    json = json_string(text);
    if (json != NULL)
        return json;
    buf_init(&utf8, TEXT_MAX);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c < 0x80) {
            buf_char(&utf8, (char)*c);
        } else {
            buf_char(&utf8, (char)(0xc0 | *c >> 6));
            buf_char(&utf8, (char)(0x80 | (*c & 0x3f)));
        }
    }
    return utf8.failed ? NULL : json_string(buf_cstr(&utf8));
}

void gw_json_put(json_t **json, const char *key, json_t *value)
{
    if (*json == NULL) {
        json_decref(value);
        return;
    }
    if (json_object_set_new(*json, key, value) == 0)
        return;
    json_decref(*json);
    *json = NULL;
}

void gw_json_append(json_t **array, json_t *value)
{
    if (*array == NULL) {
        json_decref(value);
        return;
    }
    if (json_array_append_new(*array, value) == 0)
        return;
    json_decref(*array);
    *array = NULL;
}

static int dump_add(const char *text, size_t len, void *to)
{
    struct buf *b = to;

    buf_add(b, (struct span){(const uint8_t *)text, len});
    return b->failed ? -1 : 0;
}

char *gw_json_dump(const json_t *json, size_t flags)
{
    struct buf text;

    buf_init(&text, DUMP_MAX);
    if (json != NULL && json_dump_callback(json, dump_add, &text, flags) == 0) {
        buf_char(&text, '\0');
        if (!text.failed)
            return (char *)text.ptr;
    }
    buf_deinit(&text);
    return NULL;
}

json_t *gw_json_code(int reason)
{
    char text[GW_CODE_SIZE];

    return reason == 0 ? json_null() : json_string(gw_explain_code(reason, text));
}

json_t *gw_json_trouble(int reason, const char *en, const char *de)
{
    json_t *json;

    if (reason == 0 && en == NULL && de == NULL)
        return json_null();
    json = json_object();
    gw_json_put(&json, "code", gw_json_code(reason));
    gw_json_put(&json, "en", gw_json_text(en != NULL ? en : de != NULL ? de : ""));
    gw_json_put(&json, "de", gw_json_text(de != NULL ? de : en != NULL ? en : ""));
    gw_json_put(&json, "side", json_string(gw_side_name(gw_explain_find(reason)->side)));
    return json;
}

/* A cryptographic time stamp has no value that we know; its text stands then. */
static json_t *card_time_json(const struct gw_card_time *time)
{
    return time->ms != 0 ? gw_json_time(time->ms) : gw_json_text(time->text);
}

/* What the index holds as JSON. Want of memory looks like damage to the parser: a short one is over
 * when asked again, a long one shows in what is written next. NULL: none, or damaged. */
static json_t *stored_json(const char *text)
{
    json_t *json = text == NULL ? NULL : json_loads(text, 0, NULL);

    return text == NULL || json != NULL ? json : json_loads(text, 0, NULL);
}

static json_t *inspections_json(const char *text)
{
    json_t *json = stored_json(text);

    if (json_is_array(json))
        return json;
    json_decref(json);
    return json_array();
}

json_t *gw_json_receipt(const struct gw_message_row *row)
{
    json_t *json;

    if (row->creation.text == NULL && row->forwarding.text == NULL && row->reception.text == NULL &&
        row->inspections == NULL)
        return json_null();
    json = json_object();
    gw_json_put(&json, "creation", card_time_json(&row->creation));
    gw_json_put(&json, "forwarding", card_time_json(&row->forwarding));
    gw_json_put(&json, "reception", card_time_json(&row->reception));
    gw_json_put(&json, "inspections", inspections_json(row->inspections));
    return json;
}

json_t *gw_json_file(const struct gw_file_row *file)
{
    AUTO(buf_deinit) struct buf hex = {0};
    json_t *json = json_object();

    buf_init(&hex, 3 * GW_SHA256_BYTES);
    buf_hex(&hex, span_of(file->sha256, sizeof file->sha256));
    gw_json_put(&json, "n", json_integer(file->n));
    gw_json_put(&json, "name", gw_json_text(file->name == NULL ? "" : file->name));
    gw_json_put(&json, "kind", json_string(gw_file_kind_name(file->kind)));
    gw_json_put(&json, "content_type", gw_json_text(file->content_type));
    gw_json_put(&json, "size", json_integer((json_int_t)file->len));
    gw_json_put(&json, "sha256", json_string(buf_cstr(&hex)));
    if (file->damaged)
        gw_json_put(&json, "damaged", json_true());
    return json;
}

static json_t *files_json(const struct gw_file_list *files)
{
    json_t *json = json_array();

    for (size_t i = 0; i < files->count && json != NULL; i++)
        if (json_array_append_new(json, gw_json_file(&files->rows[i])) != 0) {
            json_decref(json);
            json = NULL;
        }
    return json;
}

/* Only where a next attempt is really awaited: accepted messages are due at once. */
static int64_t next_attempt(const struct gw_message_row *row)
{
    bool waits = row->state == GW_DEFERRED || row->state == GW_UNCLEAR ||
                 ((row->state == GW_ACCEPTED || row->state == GW_SEALED) &&
                  row->next_attempt_at > row->created_at);

    return waits ? row->next_attempt_at : 0;
}

/* What few messages have; absent otherwise. */
static void rare_put(json_t **json, const struct gw_message_row *row)
{
    json_t *facts = stored_json(row->facts);

    if (facts != NULL)
        gw_json_put(json, "metadata", facts);
    if (row->route != NULL)
        gw_json_put(json, "route", gw_json_text(row->route));
    if (row->delivery != GW_WAY_DEFAULT)
        gw_json_put(json, "delivery", gw_json_text(gw_way_name(row->delivery)));
    if (row->deliver_after != 0 && row->box == GW_OUTBOX)
        gw_json_put(json, "deliver_after", gw_json_time(row->deliver_after));
    if (row->keep_order)
        gw_json_put(json, "keep_order", json_true());
    if (row->repeated_at != 0)
        gw_json_put(json, "repeated_at", gw_json_time(row->repeated_at));
    if (row->correlation != NULL)
        gw_json_put(json, "correlation", gw_json_text(row->correlation));
    if (row->answer == GW_ANSWER_NONE)
        return;
    gw_json_put(json, "answer", gw_json_text(gw_answer_name(row->answer)));
    gw_json_put(json, "answer_due_at", gw_json_time(row->answer_due_at));
}

json_t *gw_json_message(const struct gw_message_row *row, const struct gw_file_list *files)
{
    json_t *json = json_object();

    gw_json_put(&json, "id", gw_json_text(row->id));
    gw_json_put(&json, "box", json_string(gw_box_name(row->box)));
    gw_json_put(&json, "state", json_string(gw_state_name(row->state)));
    gw_json_put(&json, "endpoint", gw_json_text(row->endpoint));
    gw_json_put(&json, "intermediary", gw_json_text(row->peer));
    gw_json_put(&json, "recipient", gw_json_text(row->recipient));
    gw_json_put(&json, "sender", gw_json_text(row->sender));
    gw_json_put(&json, "message_type", gw_json_text(row->message_type));
    gw_json_put(&json, "subject", gw_json_text(row->subject));
    gw_json_put(&json, "source_name", gw_json_text(row->source_name));
    gw_json_put(&json, "osci_message_id", gw_json_text(row->osci_message_id));
    gw_json_put(&json, "size", json_integer((json_int_t)row->size_bytes));
    if (files != NULL)
        gw_json_put(&json, "files", files_json(files));
    gw_json_put(&json, "created_at", gw_json_time(row->created_at));
    gw_json_put(&json, "changed_at", gw_json_time(row->changed_at));
    gw_json_put(&json, "next_attempt_at", gw_json_time(next_attempt(row)));
    gw_json_put(&json, "expires_at", gw_json_time(row->expires_at));
    gw_json_put(&json, "attempts", json_integer(row->attempts));
    gw_json_put(&json, "last_error",
                gw_json_trouble(row->last_reason, row->last_error_en, row->last_error_de));
    gw_json_put(&json, "receipt", gw_json_receipt(row));
    rare_put(&json, row);
    return json;
}

static json_t *state_json(enum gw_state state)
{
    return state == GW_NEW ? json_null() : json_string(gw_state_name(state));
}

json_t *gw_json_event(const struct gw_event_row *row)
{
    json_t *json = json_object();

    gw_json_put(&json, "seq", json_integer(row->seq));
    gw_json_put(&json, "at", gw_json_time(row->at));
    gw_json_put(&json, "id", gw_json_text(row->message_id));
    gw_json_put(&json, "endpoint", gw_json_text(row->endpoint));
    gw_json_put(&json, "event", gw_json_text(row->kind));
    gw_json_put(&json, "from", state_json(row->from));
    gw_json_put(&json, "state", state_json(row->to));
    gw_json_put(&json, "actor", gw_json_text(row->actor));
    gw_json_put(&json, "code", gw_json_code(row->reason));
    gw_json_put(&json, "en", gw_json_text(row->en));
    gw_json_put(&json, "de", gw_json_text(row->de));
    gw_json_put(&json, "detail", gw_json_text(row->detail));
    return json;
}
