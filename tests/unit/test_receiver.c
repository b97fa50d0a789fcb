/* Towards a passive recipient: whom we believe there, and who we say that we are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/files.h"
#include "gateway/receiver.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_http.h"
#include "tests/unit/helper_osci.h"
#include "tests/unit/helper_tls.h"

static struct row {
    const char *name;
    bool own;     /* we have a certificate for TLS */
    bool foreign; /* and it is of an authority that the recipient does not know */
    bool other;   /* the recipient is of one that we do not know */
    bool gets_there;
} rows[] = {
    {"with the certificate it asks for", true, false, false, true},
    {"without one", false, false, false, false},
    {"with one of somebody else", true, true, false, false},
    {"a recipient whom nobody vouches for", true, false, true, false},
};

struct files {
    char dir[64], ca[96], cert[96], key[96];
};

static void file_put(char path[96], const char *dir, const char *name, const struct buf *bytes)
{
    struct error err = {0};

    (void)snprintf(path, 96, "%s/%s", dir, name);
    helper_ok(gw_file_write(AT_FDCWD, path, buf_span(bytes), &err), &err);
}

static struct osci_writer *message_write(void)
{
    const struct policy policy = {0};
    struct osci_cert certs[1] = {{.role = OSCI_CIPHER_ORIGINATOR}};
    struct osci_message msg = {.type = OSCI_GET_MESSAGE_ID,
                               .control = {.challenge = SPAN("c"), .has_sequence = true},
                               .languages = SPAN("de"),
                               .certs = certs,
                               .cert_count = 1};
    const struct osci_write in = {
        .msg = &msg, .policy = &policy, .now = helper_now, .rng = rng_system()};
    struct osci_writer *writer = NULL;
    struct error err = {0};
    AUTO(cert_drop) struct cert *cipher = helper_cert("originator-cipher-2048");

    certs[0].cert = cipher;
    helper_ok(osci_message_write(&in, &writer, &err), &err);
    return writer;
}

static void sent(void *ctx)
{
    *(bool *)ctx = true;
}

static void forward(struct world *w, const struct gw_receiver_conf *to, int64_t seconds,
                    struct gw_forward *forward_out)
{
    struct gw_receiver_conf list[1] = {*to};
    const struct gw_osci_server_conf conf = {.receivers = list,
                                             .receivers_count = 1,
                                             .forward_seconds = seconds,
                                             .forwards_max = 1,
                                             .message_max_mb = 1};
    const struct gw_config config = {0};
    struct gw_runtime rt = {.loop = w->loop, .http = w->client, .conf = &config};
    struct gw_receivers *receivers = NULL;
    struct error err = {0};
    bool done = false;

    helper_ok(gw_trust_new(&config, &rt.trust, &err), &err);
    helper_ok(gw_receivers_new(&rt, &conf, &receivers, &err), &err);
    forward_out->writer = message_write();
    gw_forward_send(forward_out, receivers, 0, to->url, sent, &done);
    world_until(w, &done);
    gw_receivers_free(receivers);
    gw_trust_free(rt.trust);
}

static void row_test(void **state)
{
    const struct row *row = *state;
    struct test_cert ca = {0}, other = {0}, server = {0}, client = {0};
    struct world *w = world_new();
    struct gw_tls *tls = NULL;
    struct gw_forward f = {0};
    struct files files = {0};
    struct error err = {0};
    const char *authorities[1] = {files.ca};
    char url[96];

    test_cert_make(&ca, &(struct test_cert_spec){"CA", NULL, NULL, true, 30});
    test_cert_make(&other, &(struct test_cert_spec){"Other", NULL, NULL, true, 30});
    test_cert_make(&server, &(struct test_cert_spec){"server", "DNS:localhost",
                                                     row->other ? &other : &ca, false, 30});
    test_cert_make(
        &client, &(struct test_cert_spec){"client", NULL, row->foreign ? &other : &ca, false, 30});
    const struct gw_tls_conf conf = {.cert_pem = buf_span(&server.cert),
                                     .key_pem = buf_span(&server.key),
                                     .client = GW_TLS_ASK_REQUIRED,
                                     .client_ca_pem = buf_span(&ca.cert)};
    helper_ok(gw_tls_new(&conf, &tls, &err), &err);
    world_listen(w, false, tls);
    file_put(files.ca, w->dir, "ca.pem", &ca.cert);
    file_put(files.cert, w->dir, "client.pem", &client.cert);
    file_put(files.key, w->dir, "client.key", &client.key);
    (void)snprintf(url, sizeof url, "%s/echo", w->base);
    struct gw_pair_conf pair = {.certificate = files.cert, .key = files.key};
    const struct gw_receiver_conf to = {.url = url,
                                        .authorities = authorities,
                                        .authorities_count = 1,
                                        .tls = row->own ? &pair : NULL};
    /* what does not get there is tried until the time is over */
    forward(w, &to, row->gets_there ? 300 : 3, &f);
    if ((f.result.how == OSCI_FORWARD_ANSWERED) != row->gets_there)
        fail_msg("%d: %s", f.result.how, f.result.why.text);
    assert_int_equal(w->completes, row->gets_there ? 1 : 0);
    gw_forward_deinit(&f);
    (void)unlink(files.ca);
    (void)unlink(files.cert);
    (void)unlink(files.key);
    world_free(w);
    test_cert_deinit(&ca);
    test_cert_deinit(&other);
    test_cert_deinit(&server);
    test_cert_deinit(&client);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, row_test, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests_name("receiver", tests, helper_crypto_setup,
                                       helper_crypto_teardown);
}
