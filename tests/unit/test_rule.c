/* The table of routes: which row holds for which message, and what check-config says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "gateway/alternative.h"
#include "gateway/pattern.h"
#include "gateway/rule.h"
#include "gateway/worker.h"
#include "tests/unit/helper_crypto.h"

#define PAIR "{certificate: c.pem, key: k.pem}"
#define TOWN                                                                                       \
    "tenant:\n"                                                                                    \
    "  name: Stadt Ahausen\n"                                                                      \
    "  identity: {signature: " PAIR ", cipher: " PAIR "}\n"                                        \
    "intermediaries:\n"                                                                            \
    "  - {name: land, url: 'http://h/', cipher_certificate: i.pem}\n"                              \
    "  - {name: bund, url: 'http://b/', cipher_certificate: i.pem}\n"                              \
    "partners:\n"                                                                                  \
    "  - {name: Beheim, intermediary: land, cipher_certificate: b.pem}\n"                          \
    "  - {name: Cestadt, intermediary: bund, cipher_certificate: b.pem}\n"                         \
    "  - {name: Register, intermediary: bund, cipher_certificate: b.pem}\n"                        \
    "endpoints:\n"                                                                                 \
    "  - name: meldewesen\n"                                                                       \
    "  - name: rechnungen\n"                                                                       \
    "  - name: Register\n" /* fifteen lines */

static const char table[] =
    TOWN "routes:\n"
         "  - name: xrechnung\n"
         "    from: [rechnungen]\n"
         "    when: {leitweg_id: ['05315-*', '05316-*']}\n"
         "    to: [Beheim]\n"
         "  - name: xrechnung-inhalt\n"
         "    from: [rechnungen]\n"
         "    when:\n"
         "      content:\n"
         "        - {xpath: '//r:Leitweg', matches: '^0531[56]-'}\n"
         "    to: [Beheim, Cestadt]\n"
         "  - name: gross\n"
         "    from: [rechnungen]\n"
         "    when: {larger_kb: 1024, smaller_kb: 2048}\n"
         "    to: [Cestadt]\n"
         "  - name: fachverfahren\n"
         "    from: [endpoints]\n"
         "    when: {process_id: ['KFZ-20?"
         "?-*']}\n"
         "    to: ['partner:Register']\n"
         "  - name: nach-namen\n"
         "    from: [meldewesen]\n"
         "    when: {recipient: [Cestadt], message_type: ['xmeld.*']}\n"
         "    to: [Beheim]\n"
         "  - name: satz\n"
         "    from: [meldewesen]\n"
         "    when:\n"
         "      file: ['*.DAT']\n"
         "      content:\n"
         "        - {line: 1, matches: '^VORL[ÄA]UF 0?9162000$'}\n"
         "        - {lines: 3, equals: 'ART=M'}\n"
         "    to: [Cestadt]\n"
         "  - name: xmeld\n"
         "    from: [meldewesen]\n"
         "    when: {ags: ['09163*'], service: ['http://www.osci.de/xmeld*'], clerk: ['*Müller']}\n"
         "    to: [Cestadt]\n"
         "  - name: erste-zeile\n"
         "    from: [meldewesen]\n"
         "    when: {content: [{line: 2, equals: 'x'}], subject: ['Zeile']}\n"
         "    to: [Beheim]\n"
         "  - name: wert\n"
         "    from: [meldewesen]\n"
         "    when: {subject: ['Wert'], content: [{xpath: 'string(/a/@b)'}]}\n"
         "    to: [Beheim]\n"
         "  - name: langsam\n"
         "    from: [meldewesen]\n"
         "    when:\n"
         "      subject: ['langsam']\n"
         "      content: [{xpath: 'count(//*[count(//*[count(//*) > 1]) > 1])'}]\n"
         "    to: [Beheim]\n"
         "  - name: von-beheim\n"
         "    from: [Beheim]\n"
         "    when: {message_type: ['xmeld.?', 'xpass*']}\n"
         "    to: [meldewesen]\n"
         "  - name: vom-land\n"
         "    from: [land, Cestadt]\n"
         "    when: {author: ['ags:0917*'], reader: ['ags:09162000']}\n"
         "    to: ['endpoint:Register']\n"
         "  - name: herein-rechnung\n"
         "    from: [peers]\n"
         "    when: {content: [{xpath: '/r:Rechnung'}]}\n"
         "    to: [rechnungen]\n"
         "  - name: herein-rest\n"
         "    from: [peers]\n"
         "    when: {sender: ['CN=*']}\n"
         "    to: [meldewesen]\n";

#define R "urn:r"
#define RECHNUNG(v) "<r:Rechnung xmlns:r='" R "'><r:Leitweg>" v "</r:Leitweg></r:Rechnung>"
#define OUT(name)                                                                                  \
    {                                                                                              \
        GW_FACT_ENDPOINT, name                                                                     \
    }
#define IN(name)                                                                                   \
    {                                                                                              \
        GW_FACT_PEER, name                                                                         \
    }

static struct row {
    const char *name;
    bool inbound;
    struct {
        enum gw_fact fact;
        const char *text;
    } facts[5];
    uint64_t size;
    const char *content; /* NULL: it is not there any more */
    const char *rule;    /* NULL: none; "?": not known */
    const char *last;    /* why the last one looked at does not hold; NULL: not asked */
} rows[] = {
    /* Leitweg-ID and content of invoices */
    {"a Leitweg-ID",
     false,
     {OUT("rechnungen"), {GW_FACT_LEITWEG_ID, "05315-1-2"}},
     9,
     "x",
     "xrechnung",
     NULL},
    {"the second pattern",
     false,
     {OUT("rechnungen"), {GW_FACT_LEITWEG_ID, "05316-"}},
     9,
     "x",
     "xrechnung",
     NULL},
    {"another Leitweg-ID",
     false,
     {OUT("rechnungen"), {GW_FACT_LEITWEG_ID, "05317-1"}},
     9,
     "x",
     NULL,
     NULL},
    {"the beginning is not enough",
     false,
     {OUT("rechnungen"), {GW_FACT_LEITWEG_ID, "05315"}},
     9,
     "x",
     NULL,
     NULL},
    {"another endpoint",
     false,
     {OUT("meldewesen"), {GW_FACT_LEITWEG_ID, "05315-1"}},
     9,
     "x",
     NULL,
     NULL},
    {"a Leitweg-ID from a party",
     false,
     {OUT("rechnungen"), {GW_FACT_READER, "leitweg-id:05315-77"}},
     9,
     "x",
     "xrechnung",
     NULL},
    {"a party in capitals",
     false,
     {OUT("rechnungen"), {GW_FACT_READER, "LEITWEG-ID:05315-77"}},
     9,
     "x",
     "xrechnung",
     NULL},
    {"what is said goes before the party",
     false,
     {OUT("rechnungen"), {GW_FACT_READER, "leitweg-id:05315-77"}, {GW_FACT_LEITWEG_ID, "9"}},
     9,
     "x",
     NULL,
     NULL},
    {"a party of another kind",
     false,
     {OUT("rechnungen"), {GW_FACT_READER, "ags:05315-77"}},
     9,
     "x",
     NULL,
     NULL},
    {"in the content",
     false,
     {OUT("rechnungen")},
     9,
     RECHNUNG("05315-1"),
     "xrechnung-inhalt",
     NULL},
    {"the other one of the class",
     false,
     {OUT("rechnungen")},
     9,
     RECHNUNG("05316-1"),
     "xrechnung-inhalt",
     NULL},
    {"blanks around it",
     false,
     {OUT("rechnungen")},
     9,
     RECHNUNG("\n 05316-1 "),
     "xrechnung-inhalt",
     NULL},
    {"not at the beginning", false, {OUT("rechnungen")}, 9, RECHNUNG("x05316-1"), NULL, NULL},
    {"an empty element", false, {OUT("rechnungen")}, 9, RECHNUNG(""), NULL, NULL},
    {"another namespace",
     false,
     {OUT("rechnungen")},
     9,
     "<r:Rechnung xmlns:r='urn:s'><r:Leitweg>05315-1</r:Leitweg></r:Rechnung>",
     "xrechnung-inhalt",
     NULL},
    {"a prefix not declared",
     false,
     {OUT("rechnungen")},
     9,
     "<a><Leitweg>05315-1</Leitweg></a>",
     NULL,
     NULL},
    {"no XML", false, {OUT("rechnungen")}, 9, "Leitweg 05315-1", NULL, NULL},
    {"an entity bomb",
     false,
     {OUT("rechnungen")},
     9,
     "<!DOCTYPE a [<!ENTITY b '05315-1'>]><r:Leitweg xmlns:r='" R "'>&b;</r:Leitweg>",
     NULL,
     NULL},
    {"the content is gone", false, {OUT("rechnungen")}, 9, NULL, "?", "content[1]"},
    {"gone, and not needed",
     false,
     {OUT("rechnungen"), {GW_FACT_LEITWEG_ID, "05315-1"}},
     9,
     NULL,
     "xrechnung",
     NULL},
    /* size */
    {"large enough", false, {OUT("rechnungen")}, 1024 * 1024, "x", "gross", NULL},
    {"a byte less", false, {OUT("rechnungen")}, 1024 * 1024 - 1, "x", NULL, NULL},
    {"the largest", false, {OUT("rechnungen")}, 2048 * 1024 - 1, "x", "gross", NULL},
    {"too large", false, {OUT("rechnungen")}, 2048 * 1024, "x", NULL, NULL},
    /* process ids, for all endpoints */
    {"a process id",
     false,
     {OUT("meldewesen"), {GW_FACT_PROCESS_ID, "KFZ-2026-0001"}},
     9,
     "x",
     "fachverfahren",
     NULL},
    {"from another endpoint",
     false,
     {OUT("Register"), {GW_FACT_PROCESS_ID, "KFZ-2026-"}},
     9,
     "x",
     "fachverfahren",
     NULL},
    {"one character too few",
     false,
     {OUT("Register"), {GW_FACT_PROCESS_ID, "KFZ-202-0001"}},
     9,
     "x",
     NULL,
     NULL},
    {"small letters",
     false,
     {OUT("Register"), {GW_FACT_PROCESS_ID, "kfz-2026-0001"}},
     9,
     "x",
     NULL,
     NULL},
    {"a question mark is one character, not one byte",
     false,
     {OUT("Register"), {GW_FACT_PROCESS_ID, "KFZ-20Ä6-1"}},
     9,
     "x",
     "fachverfahren",
     NULL},
    {"not for what comes in",
     true,
     {IN("x"), {GW_FACT_PROCESS_ID, "KFZ-2026-0001"}},
     9,
     "x",
     NULL,
     NULL},
    /* messages that name their recipient */
    {"a recipient of its own",
     false,
     {OUT("rechnungen"), {GW_FACT_LEITWEG_ID, "05315-1"}, {GW_FACT_RECIPIENT, "Register"}},
     9,
     "x",
     NULL,
     NULL},
    {"a row for such",
     false,
     {OUT("meldewesen"), {GW_FACT_RECIPIENT, "Cestadt"}, {GW_FACT_MESSAGE_TYPE, "xmeld.rueck"}},
     9,
     "x",
     "nach-namen",
     NULL},
    {"another recipient",
     false,
     {OUT("meldewesen"), {GW_FACT_RECIPIENT, "Beheim"}, {GW_FACT_MESSAGE_TYPE, "xmeld.rueck"}},
     9,
     "x",
     NULL,
     NULL},
    {"another type",
     false,
     {OUT("meldewesen"), {GW_FACT_RECIPIENT, "Cestadt"}, {GW_FACT_MESSAGE_TYPE, "xmeld"}},
     9,
     "x",
     NULL,
     NULL},
    {"no type at all",
     false,
     {OUT("meldewesen"), {GW_FACT_RECIPIENT, "Cestadt"}},
     9,
     "x",
     NULL,
     NULL},
    /* flat records */
    {"ISO-8859-1, CRLF",
     false,
     {OUT("meldewesen"), {GW_FACT_FILE, "D.DAT"}},
     9,
     "VORL\304UF 09162000\r\nx\r\nART=M\r\n",
     "satz",
     NULL},
    {"UTF-8, LF",
     false,
     {OUT("meldewesen"), {GW_FACT_FILE, "D.DAT"}},
     9,
     "VORL\303\204UF 9162000\nART=M\n",
     "satz",
     NULL},
    {"a byte order mark",
     false,
     {OUT("meldewesen"), {GW_FACT_FILE, "D.DAT"}},
     9,
     "\xef\xbb\xbfVORLAUF 9162000\nART=M\n",
     "satz",
     NULL},
    {"no line end behind the last",
     false,
     {OUT("meldewesen"), {GW_FACT_FILE, "D.DAT"}},
     9,
     "VORLAUF 9162000\n\nART=M",
     "satz",
     NULL},
    {"in the fourth line",
     false,
     {OUT("meldewesen"), {GW_FACT_FILE, "D.DAT"}},
     9,
     "VORLAUF 9162000\n1\n2\nART=M\n",
     NULL,
     NULL},
    {"the first line is another",
     false,
     {OUT("meldewesen"), {GW_FACT_FILE, "D.DAT"}},
     9,
     "VORLAUF 9162001\nART=M\n",
     NULL,
     NULL},
    {"more behind it",
     false,
     {OUT("meldewesen"), {GW_FACT_FILE, "D.DAT"}},
     9,
     "VORLAUF 9162000 \nART=M\n",
     NULL,
     NULL},
    {"one line alone",
     false,
     {OUT("meldewesen"), {GW_FACT_FILE, "D.DAT"}},
     9,
     "VORLAUF 9162000",
     NULL,
     NULL},
    {"nothing in it", false, {OUT("meldewesen"), {GW_FACT_FILE, "D.DAT"}}, 9, "", NULL, NULL},
    {"a NUL in the line",
     false,
     {OUT("meldewesen"), {GW_FACT_FILE, "D.DAT"}},
     9,
     "VORLAUF",
     NULL,
     NULL},
    {"another name",
     false,
     {OUT("meldewesen"), {GW_FACT_FILE, "D.dat"}},
     9,
     "VORLAUF 9162000\nART=M\n",
     NULL,
     NULL},
    {"a record that is gone",
     false,
     {OUT("meldewesen"), {GW_FACT_FILE, "D.DAT"}},
     9,
     NULL,
     "?",
     "content[1]"},
    {"the second line",
     false,
     {OUT("meldewesen"), {GW_FACT_SUBJECT, "Zeile"}},
     9,
     "a\nx",
     "erste-zeile",
     NULL},
    {"an empty second line",
     false,
     {OUT("meldewesen"), {GW_FACT_SUBJECT, "Zeile"}},
     9,
     "a\n",
     NULL,
     NULL},
    /* several conditions */
    {"all three",
     false,
     {OUT("meldewesen"),
      {GW_FACT_AGS, "09163000"},
      {GW_FACT_SERVICE, "http://www.osci.de/xmeld/rueck.wsdl"},
      {GW_FACT_CLERK, "Frau Müller"}},
     9,
     "x",
     "xmeld",
     NULL},
    {"the AGS of the reader",
     false,
     {OUT("meldewesen"),
      {GW_FACT_READER, "AGS:09163000"},
      {GW_FACT_SERVICE, "http://www.osci.de/xmeld"},
      {GW_FACT_CLERK, "Müller"}},
     9,
     "x",
     "xmeld",
     NULL},
    {"two of three",
     false,
     {OUT("meldewesen"),
      {GW_FACT_AGS, "09163000"},
      {GW_FACT_SERVICE, "http://www.osci.de/xmeld/rueck.wsdl"}},
     9,
     "x",
     NULL,
     NULL},
    {"the wrong clerk",
     false,
     {OUT("meldewesen"),
      {GW_FACT_AGS, "09163000"},
      {GW_FACT_SERVICE, "http://www.osci.de/xmeld"},
      {GW_FACT_CLERK, "Müllerin"}},
     9,
     "x",
     NULL,
     NULL},
    {"an attribute",
     false,
     {OUT("meldewesen"), {GW_FACT_SUBJECT, "Wert"}},
     9,
     "<a b='c'/>",
     "wert",
     NULL},
    {"an empty attribute",
     false,
     {OUT("meldewesen"), {GW_FACT_SUBJECT, "Wert"}},
     9,
     "<a b=''/>",
     NULL,
     NULL},
    /* what comes in */
    {"from a partner",
     true,
     {IN("land"), {GW_FACT_SENDER, "Beheim"}, {GW_FACT_MESSAGE_TYPE, "xmeld.1"}},
     9,
     "x",
     "von-beheim",
     NULL},
    {"its other type",
     true,
     {IN("bund"), {GW_FACT_SENDER, "Beheim"}, {GW_FACT_MESSAGE_TYPE, "xpass"}},
     9,
     "x",
     "von-beheim",
     NULL},
    {"a type of two",
     true,
     {IN("bund"), {GW_FACT_SENDER, "Beheim"}, {GW_FACT_MESSAGE_TYPE, "xmeld.11"}},
     9,
     "x",
     NULL,
     NULL},
    {"by an intermediary, for a reader",
     true,
     {IN("land"),
      {GW_FACT_SENDER, "CN=x"},
      {GW_FACT_AUTHOR, "ags:09171000"},
      {GW_FACT_READER, "ags:09162000"}},
     9,
     "x",
     "vom-land",
     NULL},
    {"by a partner, for a reader",
     true,
     {IN("bund"),
      {GW_FACT_SENDER, "Cestadt"},
      {GW_FACT_AUTHOR, "ags:09171000"},
      {GW_FACT_READER, "ags:09162000"}},
     9,
     "x",
     "vom-land",
     NULL},
    {"by the other intermediary",
     true,
     {IN("bund"),
      {GW_FACT_SENDER, "CN=x"},
      {GW_FACT_AUTHOR, "ags:09171000"},
      {GW_FACT_READER, "ags:09162000"}},
     9,
     "x",
     "herein-rest",
     NULL},
    {"an invoice from anybody",
     true,
     {IN("bund"), {GW_FACT_SENDER, "Register"}},
     9,
     RECHNUNG("1"),
     "herein-rechnung",
     NULL},
    {"an invoice from nobody known", true, {IN("bund")}, 9, RECHNUNG("1"), "herein-rechnung", NULL},
    {"nothing holds", true, {IN("bund"), {GW_FACT_SENDER, "Register"}}, 9, "<a/>", NULL, "sender"},
    {"inbound content that is gone",
     true,
     {IN("bund"), {GW_FACT_SENDER, "CN=x"}},
     9,
     NULL,
     "?",
     "content[1]"},
    {"an endpoint's name does not send in",
     true,
     {IN("bund"), {GW_FACT_SENDER, "meldewesen"}, {GW_FACT_AGS, "09163000"}},
     9,
     "x",
     NULL,
     NULL},
};

static const struct gw_config *conf;

static const struct gw_config *config_of(const char *yaml)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(buf_deinit) struct buf text = {0};
    const struct gw_config *config = NULL;
    struct error err = {0};

    gw_config_report_init(&report);
    if (gw_config_read(span_str(yaml), "routes.yaml", &config, &report, &err) != ST_OK) {
        buf_init(&text, 65536);
        gw_config_report_text(&report, GW_LANG_EN, &text);
        fail_msg("%s", buf_cstr(&text));
    }
    return config;
}

static enum status decide(const struct gw_facts *facts, const char *text, struct arena *arena,
                          struct gw_decision *decision, struct error *err)
{
    AUTO(gw_route_content_deinit) struct gw_route_content content = {0};
    struct source_span source;

    gw_route_content_init(&content,
                          text == NULL ? NULL : source_span_init(&source, span_str(text)));
    return gw_rule_decide(conf, facts, &content, arena, decision, err);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    struct gw_facts facts = {.inbound = row->inbound, .size = row->size};
    struct gw_decision decision;
    struct error err = {0};

    for (size_t i = 0; i < ARRAY_LEN(row->facts) && row->facts[i].text != NULL; i++)
        facts.of[row->facts[i].fact] = row->facts[i].text;
    gw_facts_complete(&facts);
    assert_int_equal(decide(&facts, row->content, &arena, &decision, &err), ST_OK);
    if (row->rule != NULL && row->rule[0] != '?') {
        assert_non_null(decision.rule);
        assert_string_equal(decision.rule->name, row->rule);
    } else {
        assert_null(decision.rule);
    }
    assert_int_equal(decision.unknown, row->rule != NULL && row->rule[0] == '?');
    if (row->last != NULL)
        assert_string_equal(decision.traces[decision.trace_count - 1].condition, row->last);
}

/* The trace has a row for each route looked at, with what it asked for and what there was. */
static void test_trace(void **state)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    struct gw_facts facts = {.size = 2048};
    struct gw_decision d;
    struct error err = {0};

    (void)state;
    facts.of[GW_FACT_ENDPOINT] = "rechnungen";
    facts.of[GW_FACT_LEITWEG_ID] = "0917";
    facts.of[GW_FACT_PROCESS_ID] = "KFZ-2026-1";
    assert_int_equal(decide(&facts, RECHNUNG("0917"), &arena, &d, &err), ST_OK);
    assert_int_equal(d.trace_count, 4);
    assert_string_equal(d.traces[0].condition, "leitweg_id");
    assert_string_equal(d.traces[0].wanted, "05315-*, 05316-*");
    assert_string_equal(d.traces[0].found, "0917");
    assert_string_equal(d.traces[1].condition, "content[1]");
    assert_string_equal(d.traces[1].wanted, "//r:Leitweg matches ^0531[56]-");
    assert_string_equal(d.traces[1].found, "0917");
    assert_string_equal(d.traces[2].condition, "larger_kb");
    assert_string_equal(d.traces[2].found, "2.0 KB");
    assert_int_equal(d.traces[3].held, GW_HELD);
}

/* Each thing that is known of a message can be asked for, by its name in the settings: it fits, it
 * is another, it is not known; and no other stands for it. */
static void test_every_key(void **state)
{
    (void)state;
    for (unsigned key = GW_FACT_SENDER; key < GW_FACT_COUNT; key++)
        for (unsigned said = GW_FACT_SENDER; said < GW_FACT_COUNT; said++)
            for (int fits = 0; fits <= 1; fits++) {
                AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
                AUTO(gw_config_drop) const struct gw_config *own = NULL;
                AUTO(gw_route_content_deinit) struct gw_route_content content = {0};
                struct gw_facts facts = {.inbound = key == GW_FACT_SENDER};
                struct gw_decision d;
                struct error err = {0};
                char yaml[4096];

                (void)snprintf(yaml, sizeof yaml,
                               TOWN "routes:\n  - {name: a, from: %s, when: {%s: 'w?rt*'}, to: "
                                    "Beheim}\n",
                               facts.inbound ? "peers" : "endpoints",
                               gw_fact_name((enum gw_fact)key));
                own = config_of(yaml);
                facts.of[facts.inbound ? GW_FACT_PEER : GW_FACT_ENDPOINT] =
                    facts.inbound ? "land" : "meldewesen";
                facts.of[said] = fits ? "w\xc3\xb6rtlich" : "wrtlich";
                gw_route_content_init(&content, NULL);
                assert_int_equal(gw_rule_decide(own, &facts, &content, &arena, &d, &err), ST_OK);
                assert_int_equal(d.rule != NULL, key == said && fits);
            }
}

/* An XPath that takes too long is no "does not hold": a later row must not get the message. */
static void test_slow(void **state)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    AUTO(buf_deinit) struct buf text = {0};
    struct gw_facts facts = {.size = 1};
    struct gw_decision d;
    struct error err = {0};

    (void)state;
    facts.of[GW_FACT_ENDPOINT] = "meldewesen";
    facts.of[GW_FACT_SUBJECT] = "langsam";
    buf_init(&text, 1 << 20);
    buf_str(&text, "<a>");
    for (int i = 0; i < 20000; i++)
        buf_str(&text, "<b/>");
    buf_str(&text, "</a>");
    assert_int_equal(decide(&facts, buf_cstr(&text), &arena, &d, &err), ST_DENIED);
    assert_int_equal(err.reason, GW_R_ROUTE_UNDECIDED);
}

static void test_facts_json(void **state)
{
    AUTO(arena_deinit) struct arena arena = {.max = 1 << 20};
    struct gw_facts facts = {.size = 77}, back = {0};
    const char *json;
    struct error err = {0};

    (void)state;
    facts.of[GW_FACT_CLERK] = "Müller \"x\"\\";
    facts.of[GW_FACT_FILE] = "a.xml";
    assert_int_equal(gw_facts_write(&facts, &arena, &json, &err), ST_OK);
    assert_int_equal(gw_facts_read(json, &arena, &back, &err), ST_OK);
    for (size_t i = 0; i < GW_FACT_COUNT; i++)
        if (facts.of[i] == NULL)
            assert_null(back.of[i]);
        else
            assert_string_equal(back.of[i], facts.of[i]);
    assert_int_equal(back.size, 77);
    assert_int_equal(gw_facts_read("[1]", &arena, &back, &err), ST_INVALID);
    assert_int_equal(gw_facts_read("{\"size\":-1,\"file\":7}", &arena, &back, &err), ST_OK);
}

/* ---- patterns ---- */

static struct glob_row {
    const char *name, *glob, *text;
    bool fits, covers;
} glob_rows[] = {
    {"itself", "abc", "abc", true, true},
    {"a star", "*", "", true, true},
    {"a star within", "a*c", "abbc", true, true},
    {"two stars", "*a*", "xxaxx", true, true},
    {"again behind a star", "*ab", "aab", true, true},
    {"not itself", "abc", "abd", false, false},
    {"longer", "ab", "abc", false, false},
    {"a question mark", "a?c", "abc", true, true},
    {"not for nothing", "a?", "a", false, false},
    {"a star in the text is any text", "a?c", "a*c", true, false},
    {"a star covers a star", "a*", "a*b", true, true},
    {"but not the other way", "a*b", "a*", false, false},
    {"brackets are letters", "[a]", "a", false, false},
};

static void test_glob(void **state)
{
    const struct glob_row *row = *state;

    assert_int_equal(gw_glob_match(row->glob, row->text), row->fits);
    assert_int_equal(gw_glob_covers(row->glob, row->text), row->covers);
}

/* A pattern against a text that wants to be tried in every way: still quick. */
static void test_glob_hostile(void **state)
{
    char text[4001];

    (void)state;
    memset(text, 'a', 4000);
    text[4000] = '\0';
    assert_false(gw_glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

static struct regex_row {
    const char *name, *regex, *text;
    int matches; /* -1: it cannot be used */
} regex_rows[] = {
    {"within", "b+", "abbc", 1},
    {"anchored", "^b", "ab", 0},
    {"an umlaut class", "^[äö]$", "\344", 1},
    {"one character, not one byte", "^.$", "ä", 1},
    {"a class by name", "^[[:alpha:]]+$", "Bürger", 1},
    {"a bracket first in a class", "^[]x{}]+$", "]{", 1},
    {"a class with a backslash and digits", "^[\\1]$", "1", 1},
    {"a repetition", "^(ab){2,3}$", "ababab", 1},
    {"an escaped backslash before a digit", "^\\\\1$", "\\1", 1},
    {"a reference back", "(a)\\1", "aa", -1},
    {"repetitions of repetitions", "((a{100}){100}){100}", "a", -1},
    {"a brace of a thousand", "^a{0,1000}$", "a", 1},
    {"and one more", "a{1001}", "a", -1},
    {"an open bracket", "[a", "a", -1},
    {"an open parenthesis", "(a", "a", -1},
    {"nothing to repeat", "a{2,1}", "a", -1},
};

static void test_regex(void **state)
{
    const struct regex_row *row = *state;
    struct error err = {0};
    bool matches = false;

    assert_int_equal(gw_regex_check(row->regex, &err), row->matches < 0 ? ST_INVALID : ST_OK);
    if (row->matches < 0)
        return;
    assert_int_equal(gw_regex_match(row->regex, span_str(row->text), &matches, &err), ST_OK);
    assert_int_equal(matches, row->matches);
}

/* What makes a matcher that tries in turn take for ever. */
static void test_regex_hostile(void **state)
{
    static const char *const regexes[] = {"^(a+)+$",   "(a|aa)+$",     "^(a|a?)+$",
                                          "(.*a){12}", "^([a-z]+)*b$", "(a|b)*a(a|b){20}$"};
    char text[GW_REGEX_TEXT_MAX + 1];
    int64_t began = gw_monotonic_ms();
    struct error err = {0};
    bool matches;

    (void)state;
    memset(text, 'a', sizeof text);
    text[GW_REGEX_TEXT_MAX - 1] = '!';
    text[GW_REGEX_TEXT_MAX] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(regexes); i++)
        assert_int_equal(gw_regex_match(regexes[i], span_str(text), &matches, &err), ST_OK);
    assert_true(gw_monotonic_ms() - began < 60000);
}

/* ---- check-config ---- */

static struct bad_row {
    const char *name, *routes;
    int line, code; /* line within routes, from 1 on; code 0: nothing is found */
} bad_rows[] = {
    {"a good one", "  - {name: a, from: [meldewesen], to: [Beheim]}\n", 0, 0},
    {"one pattern instead of a list",
     "  - {name: a, from: meldewesen, when: {ags: 0916*}, to: Beheim}\n", 0, 0},
    {"an unknown source", "  - {name: a, from: [kasse], to: [Beheim]}\n", 1, GW_R_CONFIG_REFERENCE},
    {"an unknown target",
     "  - name: a\n    from: [meldewesen]\n    to:\n      - Beheim\n"
     "      - Dedorf\n",
     5, GW_R_CONFIG_REFERENCE},
    {"a target of a kind it is not", "  - {name: a, from: [meldewesen], to: ['endpoint:Beheim']}\n",
     1, GW_R_CONFIG_REFERENCE},
    {"a name of two things", "  - {name: a, from: [meldewesen], to: [Register]}\n", 1,
     GW_R_CONFIG_AMBIGUOUS},
    {"a source of two things", "  - {name: a, from: [Register], to: [Beheim]}\n", 1,
     GW_R_CONFIG_AMBIGUOUS},
    {"both directions", "  - {name: a, from: [meldewesen, land], to: [Beheim]}\n", 1,
     GW_R_CONFIG_VALUE},
    {"an endpoint with an alternative", "  - {name: a, from: [peers], to: [meldewesen, Beheim]}\n",
     1, GW_R_CONFIG_VALUE},
    {"a target twice", "  - {name: a, from: [meldewesen], to: [Beheim, Beheim]}\n", 1,
     GW_R_CONFIG_VALUE},
    {"no source", "  - {name: a, to: [Beheim]}\n", 1, GW_R_CONFIG_MISSING},
    {"no target", "  - {name: a, from: [meldewesen]}\n", 1, GW_R_CONFIG_MISSING},
    {"an empty list of targets", "  - {name: a, from: [meldewesen], to: []}\n", 1,
     GW_R_CONFIG_VALUE},
    {"an unknown condition",
     "  - {name: a, from: [meldewesen], when: {agz: ['1']}, to: [Beheim]}\n", 1,
     GW_R_CONFIG_DID_YOU_MEAN},
    {"a bad XPath",
     "  - name: a\n    from: [meldewesen]\n    to: [Beheim]\n    when:\n      content:\n"
     "        - xpath: '//['\n",
     6, GW_R_CONFIG_VALUE},
    {"a bad expression",
     "  - name: a\n    from: [meldewesen]\n    to: [Beheim]\n    when:\n      content:\n"
     "        - line: 1\n          matches: '(a'\n",
     7, GW_R_CONFIG_REGEX},
    {"a reference back",
     "  - name: a\n    from: [meldewesen]\n    to: [Beheim]\n    when:\n      content:\n"
     "        - line: 1\n          matches: '(a)\\1'\n",
     7, GW_R_CONFIG_REGEX},
    {"a result in another folder",
     "  - name: a\n    from: [meldewesen]\n    to: [Beheim]\n    transform:\n"
     "      stylesheet: s.xsl\n      suffix: /../x\n",
     6, GW_R_CONFIG_VALUE},
    {"a transformation without a stylesheet",
     "  - {name: a, from: [meldewesen], to: [Beheim], transform: {suffix: .json}}\n", 1,
     GW_R_CONFIG_MISSING},
    {"no place in the content",
     "  - {name: a, from: [meldewesen], to: [Beheim], when: {content: [{equals: a}]}}\n", 1,
     GW_R_CONFIG_MISSING},
    {"two places in the content",
     "  - {name: a, from: [meldewesen], to: [Beheim], when: {content: [{line: 1, lines: 2, "
     "equals: a}]}}\n",
     1, GW_R_CONFIG_VALUE},
    {"a line without a condition",
     "  - {name: a, from: [meldewesen], to: [Beheim], when: {content: [{line: 1}]}}\n", 1,
     GW_R_CONFIG_MISSING},
    {"smaller than larger",
     "  - {name: a, from: [meldewesen], to: [Beheim], when: {larger_kb: 5, smaller_kb: 5}}\n", 1,
     GW_R_CONFIG_VALUE},
    {"brought to who cannot be brought anything",
     "  - {name: a, from: [meldewesen], to: [Beheim], delivery: forward}\n", 1,
     GW_R_CONFIG_WAY_URL},
    {"a name twice",
     "  - {name: a, from: [meldewesen], to: [Beheim]}\n"
     "  - {name: a, from: [rechnungen], to: [Beheim]}\n",
     2, GW_R_CONFIG_DUPLICATE_NAME},
    {"everything is taken",
     "  - {name: a, from: [endpoints], to: [Beheim]}\n"
     "  - {name: b, from: [meldewesen], when: {ags: ['1']}, to: [Cestadt]}\n",
     2, GW_R_CONFIG_ROUTE_SHADOWED},
    {"a wider pattern first",
     "  - {name: a, from: [meldewesen], when: {ags: ['09*', '10']}, to: [Beheim]}\n"
     "  - {name: b, from: [meldewesen], when: {ags: ['09162*', '10'], clerk: [x]}, "
     "to: [Cestadt]}\n",
     2, GW_R_CONFIG_ROUTE_SHADOWED},
    {"the same content asked for",
     "  - {name: a, from: [meldewesen], when: {content: [{xpath: /a}]}, to: [Beheim]}\n"
     "  - {name: b, from: [meldewesen], when: {content: [{xpath: /b}, {xpath: /a}]}, "
     "to: [Cestadt]}\n",
     2, GW_R_CONFIG_ROUTE_SHADOWED},
    {"a smaller size first",
     "  - {name: a, from: [meldewesen], when: {larger_kb: 5}, to: [Beheim]}\n"
     "  - {name: b, from: [meldewesen], when: {larger_kb: 6}, to: [Cestadt]}\n",
     2, GW_R_CONFIG_ROUTE_SHADOWED},
    {"a larger size first",
     "  - {name: a, from: [meldewesen], when: {larger_kb: 6}, to: [Beheim]}\n"
     "  - {name: b, from: [meldewesen], when: {larger_kb: 5}, to: [Cestadt]}\n",
     0, 0},
    {"other content asked for",
     "  - {name: a, from: [meldewesen], when: {content: [{xpath: /a}]}, to: [Beheim]}\n"
     "  - {name: b, from: [meldewesen], when: {content: [{xpath: /b}]}, to: [Cestadt]}\n",
     0, 0},
    {"for who names a recipient, and for others",
     "  - {name: a, from: [meldewesen], to: [Beheim]}\n"
     "  - {name: b, from: [meldewesen], when: {recipient: ['*']}, to: [Cestadt]}\n",
     0, 0},
    {"a narrower pattern first",
     "  - {name: a, from: [meldewesen], when: {ags: ['09162*']}, to: [Beheim]}\n"
     "  - {name: b, from: [meldewesen], when: {ags: ['09*']}, to: [Cestadt]}\n",
     0, 0},
    {"another source",
     "  - {name: a, from: [meldewesen], to: [Beheim]}\n"
     "  - {name: b, from: [endpoints], to: [Cestadt]}\n",
     0, 0},
    {"peers and a partner",
     "  - {name: a, from: [peers], to: [meldewesen]}\n"
     "  - {name: b, from: [Beheim], to: [rechnungen]}\n",
     2, GW_R_CONFIG_ROUTE_SHADOWED},
};

static void test_bad(void **state)
{
    const struct bad_row *row = *state;
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(gw_config_drop) const struct gw_config *config = NULL;
    AUTO(buf_deinit) struct buf yaml = {0};
    struct error err = {0};
    enum status st;

    gw_config_report_init(&report);
    buf_init(&yaml, 65536);
    buf_printf(&yaml, "%sroutes:\n%s", TOWN, row->routes);
    st = gw_config_read(buf_span(&yaml), "x.yaml", &config, &report, &err);
    assert_int_equal(report.count, row->code == 0 ? 0 : 1);
    if (row->code == 0)
        return;
    assert_int_equal(report.findings[0].code, row->code);
    assert_int_equal(report.findings[0].line, 15 + row->line);
    assert_int_equal(st == ST_OK, report.findings[0].warning);
}

/* ---- alternatives ---- */

/* S: seconds for which each is down, 0: it is not; after 10 */
static struct choose_row {
    const char *name;
    int64_t down_s[3];
    size_t chosen;
} choose_rows[] = {
    {"all are up", {0, 0, 0}, 0},
    {"the first is down, not long enough", {9, 0, 0}, 0},
    {"the first is down", {10, 0, 0}, 1},
    {"two are down", {10, 11, 0}, 2},
    {"the second is down a little", {10, 9, 0}, 1},
    {"only the second is down", {0, 99, 0}, 0},
    {"all are down", {99, 99, 99}, 0},
};

static void test_choose(void **state)
{
    const struct choose_row *row = *state;
    const int64_t now = 1000000;
    int64_t since[3];

    for (size_t i = 0; i < ARRAY_LEN(since); i++)
        since[i] = row->down_s[i] == 0 ? 0 : now - row->down_s[i] * 1000;
    assert_int_equal(gw_alternative_choose(since, ARRAY_LEN(since), 10000, now), row->chosen);
}

static int group_setup(void **state)
{
    conf = config_of(table);
    return helper_crypto_setup(state);
}

static int group_teardown(void **state)
{
    gw_config_free(conf);
    return helper_crypto_teardown(state);
}

#define ADD(fn, list)                                                                              \
    for (size_t i = 0; i < ARRAY_LEN(list); i++)                                                   \
        tests[n++] = (struct CMUnitTest)                                                           \
        {                                                                                          \
            (list)[i].name, fn, NULL, NULL, &(list)[i]                                             \
        }

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(glob_rows) + ARRAY_LEN(regex_rows) +
                            ARRAY_LEN(bad_rows) + ARRAY_LEN(choose_rows) + 6];
    size_t n = 0;

    ADD(test_row, rows);
    ADD(test_glob, glob_rows);
    ADD(test_regex, regex_rows);
    ADD(test_bad, bad_rows);
    ADD(test_choose, choose_rows);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_trace);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_every_key);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_slow);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_facts_json);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_glob_hostile);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_regex_hostile);
    return cmocka_run_group_tests_name("rule", tests, group_setup, group_teardown);
}
