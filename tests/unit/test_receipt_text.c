/* What a clerk reads of a message that was sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "gateway/receipt_text.h"

#define AT INT64_C(1777882500000) /* 2026-05-04T08:15:00Z */
#define ID "019a0000-0000-7000-8000-000000000001"

static const struct gw_message_row base = {.id = ID,
                                           .box = GW_OUTBOX,
                                           .endpoint = "bauamt",
                                           .peer = "nord",
                                           .recipient = "Beheim",
                                           .sender = "Ahausen",
                                           .source_name = "Bescheid M\303\274ller.xml",
                                           .size_bytes = 1500,
                                           .created_at = AT,
                                           .changed_at = AT,
                                           .expires_at = AT + 432000000};

#define STEP(ms, a, b)                                                                             \
    {                                                                                              \
        .at = AT + (ms), .kind = "x", .from = (a), .to = (b)                                       \
    }
#define TROUBLE(ms, why)                                                                           \
    {                                                                                              \
        .at = AT + (ms), .kind = "defer", .from = GW_SEALED, .to = GW_DEFERRED, .reason = (why),   \
        .de = "nord nimmt nichts an.", .en = "nord takes nothing."                                 \
    }

static struct row {
    const char *name;
    struct gw_message_row with; /* what differs from base: state, times, reasons, texts */
    struct gw_event_row events[6];
    bool evidence;
    const char *has[9], *lacks[4];
} rows[] = {
    {"accepted",
     {.state = GW_ACCEPTED},
     {STEP(0, GW_NEW, GW_ACCEPTED)},
     false,
     {"Zustand: angenommen\r\n", "Datei: Bescheid M\303\274ller.xml\r\n",
      "Gr\303\266\303\237e: 2 KB\r\n", "An: Beheim\r\n", "\303\234ber: nord\r\n",
      "Code: D-1620\r\n", "04.05.2026 08:15:00 angenommen\r\n", "Noch nichts.\r\n",
      "State: accepted\r\n"},
     {"Zust\303\244ndig", "Betreff", "Beleg"}},
    {"delivered and proven",
     {.state = GW_DELIVERED,
      .creation = {"2026-05-04T08:15:00Z", AT},
      .reception = {"2026-05-04T09:15:00Z", AT + 3600000},
      .inspections = "[{\"subject\": \"CN=Ahausen\", \"math\": \"ok\", \"offline\": \"valid\","
                     " \"online\": \"revoked\"}]"},
     {STEP(0, GW_NEW, GW_ACCEPTED), STEP(60000, GW_ACCEPTED, GW_SEALED),
      STEP(120000, GW_SEALED, GW_SUBMITTED), STEP(3600000, GW_SUBMITTED, GW_DELIVERED)},
     true,
     {"Zustand: zugestellt\r\nAlles in Ordnung: Beheim hat", "04.05.2026 08:17:00 eingeliefert\r\n",
      "Eingeliefert: 04.05.2026 08:15:00\r\n", "Empfangen: 04.05.2026 09:15:00\r\n",
      "Beleg: " ID ".processcard.mime\r\n",
      "CN=Ahausen - Unterschrift: in Ordnung, G\303\274ltigkeit: g\303\274ltig, Sperrung: gesperrt",
      "CN=Ahausen - signature: ok, validity: valid, revocation: revoked",
      "2026-05-04 08:17:00 submitted\r\n"},
     {"Weitergeleitet:", "Noch nichts", "Zust\303\244ndig"}},
    {"the same trouble many times is one line",
     {.state = GW_DEFERRED, .last_reason = GW_R_NET_REFUSED, .next_attempt_at = AT + 600000},
     {STEP(0, GW_NEW, GW_ACCEPTED), TROUBLE(60000, GW_R_NET_REFUSED),
      TROUBLE(120000, GW_R_NET_REFUSED), TROUBLE(180000, GW_R_NET_REFUSED),
      TROUBLE(240000, GW_R_NET_TIMEOUT)},
     false,
     {"08:16:00 zur\303\274ckgestellt (D-1301): nord nimmt nichts an.\r\n"
      " ebenso noch 2-mal, zuletzt 04.05.2026 08:18:00\r\n"
      "04.05.2026 08:19:00 zur\303\274ckgestellt (D-1302): nord",
      "Zust\303\244ndig: das Netz\r\n", "Wie es weitergeht: n\303\244chster Versuch am 04.05.",
      "Who acts: the network\r\n", " and 2 times more, last 2026-05-04 08:18:00\r\n"},
     {"08:17:00"}},
    {"failed, with the sentence of the last attempt",
     {.state = GW_FAILED,
      .last_reason = GW_R_PARTNER_NO_CERTIFICATE,
      .last_error_de = "Beheim hat kein Zertifikat.",
      .last_error_en = "Beheim has no certificate."},
     {STEP(0, GW_NEW, GW_ACCEPTED)},
     false,
     {"Zustand: gescheitert\r\nBeheim hat kein Zertifikat.\r\n", "Was tun: ", "Code: D-1101\r\n",
      "State: failed\r\nBeheim has no certificate.\r\n"},
     {NULL}},
    {"nothing of others begins a line",
     {.state = GW_ACCEPTED,
      .subject = "a\r\nZustand: zugestellt",
      .source_name = "b\nc",
      .inspections = "no JSON"},
     {{.at = AT, .kind = "note", .from = GW_ACCEPTED, .to = GW_ACCEPTED, .de = "unterwegs"}},
     false,
     {"Betreff: a??Zustand", "Datei: b?c\r\n", "Noch nichts.\r\n"},
     {"\nZustand: zugestellt", "unterwegs"}},
    {"a time stamp that is a token",
     {.state = GW_SUBMITTED, .creation = {"TST MIIB", 0}},
     {STEP(0, GW_NEW, GW_SUBMITTED)},
     false,
     {"Eingeliefert: TST MIIB\r\n"},
     {"Noch nichts"}},
};

static struct gw_message_row row_make(const struct row *r)
{
    struct gw_message_row row = base;

    row.state = r->with.state;
    row.next_attempt_at = r->with.next_attempt_at;
    row.last_reason = r->with.last_reason;
    row.last_error_de = r->with.last_error_de;
    row.last_error_en = r->with.last_error_en;
    row.creation = r->with.creation;
    row.reception = r->with.reception;
    row.inspections = r->with.inspections;
    row.subject = r->with.subject;
    if (r->with.source_name != NULL)
        row.source_name = r->with.source_name;
    return row;
}

/* Runs of blanks as one: how wide the columns are does not matter here. */
static void squeeze(struct buf *text)
{
    size_t len = 0;

    for (size_t i = 0; i < text->len; i++)
        if (text->ptr[i] != ' ' || len == 0 || text->ptr[len - 1] != ' ')
            text->ptr[len++] = text->ptr[i];
    text->len = len;
}

static void test_row(void **state)
{
    struct row *r = *state;
    const struct gw_message_row row = row_make(r);
    struct gw_event_list events = {.rows = r->events};
    struct gw_file_row evidence = {.kind = GW_FILE_EVIDENCE, .name = "processcard.mime"};
    const struct gw_file_list files = {.rows = &evidence, .count = r->evidence};
    const struct gw_why_facts why_facts = {.row = &row, .events = &events, .now = AT + 300000};
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    AUTO(buf_deinit) struct buf text = {.max = GW_RECEIPT_TEXT_MAX};
    struct gw_why why;
    struct error err = {0};
    const struct gw_receipt_facts facts = {&row, &events, &files, &why, AT + 300000};

    while (events.count < ARRAY_LEN(r->events) && r->events[events.count].at != 0)
        events.count++;
    assert_int_equal(gw_why_find(&why_facts, &arena, &why, &err), ST_OK);
    assert_int_equal(gw_receipt_text(&facts, &text, &err), ST_OK);
    squeeze(&text);
    for (size_t i = 0; i < ARRAY_LEN(r->has) && r->has[i] != NULL; i++)
        if (strstr(buf_cstr(&text), r->has[i]) == NULL)
            fail_msg("'%s' is not in\n%s", r->has[i], buf_cstr(&text));
    for (size_t i = 0; i < ARRAY_LEN(r->lacks) && r->lacks[i] != NULL; i++)
        if (strstr(buf_cstr(&text), r->lacks[i]) != NULL)
            fail_msg("'%s' is in\n%s", r->lacks[i], buf_cstr(&text));
    for (const char *c = strchr(buf_cstr(&text), '\n'); c != NULL; c = strchr(c + 1, '\n'))
        assert_int_equal(c[-1], '\r');
}

static void test_limit(void **state)
{
    const struct gw_event_list events = {0};
    const struct gw_file_list files = {0};
    struct gw_message_row row = base;
    AUTO(buf_deinit) struct buf text = {.max = 100};
    struct gw_why why = {.de = {"", "", "", ""}, .en = {"", "", "", ""}};
    struct error err = {0};
    const struct gw_receipt_facts facts = {&row, &events, &files, &why, AT};

    (void)state;
    row.state = GW_ACCEPTED;
    assert_int_equal(gw_receipt_text(&facts, &text, &err), ST_LIMIT);
}

/* A message of many words and many events has a receipt all the same. */
static void test_many(void **state)
{
    enum { MANY = 1000, WORDS = 4000 };
    static char words[WORDS];
    static struct gw_event_row rows_of[MANY];
    const struct gw_event_list events = {.rows = rows_of, .count = MANY};
    const struct gw_file_list files = {0};
    struct gw_message_row row = base;
    AUTO(buf_deinit) struct buf text = {.max = GW_RECEIPT_TEXT_MAX};
    struct gw_why why = {.de = {"", "", "", ""}, .en = {"", "", "", ""}};
    struct error err = {0};
    const struct gw_receipt_facts facts = {&row, &events, &files, &why, AT};

    (void)state;
    row.state = GW_DEFERRED;
    memset(words, 'x', sizeof words - 1);
    for (int i = 0; i < MANY; i++)
        rows_of[i] = (struct gw_event_row){.at = AT + i,
                                           .kind = "defer",
                                           .from = GW_DEFERRED,
                                           .to = GW_DEFERRED,
                                           .reason = GW_R_NET_REFUSED + i % 2,
                                           .de = words,
                                           .en = words};
    assert_int_equal(gw_receipt_text(&facts, &text, &err), ST_OK);
    assert_non_null(strstr(buf_cstr(&text), "Mehr zeigt depesche events."));
    assert_non_null(strstr(buf_cstr(&text), "depesche events shows more."));
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 2];

    (void)setenv("TZ", "UTC", 1);
    tzset();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    tests[ARRAY_LEN(rows)] =
        (struct CMUnitTest){"a text that does not fit", test_limit, NULL, NULL, NULL};
    tests[ARRAY_LEN(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(test_many);
    return cmocka_run_group_tests_name("receipt_text", tests, NULL, NULL);
}
