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
    h->settings = (struct conf_settings){.keys = h->keys, .timeout_ms = 20000};
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
    const struct conf_scenario *scenarios = NULL;
    size_t count = 0;

    h->settings.only = only;
    if (role == CONF_INTERMEDIARY)
        conf_run_intermediary(&h->run);
    else if (role == CONF_CLIENT)
        scenarios = conf_client_scenarios(&count);
    else
        scenarios = conf_recipient_scenarios(&count);
    if (scenarios != NULL)
        conf_run_role(&h->run, role, scenarios, count);
}

void helper_conformance_expect(const struct helper_conformance *h, enum conf_role role,
                               const unsigned char *numbers, enum conf_verdict verdict)
{
    for (; *numbers != 0; numbers++) {
        const struct conf_result *r = &h->run.results.of[*numbers][role];

        if (r->verdict != verdict)
            fail_msg("OSCI-%03u: %s instead of %s: %s", *numbers, conf_verdict_name(r->verdict),
                     conf_verdict_name(verdict), r->en);
    }
}
