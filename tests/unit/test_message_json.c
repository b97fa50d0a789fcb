/* the JSON of messages, events and receipts, and what a sent "meta" may be */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/api_meta.h"
#include "gateway/explain.h"
#include "gateway/message_json.h"

/* Compares with JSON written with ' for ". */
static void json_is(json_t *json, const char *want)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY), *c;
    char *quoted = strdup(want);

    json_decref(json);
    assert_non_null(text);
    assert_non_null(quoted);
    for (c = quoted; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    assert_string_equal(text, quoted);
    free(text);
    free(quoted);
}

static void times(void **state)
{
    (void)state;
    json_is(gw_json_time(0), "null");
    json_is(gw_json_time(1), "'1970-01-01T00:00:00.001Z'");
    json_is(gw_json_time(-1), "'1969-12-31T23:59:59.999Z'");
    json_is(gw_json_time(1777882500123), "'2026-05-04T08:15:00.123Z'");
    json_is(gw_json_time(253402300799999), "'9999-12-31T23:59:59.999Z'");
    json_is(gw_json_time(INT64_MAX), "null");
}

static void texts(void **state)
{
    (void)state;
    json_is(gw_json_text(NULL), "null");
    json_is(gw_json_text("Größe"), "'Größe'");
    json_is(gw_json_text("Gr\xf6\xdf"
                         "e"),
            "'Größe'");
    json_is(gw_json_text("a\n\t"), "'a\\n\\t'");
}

static void an_empty_message(void **state)
{
    const struct gw_message_row row = {.id = "i", .box = GW_OUTBOX, .state = GW_ACCEPTED};

    (void)state;
    json_is(gw_json_message(&row, NULL),
            "{'id':'i','box':'outbox','state':'accepted','endpoint':null,'intermediary':null,"
            "'recipient':null,'sender':null,'message_type':null,'subject':null,'source_name':null,"
            "'osci_message_id':null,'size':0,'created_at':null,'changed_at':null,"
            "'next_attempt_at':null,'expires_at':null,'attempts':0,'last_error':null,"
            "'receipt':null}");
}

static void a_whole_message(void **state)
{
    struct gw_file_row file = {.n = 1,
                               .kind = GW_FILE_PAYLOAD,
                               .name = "a.txt",
                               .content_type = "text/plain",
                               .len = 5,
                               .damaged = true};
    const struct gw_file_list files = {&file, 1};
    const struct gw_message_row row = {
        .id = "i",
        .tenant = "t",
        .endpoint = "bauamt",
        .box = GW_OUTBOX,
        .state = GW_DEFERRED,
        .peer = "demo",
        .recipient = "B",
        .sender = "A",
        .message_type = "m",
        .subject = "s",
        .source_name = "f",
        .osci_message_id = "bXk=",
        .size_bytes = 5,
        .created_at = 1000,
        .changed_at = 2000,
        .next_attempt_at = 3000,
        .expires_at = 4000,
        .attempts = 2,
        .last_reason = GW_R_NET_REFUSED,
        .last_error_en = "no",
        .last_error_de = "nein",
        .creation = {"2026-05-04T10:15:00+02:00", 1777882500000},
        .forwarding = {"a token", 0},
        .inspections = "[{\"math\":\"ok\"}]",
    };

    (void)state;
    memset(file.sha256, 0xab, sizeof file.sha256);
    json_is(gw_json_message(&row, &files),
            "{'id':'i','box':'outbox','state':'deferred','endpoint':'bauamt',"
            "'intermediary':'demo','recipient':'B','sender':'A','message_type':'m','subject':'s',"
            "'source_name':'f','osci_message_id':'bXk=','size':5,'files':[{'n':1,'name':'a.txt',"
            "'kind':'payload','content_type':'text/plain','size':5,'sha256':"
            "'abababababababababababababababababababababababababababababababab',"
            "'damaged':true}],'created_at':'1970-01-01T00:00:01.000Z',"
            "'changed_at':'1970-01-01T00:00:02.000Z',"
            "'next_attempt_at':'1970-01-01T00:00:03.000Z',"
            "'expires_at':'1970-01-01T00:00:04.000Z','attempts':2,"
            "'last_error':{'code':'D-1301','en':'no','de':'nein','side':'network'},"
            "'receipt':{'creation':'2026-05-04T08:15:00.000Z','forwarding':'a token',"
            "'reception':null,'inspections':[{'math':'ok'}]}}");
}

static void a_next_attempt_only_where_one_waits(void **state)
{
    struct gw_message_row row = {.id = "i",
                                 .box = GW_OUTBOX,
                                 .state = GW_ACCEPTED,
                                 .created_at = 1000,
                                 .next_attempt_at = 1000};
    json_t *json;

    (void)state;
    json = gw_json_message(&row, NULL);
    assert_true(json_is_null(json_object_get(json, "next_attempt_at")));
    json_decref(json);
    row.next_attempt_at = 2000; /* deliver_after */
    json = gw_json_message(&row, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "next_attempt_at")),
                        "1970-01-01T00:00:02.000Z");
    json_decref(json);
    row.state = GW_DELIVERED;
    json = gw_json_message(&row, NULL);
    assert_true(json_is_null(json_object_get(json, "next_attempt_at")));
    json_decref(json);
}

static void broken_inspections_are_none(void **state)
{
    const struct gw_message_row row = {.inspections = "[{"};

    (void)state;
    json_is(gw_json_receipt(&row),
            "{'creation':null,'forwarding':null,'reception':null,'inspections':[]}");
}

static void an_event(void **state)
{
    struct gw_event_row row = {.seq = 7,
                               .at = 1000,
                               .message_id = "i",
                               .endpoint = "bauamt",
                               .kind = "accept",
                               .from = GW_NEW,
                               .to = GW_ACCEPTED,
                               .actor = "api:1000"};

    (void)state;
    json_is(gw_json_event(&row),
            "{'seq':7,'at':'1970-01-01T00:00:01.000Z','id':'i','endpoint':'bauamt',"
            "'event':'accept','from':null,'state':'accepted','actor':'api:1000','code':null,"
            "'en':null,'de':null,'detail':null}");
    row = (struct gw_event_row){.seq = 8, .at = 1000, .kind = "peer.refused", .reason = 9300};
    row.en = "no";
    row.detail = "{}";
    json_is(
        gw_json_event(&row),
        "{'seq':8,'at':'1970-01-01T00:00:01.000Z','id':null,'endpoint':null,"
        "'event':'peer.refused','from':null,'state':null,'actor':null,'code':'D-9300','en':'no',"
        "'de':null,'detail':'{}'}");
}

static void once_failed_stays_failed(void **state)
{
    json_t *json = json_object();

    (void)state;
    gw_json_put(&json, "a", json_integer(1));
    gw_json_put(&json, "b", NULL); /* no memory */
    assert_null(json);
    gw_json_put(&json, "c", json_integer(1));
    assert_null(json);
}

/* ---- meta ---- */

#define MUST "\"endpoint\":\"e\",\"recipient\":\"r\""

static struct meta_row {
    const char *name, *json;
    const char *want; /* the members with | between; NULL: refused */
} meta_rows[] = {
    {"meta: the least", "{" MUST "}", "e|r|||"},
    {"meta: all", "{" MUST ",\"message_type\":\"m\",\"subject\":\"Ä ü\",\"idempotency_key\":\"k\"}",
     "e|r|m|Ä ü|k"},
    {"meta: null is absent", "{" MUST ",\"subject\":null}", "e|r|||"},
    {"meta: blanks around", " \r\n{" MUST "} \n", "e|r|||"},
    {"meta: nothing", "", NULL},
    {"meta: no JSON", "endpoint=e", NULL},
    {"meta: cut", "{" MUST, NULL},
    {"meta: something behind", "{" MUST "}{}", NULL},
    {"meta: a list", "[]", NULL},
    {"meta: a string", "\"e\"", NULL},
    {"meta: no recipient: a route finds it", "{\"endpoint\":\"e\"}", "e||||"},
    {"meta: no endpoint", "{\"recipient\":\"e\"}", NULL},
    {"meta: a null recipient", "{\"endpoint\":\"e\",\"recipient\":null}", "e||||"},
    {"meta: an empty recipient", "{\"endpoint\":\"e\",\"recipient\":\"\"}", NULL},
    {"meta: a number for text", "{" MUST ",\"subject\":1}", NULL},
    {"meta: an unknown member", "{" MUST ",\"prority\":1}", NULL},
    {"meta: a member twice", "{" MUST ",\"endpoint\":\"f\"}", NULL},
    {"meta: a line end in a subject", "{" MUST ",\"subject\":\"a\\nb\"}", NULL},
    {"meta: a NUL in a subject", "{" MUST ",\"subject\":\"a\\u0000b\"}", NULL},
    {"meta: not UTF-8", "{" MUST ",\"subject\":\"\xff\"}", NULL},
    {"meta: a lone surrogate", "{" MUST ",\"subject\":\"\\ud800\"}", NULL},
};

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static void test_meta(void **state)
{
    const struct meta_row *row = *state;
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(buf_deinit) struct buf got = {0};
    struct gw_api_meta meta = {0};
    struct error err = {0};
    enum status st;

    arena_init(&arena, 1 << 20);
    buf_init(&got, 4096);
    st = gw_api_meta_read(span_str(row->json), &arena, &meta, &err);
    if (row->want == NULL) {
        assert_int_equal(st, ST_INVALID);
        assert_int_equal(err.reason, GW_R_API_BAD_REQUEST);
        return;
    }
    if (st != ST_OK)
        fail_msg("%s", err.text);
    buf_printf(&got, "%s|%s|%s|%s|%s", meta.endpoint, or_empty(meta.recipient),
               or_empty(meta.message_type), or_empty(meta.subject), or_empty(meta.idempotency_key));
    assert_string_equal(buf_cstr(&got), row->want);
}

/* key: how many characters; each is two bytes. */
static enum status meta_with_key(size_t key)
{
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(buf_deinit) struct buf json = {0};
    struct gw_api_meta meta = {0};
    struct error err = {0};

    arena_init(&arena, 1 << 20);
    buf_init(&json, 1 << 20);
    buf_str(&json, "{" MUST ",\"idempotency_key\":\"");
    for (size_t i = 0; i < key; i++)
        buf_str(&json, "ü");
    buf_str(&json, "\"}");
    return gw_api_meta_read(buf_span(&json), &arena, &meta, &err);
}

static void meta_has_bounds(void **state)
{
    AUTO(arena_deinit) struct arena arena = {0};
    AUTO(buf_deinit) struct buf deep = {0};
    struct gw_api_meta meta;
    struct error err = {0};

    (void)state;
    assert_int_equal(meta_with_key(GW_API_KEY_MAX), ST_OK);
    assert_int_equal(meta_with_key(GW_API_KEY_MAX + 1), ST_INVALID);
    assert_int_equal(meta_with_key(GW_API_META_MAX), ST_INVALID);
    arena_init(&arena, 1 << 20);
    buf_init(&deep, GW_API_META_MAX);
    for (int i = 0; i < GW_API_META_MAX; i++)
        buf_char(&deep, '[');
    assert_int_equal(gw_api_meta_read(buf_span(&deep), &arena, &meta, &err), ST_INVALID);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(meta_rows) + 9];
    size_t count = 0;

    tests[count++] = (struct CMUnitTest)cmocka_unit_test(times);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(texts);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(an_empty_message);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_whole_message);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_next_attempt_only_where_one_waits);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(broken_inspections_are_none);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(an_event);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(once_failed_stays_failed);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(meta_has_bounds);
    for (size_t i = 0; i < ARRAY_LEN(meta_rows); i++)
        tests[count++] =
            (struct CMUnitTest){meta_rows[i].name, test_meta, NULL, NULL, &meta_rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
