#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_conformance.h"

#include <stdio.h>
#include <sys/stat.h>

static const struct linked {
    const char *party, *vector;
} linked[] = {
    {"intermediary", "intermediary"},
    {"originator", "originator"},
    {"addressee", "addressee"},
    {"recipient", "addressee"},
    {"client", "addressee"},
    {"reader", "reader"},
    {"author", "author"},
    {"stranger", "mallory"},
    {"other", "reader"},
};

/* Who asks an XTA server: any key pair does, since the fake ones listen without TLS. */
static const char *const asking[] = {"author", "reader", "both",    "other",   "lenient",
                                     "locked", "nobody", "expired", "revoked", "stranger"};
static const char *const xta_ports[] = {"v3.management", "v3.send",      "v3.msgbox", "v5.base",
                                        "v5.sender",     "v5.recipient", "v5.reader"};

static void link_one(const char *dir, const struct linked *l, const char *use)
{
    static const char *const kinds[][2] = {{"cert.pem", "pem"}, {"key.pem", "key"}};
    char from[512], to[256];

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        (void)snprintf(from, sizeof from, TEST_VECTORS "/osci12/keys/%s-%s-2048.%s", l->vector, use,
                       kinds[i][0]);
        (void)snprintf(to, sizeof to, "%s/%s-%s.%s", dir, l->party, use, kinds[i][1]);
        assert_int_equal(symlink(from, to), 0);
    }
}

static void link_tls(const char *dir, const char *name)
{
    char to[256];

    (void)snprintf(to, sizeof to, "%s/%s-tls.pem", dir, name);
    assert_int_equal(symlink(TEST_VECTORS "/osci12/keys/author-signature-2048.cert.pem", to), 0);
    (void)snprintf(to, sizeof to, "%s/%s-tls.key", dir, name);
    assert_int_equal(symlink(TEST_VECTORS "/osci12/keys/author-signature-2048.key.pem", to), 0);
}

static void unlink_tls(const char *dir, const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s-tls.pem", dir, name);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/%s-tls.key", dir, name);
    (void)unlink(path);
}

static void unlink_all(const char *dir)
{
    static const char *const ends[] = {"signature.pem", "signature.key", "cipher.pem",
                                       "cipher.key"};
    char path[256];

    for (size_t i = 0; i < ARRAY_LEN(linked); i++)
        for (size_t k = 0; k < ARRAY_LEN(ends); k++) {
            (void)snprintf(path, sizeof path, "%s/%s-%s", dir, linked[i].party, ends[k]);
            (void)unlink(path);
        }
    for (size_t i = 0; i < ARRAY_LEN(asking); i++)
        unlink_tls(dir, asking[i]);
    (void)rmdir(dir);
}

void helper_conformance_open(struct helper_conformance *h, enum conf_role role,
                             conf_handler *handler, void *ctx)
{
    struct error err = {0};

    *h = (struct helper_conformance){.keys = "/tmp/depesche-test-XXXXXX"};
    assert_non_null(mkdtemp(h->keys));
    for (size_t i = 0; i < ARRAY_LEN(linked); i++) {
        link_one(h->keys, &linked[i], "signature");
        link_one(h->keys, &linked[i], "cipher");
    }
    for (size_t i = 0; i < ARRAY_LEN(asking); i++)
        link_tls(h->keys, asking[i]);
    h->settings = (struct conf_settings){.keys = h->keys, .timeout_ms = 300000};
    for (size_t i = 0; i < ARRAY_LEN(xta_ports); i++)
        if (conf_role(role)->suite == CONF_XTA)
            h->settings.ports[h->settings.port_count++] =
                (struct conf_option){xta_ports[i], h->url};
    assert_int_equal(conf_run_init(&h->run, &h->settings, &err), ST_OK);
    h->run.quiet = true;
    (void)snprintf(h->url, sizeof h->url, "http://127.0.0.1:9/osci");
    if (handler != NULL) {
        assert_int_equal(conf_listen(&h->run, 0, handler, ctx, &h->listener, &err), ST_OK);
        (void)snprintf(h->url, sizeof h->url, "http://127.0.0.1:%u/osci",
                       conf_listener_port(h->listener));
    }
    h->settings.urls[role] = h->url;
}

void helper_conformance_close(struct helper_conformance *h)
{
    conf_listener_free(h->listener);
    conf_run_deinit(&h->run);
    unlink_all(h->keys);
}

void helper_conformance_run(struct helper_conformance *h, enum conf_role role, const char *only)
{
    h->settings.only = only;
    conf_run_all(&h->run, role);
}

void helper_conformance_expect(const struct helper_conformance *h, enum conf_role role,
                               const unsigned char *numbers, enum conf_verdict verdict)
{
    for (; *numbers != 0; numbers++) {
        const struct conf_result *r = &h->run.results.of[*numbers][role];

        if (r->verdict != verdict)
            fail_msg("%s-%03u: %s instead of %s: %s", conf_suite_name(conf_role(role)->suite),
                     *numbers, conf_verdict_name(r->verdict), conf_verdict_name(verdict), r->en);
    }
}
