#include "tests/unit/helper_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "gateway/inbound.h"
#include "gateway/outbound.h"
#include "tests/unit/helper_store.h"

const char helper_world_retry[] = "retry: { first_seconds: 1, max_seconds: 2 }\n"
                                  "endpoints:\n"
                                  "  - name: bauamt\n"
                                  "    folder: {dir}/bauamt\n"
                                  "    receives: { default: true }\n"
                                  "    routes: [ {partner: Beheim} ]\n";

const char helper_world_ahausen[] =
    "partners:\n"
    "  - name: Ahausen\n"
    "    intermediary: demo\n"
    "    cipher_certificate: {keys}/originator-cipher-2048.cert.pem\n"
    "    signature_certificates: [ {keys}/originator-signature-2048.cert.pem ]\n";

static const char receives_yaml[] = "endpoints:\n"
                                    "  - name: bauamt\n"
                                    "    folder: {dir}/bauamt\n"
                                    "    receives: { default: true }\n"
                                    "    routes: [ {partner: Ahausen} ]\n";

void helper_world_open(struct helper_world *w, bool open, const char *more_a, const char *more_b)
{
    char text[4096];

    *w = (struct helper_world){0};
    arena_init(&w->arena, 256 * 1024 * 1024);
    helper_fake_open(&w->fake, open);
    helper_runtime_open(&w->a, helper_town_yaml, more_a, w->fake.url);
    (void)snprintf(text, sizeof text, "%s%s", more_b, receives_yaml);
    helper_runtime_open(&w->b, helper_other_town_yaml, text, w->fake.url);
    helper_runtime_run(&w->a);
    helper_runtime_run(&w->b);
}

void helper_world_close(struct helper_world *w)
{
    helper_runtime_deinit(&w->a);
    helper_runtime_deinit(&w->b);
    helper_fake_close(&w->fake);
    gw_detour_deinit(&w->detour);
    arena_deinit(&w->arena);
}

void helper_world_out(struct helper_runtime *h, const char *recipient, const char *content,
                      int64_t expires_at, char id[static GW_ID_SIZE])
{
    helper_message_out(h, recipient, span_str(content), expires_at, id);
}

struct gw_message_row helper_world_message(struct helper_world *w, const struct helper_runtime *h,
                                           const char *id)
{
    return helper_message_of(h, &w->arena, id);
}

enum status helper_world_send(struct helper_world *w, const char *id, struct error *err)
{
    struct gw_message_row row = helper_world_message(w, &w->a, id);
    struct gw_conversation talk;
    bool moved = false;
    enum status st;

    gw_conversation_init(&talk, w->a.rt, &w->a.rt->peers[0]);
    st = gw_outbound_send(&talk, &row, &moved, err);
    gw_conversation_close(&talk);
    assert_true(moved);
    return st;
}

enum status helper_world_fetch(struct helper_world *w, size_t *count, struct error *err)
{
    *count = 0;
    return gw_inbound_fetch(w->b.rt, &w->b.rt->peers[0], &w->detour, count, err);
}

struct gw_message_list helper_world_inbox(struct helper_world *w)
{
    return helper_messages(&w->b, &w->arena, GW_INBOX, 0);
}

void helper_world_implicit(struct helper_world *w)
{
    /* the settings are const for all but tests */
    ((struct gw_intermediary_conf *)(uintptr_t)w->a.rt->peers[0].conf)->dialog = GW_DIALOG_IMPLICIT;
}

void helper_world_arrived_once(struct helper_world *w)
{
    struct error err = {0};
    size_t count;

    if (helper_world_fetch(w, &count, &err) != ST_OK)
        fail_msg("%s", err.text);
    assert_int_equal(count, 1);
    assert_int_equal(helper_world_fetch(w, &count, &err), ST_OK);
    assert_int_equal(count, 0);
    assert_int_equal(helper_world_inbox(w).count, 1);
    assert_int_equal(helper_world_inbox(w).rows[0].state, GW_OPENED);
    assert_string_equal(helper_world_inbox(w).rows[0].sender, "Ahausen");
}
