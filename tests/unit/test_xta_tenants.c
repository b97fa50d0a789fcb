/* One XTA server for two tenants: each account sees what is its own tenant's, and reaches no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "helper_osci.h"
#include "helper_xta_server.h"

/* The accounts: whose box, and who the other one is. */
static const struct town {
    const char *client, *party, *others, *tenant, *id, *text;
} towns[] = {
    {"melde", HELPER_TOWN, HELPER_OFFICE, "Ahausen", "urn:x:a", "<umzug/>"},
    {"standes", HELPER_OFFICE, HELPER_TOWN, "Beheim", "urn:x:b", "<geburt/>"},
};

static int setup(void **state)
{
    struct helper_xta *x = calloc(1, sizeof *x);
    char id[GW_ID_SIZE];

    assert_non_null(x);
    x->two_tenants = true;
    helper_xta_start(x, "", "");
    for (size_t i = 0; i < ARRAY_LEN(towns); i++)
        helper_xta_put(x, towns[i].id, towns[i].party, towns[i].text, id);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    helper_xta_stop(*state);
    free(*state);
    return 0;
}

/* One question about a message, NULL: about the box. */
static void ask(struct helper_xta *x, const struct town *t, enum xta_version version,
                enum xta_operation operation, const char *party, const char *id,
                struct helper_xta_reply *reply)
{
    struct xta_request r = helper_xta_request(version, operation, party);
    struct span ids[] = {span_str(id == NULL ? "" : id)};

    if (id != NULL) {
        r.message_id = ids[0];
        r.selection.ids = ids;
        r.selection.id_count = 1;
    }
    if (operation == XTA_CLOSE) {
        r.selection = (struct xta_selection){
            .received = ids, .received_count = 1, .request_id = SPAN("urn:any")};
    }
    helper_xta_reply_deinit(reply);
    helper_xta_ask(x, t->client, &r, reply);
}

static void own_box_only(void **state)
{
    struct helper_xta *x = *state;

    for (enum xta_version v = XTA_V3; v <= XTA_V5; v++)
        for (size_t i = 0; i < ARRAY_LEN(towns); i++) {
            AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
            const struct town *t = &towns[i];

            ask(x, t, v, XTA_GET_STATUS_LIST, t->party, NULL, &reply);
            assert_int_equal(reply.status, ST_OK);
            assert_int_equal(reply.answer.list_count, 1);
            assert_true(span_is(reply.answer.list[0].id, t->id));
            ask(x, t, v, XTA_GET_STATUS_LIST, t->others, NULL, &reply);
            assert_int_equal(reply.status, ST_DENIED);
            assert_int_equal(reply.fault.number, XTA_N_WRONG_PARTY);
        }
}

/* Knowing the id of what is another's helps nobody: it cannot be fetched, closed or asked about. */
static void others_ids(void **state)
{
    static const enum xta_operation operations[] = {XTA_GET_MESSAGE, XTA_CLOSE,
                                                    XTA_GET_TRANSPORT_REPORT};
    AUTO(arena_deinit) struct arena arena = {.max = 16 << 20};
    struct helper_xta *x = *state;

    for (enum xta_version v = XTA_V3; v <= XTA_V5; v++)
        for (size_t i = 0; i < ARRAY_LEN(towns); i++)
            for (size_t k = 0; k < ARRAY_LEN(operations); k++) {
                AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
                const struct town *t = &towns[i], *other = &towns[1 - i];

                ask(x, t, v, operations[k], t->party, other->id, &reply);
                assert_false(reply.answer.has_message);
                assert_null(strstr(buf_cstr(&reply.body), other->text));
                if (operations[k] != XTA_CLOSE)
                    assert_int_equal(reply.status, ST_DENIED);
            }
    /* nothing of that was taken for an acknowledgement */
    assert_int_equal(helper_messages(&x->h, &arena, GW_INBOX, GW_STATES(GW_ACKNOWLEDGED)).count, 0);
}

static void each_fetches_its_own(void **state)
{
    AUTO(arena_deinit) struct arena arena = {.max = 16 << 20};
    struct helper_xta *x = *state;
    struct gw_message_list list;

    for (size_t i = 0; i < ARRAY_LEN(towns); i++) {
        AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
        const struct town *t = &towns[i];

        ask(x, t, XTA_V3, XTA_GET_MESSAGE, t->party, t->id, &reply);
        assert_int_equal(reply.status, ST_OK);
        assert_string_equal(buf_cstr(&reply.content), t->text);
        ask(x, t, XTA_V3, XTA_CLOSE, t->party, t->id, &reply);
        assert_int_equal(reply.status, ST_OK);
    }
    list = helper_messages(&x->h, &arena, GW_INBOX, GW_STATES(GW_ACKNOWLEDGED));
    assert_int_equal(list.count, ARRAY_LEN(towns));
}

/* sendMessage of melde to that reader, from that author. */
static void send_it(struct helper_xta *x, const char *author, const char *reader, const char *id,
                    struct helper_xta_reply *reply)
{
    struct xta_request r = helper_xta_request(XTA_V3, XTA_SEND_MESSAGE, NULL);
    struct source_span body;
    struct xta_content content = {.content_type = SPAN("application/xml"),
                                  .encoding = SPAN("UTF-8"),
                                  .filename = SPAN("a.xml"),
                                  .id = SPAN("m1"),
                                  .len = 4,
                                  .announced = 4};
    struct xta_metadata *m = &r.metadata;

    helper_xta_metadata(m, XTA_V3);
    m->id = span_str(id);
    m->reader.value = span_str(reader);
    m->author.value = span_str(author);
    content.body = source_span_init(&body, SPAN("<a/>"));
    r.container = (struct xta_container){.has_message = true, .contents = &content, .count = 1};
    helper_xta_reply_deinit(reply);
    helper_xta_ask(x, "melde", &r, reply);
}

/* In one house, but not one tenant's: what goes to the other goes by a destination, as to anybody
 * outside, and here there is none. Nobody speaks in the other's name either. */
static void no_short_way(void **state)
{
    AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
    AUTO(arena_deinit) struct arena arena = {.max = 16 << 20};
    struct helper_xta *x = *state;
    struct gw_message_list list;

    send_it(x, HELPER_TOWN, HELPER_TOWN_TOO, "urn:de:xta:messageid:fremd:1", &reply);
    assert_int_equal(reply.status, ST_OK); /* within the tenant */
    send_it(x, HELPER_TOWN, HELPER_OFFICE, "urn:de:xta:messageid:fremd:2", &reply);
    assert_int_equal(reply.status, ST_DENIED);
    send_it(x, HELPER_OFFICE, HELPER_TOWN, "urn:de:xta:messageid:fremd:3", &reply);
    assert_int_equal(reply.status, ST_DENIED);
    assert_int_equal(reply.fault.number, XTA_N_WRONG_PARTY);
    list = helper_messages(&x->h, &arena, GW_BOX_NONE, 0);
    assert_int_equal(list.count, ARRAY_LEN(towns) + 2); /* the first one, out and in */
    for (size_t i = 0; i < list.count; i++)
        assert_string_equal(list.rows[i].tenant, strcmp(list.rows[i].endpoint, "standesamt") == 0
                                                     ? "Beheim"
                                                     : "Ahausen");
}

/* Beheim believes whom it likes; Ahausen's clients come by the listener's authority as before. */
static struct trust_row {
    const char *name, *beheim;
    bool let_in;
} trust_rows[] = {
    {"a tenant says nothing about clients", "", true},
    {"a tenant with the same authority", ", trust: {xta_clients: {authorities: ['{dir}/ca.pem']}}",
     true},
    {"a tenant with another authority",
     ", trust: {xta_clients: {authorities: ['{keys}/ca.cert.pem']}}", false},
    {"the same in its plain list", ", trust: {tls: ['{keys}/ca.cert.pem']}", false},
    {"its client pinned", ", trust: {xta_clients: {pinned: ['{dir}/standes.pem']}}", true},
    {"another's client pinned", ", trust: {xta_clients: {pinned: ['{dir}/melde.pem']}}", false},
    {"authorities for something else", ", trust: {osci: ['{keys}/ca.cert.pem']}", true},
};

static void whom_a_tenant_believes(void **state)
{
    const struct trust_row *row = *state;
    struct helper_xta x = {.two_tenants = true, .beheim = row->beheim};

    helper_xta_start(&x, "", "");
    for (size_t i = 0; i < ARRAY_LEN(towns); i++) {
        AUTO(helper_xta_reply_deinit) struct helper_xta_reply reply = {0};
        bool let_in = i == 0 || row->let_in;

        ask(&x, &towns[i], XTA_V3, XTA_GET_STATUS_LIST, towns[i].party, NULL, &reply);
        assert_int_equal(reply.status, let_in ? ST_OK : ST_DENIED);
        if (!let_in)
            assert_int_equal(reply.fault.number, XTA_N_CERTIFICATE_EXPIRED);
    }
    helper_xta_stop(&x);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    struct CMUnitTest tests[4 + ARRAY_LEN(trust_rows)] = {
        TEST(own_box_only), TEST(others_ids), TEST(each_fetches_its_own), TEST(no_short_way)};

    for (size_t i = 0; i < ARRAY_LEN(trust_rows); i++)
        tests[4 + i] = (struct CMUnitTest){trust_rows[i].name, whom_a_tenant_believes, NULL, NULL,
                                           &trust_rows[i]};

    return cmocka_run_group_tests_name("xta_tenants", tests, NULL, NULL);
}
