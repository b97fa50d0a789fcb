/* How much work a table of routes may be for one content: each row is within its bound, and all of
 * them together have one, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/rule.h"
#include "helper_crypto.h"

enum { ROWS = 1000 };

static const char town_yaml[] =
    "tenant:\n"
    "  name: Ahausen\n"
    "  identity:\n"
    "    signature: {certificate: c.pem, key: k.pem}\n"
    "    cipher: {certificate: c.pem, key: k.pem}\n"
    "intermediaries: [{name: land, url: 'http://h/', cipher_certificate: i.pem}]\n"
    "partners: [{name: Beheim, intermediary: land, cipher_certificate: b.pem}]\n"
    "endpoints: [{name: bauamt}]\n"
    "routes:\n";

static int setup(void **state)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(buf_deinit) struct buf yaml = {0};
    const struct gw_config *conf = NULL;
    struct error err = {0};

    assert_int_equal(helper_crypto_setup(state), 0);
    gw_config_report_init(&report);
    buf_init(&yaml, 1 << 20);
    buf_str(&yaml, town_yaml);
    for (int i = 0; i < ROWS; i++)
        buf_printf(&yaml,
                   "  - {name: r%d, from: endpoints, to: Beheim, when: {content: "
                   "[{xpath: 'count(//*[count(//*) > %d])', equals: x}]}}\n",
                   i, i);
    if (gw_config_read(buf_span(&yaml), "routes.yaml", &conf, &report, &err) != ST_OK)
        fail_msg("%s", err.text);
    *state = (void *)(uintptr_t)conf;
    return 0;
}

static int teardown(void **state)
{
    gw_config_free(*state);
    return helper_crypto_teardown(state);
}

static struct row {
    const char *name;
    int elements;
    enum status status;
} rows[] = {
    {"a thousand rows and a small content", 10, ST_OK},
    {"a thousand rows, each slow but within its bound", 400, ST_DENIED},
};

static void joint_bound(void **state)
{
    AUTO(arena_deinit) struct arena arena = {.max = 16 << 20};
    AUTO(gw_route_content_deinit) struct gw_route_content content = {0};
    AUTO(buf_deinit) struct buf text = {0};
    const struct gw_config *conf = *state;
    struct gw_facts facts = {.size = 1};
    struct source_span source;
    struct gw_decision d = {0};

    facts.of[GW_FACT_ENDPOINT] = "bauamt";
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct error err = {0};
        enum status st;

        buf_deinit(&text);
        buf_init(&text, 1 << 20);
        buf_str(&text, "<a>");
        for (int k = 0; k < rows[i].elements; k++)
            buf_str(&text, "<b/>");
        buf_str(&text, "</a>");
        gw_route_content_deinit(&content);
        gw_route_content_init(&content, source_span_init(&source, buf_span(&text)));
        st = gw_rule_decide(conf, &facts, &content, &arena, &d, &err);
        print_message("%s: %llu steps, %lld ms of work\n", rows[i].name,
                      (unsigned long long)content.ops, (long long)content.cpu_ms);
        assert_int_equal(st, rows[i].status);
        if (st == ST_OK)
            assert_int_equal(d.trace_count, ROWS);
        else
            assert_int_equal(err.reason, GW_R_ROUTE_WORK);
        /* no more than one XPath beyond it */
        assert_true(content.ops <= GW_ROUTE_ALL_OPS_MAX + GW_ROUTE_OPS_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(joint_bound)};

    return cmocka_run_group_tests_name("route_work", tests, setup, teardown);
}
