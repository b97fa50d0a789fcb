/*
 * Certificates that are revoked, unknown or traps; too much of everything; and noise.
 */
#include "conformance/role_intermediary.h"

#include <stdio.h>

#include "crypto/base/xml.h"

enum { MANGLED = 200, LOOK_EVERY = 40, SETTLE_MS = 1500, GROWTH_MAX_KB = 400 * 1024 };

/* ---- inspections ---- */

/* A delivery with one more certificate, stored; the answer to look at. */
static enum status store_with(struct conf_client *c, const char *addressee,
                              const struct osci_cert *more, struct conf_delivery *d,
                              struct conf_got *got, struct error *err)
{
    char id[CONF_CONTROL_MAX];

    TRY(conf_client_id(c, id, err));
    TRY(conf_client_delivery(c, OSCI_STORE_DELIVERY, addressee, id, d, err));
    d->msg.message_id = arena_span(&d->arena, span_str(id));
    if (more != NULL) {
        size_t at = 0; /* in the order of roles */

        while (at < d->msg.cert_count && d->certs[at].role <= more->role)
            at++;
        if (d->msg.cert_count == CONF_DELIVERY_CERTS)
            return error_set(err, ST_INTERNAL, 0, "no room for one more certificate");
        memmove(&d->certs[at + 1], &d->certs[at], (d->msg.cert_count - at) * sizeof d->certs[0]);
        d->certs[at] = *more;
        d->msg.cert_count++;
    }
    return conf_client_send(c, &d->msg, NULL, got, err);
}

static bool has_code(const struct conf_got *got, const char *code)
{
    return strstr(got->codes, code) != NULL;
}

/* How often the report has that certificate, by its serial number; *online: with OnlineResult. */
static size_t inspections_of(const struct conf_got *got, const struct cert *cert, bool *online)
{
    const xmlNode *root = got->readable ? xmlDocGetRootElement(got->view.doc) : NULL;
    const xmlNode *report = root == NULL ? NULL : conf_node_below(root, "InspectionReport");
    size_t count = 0;
    char serial[160];

    *online = false;
    for (const xmlNode *n = report == NULL ? NULL : xml_first(report); n != NULL; n = xml_next(n)) {
        (void)conf_node_text(conf_node_below(n, "X509SerialNumber"), serial, sizeof serial);
        if (strcmp(serial, cert_serial(cert)) != 0)
            continue;
        count++;
        *online |= conf_node_below(n, "OnlineResult") != NULL;
    }
    return count;
}

static enum status revoked_author(struct conf_run *run, struct error *err)
{
    const struct conf_party *author = conf_party(run, "revoked");
    const struct osci_cert more = {.role = OSCI_SIGNATURE_OTHER_AUTHOR, .cert = author->signature};
    struct conf_client c;
    bool online;
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};

    if (author->signature == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "needs certificates of the party revoked");
    TRY(conf_client_init(&c, run, "originator", err));
    TRY(store_with(&c, "addressee", &more, &d, &got, err));
    (void)conf_check(run, 76, has_code(&got, "3703") && got.fault == 0 && got.code[0] != '9',
                     "a revoked author: %s instead of 3703 and delivery", got.what);
    for (size_t i = 0; i < d.msg.cert_count; i++) {
        size_t count = inspections_of(&got, d.certs[i].cert, &online);

        (void)conf_check(run, 76, count == 1, "%zu inspections of %s", count,
                         cert_subject(d.certs[i].cert));
    }
    return ST_OK;
}

static enum status revoked_addressee(struct conf_run *run, struct error *err)
{
    struct conf_client c;
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};

    if (conf_party(run, "revoked")->cipher == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "needs certificates of the party revoked");
    TRY(conf_client_init(&c, run, "originator", err));
    TRY(store_with(&c, "revoked", NULL, &d, &got, err));
    (void)conf_check(run, 77, conf_got_code(&got, "9707"),
                     "a revoked addressee: %s instead of 9707", got.what);
    return ST_OK;
}

static enum status silent_service(struct conf_run *run, struct error *err)
{
    const struct conf_party *silent = conf_party(run, "silent");
    const struct osci_cert more = {.role = OSCI_SIGNATURE_OTHER_AUTHOR, .cert = silent->signature};
    struct conf_client c;
    bool online;
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};

    if (silent->signature == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "needs certificates of the party silent");
    TRY(conf_client_init(&c, run, "originator", err));
    TRY(store_with(&c, "addressee", &more, &d, &got, err));
    (void)conf_check(run, 78, has_code(&got, "3707") && got.fault == 0 && got.code[0] != '9',
                     "no status to be had: %s instead of 3707 and delivery", got.what);
    (void)conf_check(run, 78, inspections_of(&got, silent->signature, &online) == 1 && !online,
                     "an OnlineResult of what nobody could tell");
    return ST_OK;
}

static enum status traps(struct conf_run *run, struct error *err)
{
    const struct conf_party *stranger = conf_party(run, "stranger");
    struct osci_cert more = {.role = OSCI_SIGNATURE_OTHER_AUTHOR};
    struct conf_client c;
    char url[64];
    AUTO(conf_listener_drop) struct conf_listener *trap = NULL;
    AUTO(cert_drop) struct cert *cert = NULL;
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};

    if (stranger->signature_key == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "needs keys of the party stranger");
    TRY(conf_trap(run, &trap, url, err));
    TRY(conf_trap_cert(stranger->signature_key, url, &cert, err));
    more.cert = cert;
    TRY(conf_client_init(&c, run, "originator", err));
    TRY(store_with(&c, "addressee", &more, &d, &got, err));
    (void)conf_check(run, 110, got.readable, "%s", got.what);
    conf_sleep(SETTLE_MS);
    (void)conf_check(run, 110, conf_listener_connections(trap) == 0,
                     "the status service of a stranger's certificate was asked");
    return ST_OK;
}

/* ---- too much ---- */

static bool lives(struct conf_run *run)
{
    struct conf_client c;
    char id[CONF_CONTROL_MAX];
    struct error err = {0};

    return conf_client_init(&c, run, "originator", &err) == ST_OK &&
           conf_client_id(&c, id, &err) == ST_OK;
}

/* Peak memory of the endpoint in kB; 0: nobody tells. */
static uint64_t memory(struct conf_run *run)
{
    uint64_t kb = 0;
    struct error err = {0};
    AUTO(buf_deinit) struct buf out = {0};

    buf_init(&out, 4096);
    if (conf_hook_run(run, "memory", NULL, 0, &out, &err) != ST_OK ||
        !span_to_u64(span_trim(buf_span(&out)), &kb))
        return 0;
    return kb;
}

static enum status plain_order(struct conf_run *run, struct conf_client *c, struct buf *plain,
                               struct error *err)
{
    struct osci_message msg;

    TRY(conf_client_init(c, run, "originator", err));
    TRY(conf_client_order(c, OSCI_GET_MESSAGE_ID, &msg, err));
    c->plain = true;
    TRY(conf_client_write(c, &msg, NULL, plain, err));
    c->plain = false;
    return ST_OK;
}

static enum status bounds(struct conf_run *run, struct error *err)
{
    struct conf_client c;
    uint64_t before = memory(run), after;
    AUTO(buf_deinit) struct buf plain = {0};

    TRY(plain_order(run, &c, &plain, err));
    for (unsigned i = 0; i < 2 * CONF_EXCESSES; i++) {
        const char *name = conf_excess_name(i / 2);
        AUTO(conf_got_deinit) struct conf_got got = {0};
        AUTO(buf_deinit) struct buf bytes = {0};
        AUTO(buf_deinit) struct buf wire = {0};

        buf_init(&bytes, CONF_WIRE_MAX);
        TRY(conf_excess(i / 2, buf_span(&plain), &bytes, err));
        if (i % 2 == 0) {
            TRY(conf_client_ask(&c, buf_span(&bytes), &got, err));
        } else {
            TRY(conf_client_seal(&c, buf_span(&bytes), &wire, err));
            TRY(conf_client_ask(&c, buf_span(&wire), &got, err));
        }
        (void)conf_check(run, 108, conf_got_refused(&got), "%s: %s", name, got.what);
        (void)conf_check(run, 108, lives(run), "%s: no order is taken afterwards", name);
    }
    after = memory(run);
    (void)conf_check(run, 108, after <= before + GROWTH_MAX_KB, "memory grew from %llu to %llu kB",
                     (unsigned long long)before, (unsigned long long)after);
    return ST_OK;
}

/* ---- noise ---- */

static enum status mangled(struct conf_run *run, struct error *err)
{
    uint64_t count = conf_set_number(run, "mangled", MANGLED);
    struct conf_mangler m;
    struct conf_client c;
    AUTO(buf_deinit) struct buf plain = {0};
    AUTO(buf_deinit) struct buf sealed = {0};

    conf_mangler_init(&m, 0x6f736369);
    TRY(plain_order(run, &c, &plain, err));
    TRY(conf_client_seal(&c, buf_span(&plain), &sealed, err));
    for (uint64_t i = 0; i < count; i++) {
        AUTO(conf_got_deinit) struct conf_got got = {0};
        AUTO(buf_deinit) struct buf bytes = {0};
        AUTO(buf_deinit) struct buf wire = {0};

        buf_init(&bytes, CONF_WIRE_MAX);
        conf_mangle(&m, i % 3 == 0 ? buf_span(&sealed) : buf_span(&plain), &bytes);
        if (i % 3 == 1)
            TRY(conf_client_seal(&c, buf_span(&bytes), &wire, err));
        TRY(conf_client_ask(&c, i % 3 == 1 ? buf_span(&wire) : buf_span(&bytes), &got, err));
        (void)conf_check(run, 112, got.reply.status == 0 || got.reply.status >= 400 || got.readable,
                         "message %llu: %s", (unsigned long long)i, got.what);
        if (i % LOOK_EVERY == LOOK_EVERY - 1 &&
            !conf_check(run, 112, lives(run), "after %llu mangled messages no order is taken",
                        (unsigned long long)i + 1))
            return ST_OK;
    }
    (void)conf_check(run, 112, lives(run), "in the end no order is taken");
    return ST_OK;
}

struct conf_scenario_list conf_intermediary_hostile(void)
{
    static const struct conf_scenario scenarios[] = {
        {"revoked-author", revoked_author, {76}},
        {"revoked-addressee", revoked_addressee, {77}},
        {"silent-service", silent_service, {78}},
        {"status-services", traps, {110}},
        {"bounds", bounds, {108}},
        {"mangled", mangled, {112}},
    };

    return (struct conf_scenario_list){scenarios, ARRAY_LEN(scenarios)};
}
