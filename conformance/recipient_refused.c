#include <stdio.h>
#include <string.h>

#include "conformance/hostile.h"
#include "conformance/recipient.h"

enum { MARKERS_MAX = 128, SETTLE_MS = 1500, MANGLED = 150, MANGLED_LOOK = 30 };

/* ---- the table of alterations ---- */

/* What was brought, to be looked for when all of them were. */
struct brought {
    unsigned number;
    const char *name;
    char marker[CONF_MARKER_SIZE];
    bool taken;
};

static void row_look(struct conf_run *run, const struct conf_alteration *row,
                     const struct conf_visit *visit, bool must_pass)
{
    if (!visit->answered) {
        (void)conf_check(run, row->number, false, "%s: no answer: %s", row->name, visit->why);
        return;
    }
    (void)conf_check(run, row->number,
                     conf_code_allowed(must_pass ? NULL : row->codes, visit->code),
                     "%s: answered with %s instead of %s", row->name, visit->code,
                     must_pass ? "an acceptance" : row->codes);
}

/* Refused ones are nowhere, taken ones are there. */
static void kept_look(struct conf_run *run, const struct brought *list, size_t count)
{
    const char *inbox = conf_set(run, "inbox");
    unsigned ms = conf_patience_ms(run);

    if (inbox == NULL)
        return;
    conf_sleep(SETTLE_MS);
    for (size_t i = 0; i < count; i++) {
        size_t found = list[i].taken ? conf_found_within(inbox, list[i].marker, 2, ms)
                                     : conf_found(inbox, list[i].marker);

        (void)conf_check(run, list[i].number, (found == 2) == list[i].taken,
                         "%s: %zu of 2 contents were handed over", list[i].name, found);
        if (list[i].taken && found < 2)
            ms = 0; /* the others came before or beside it */
    }
}

enum status conf_recipient_alterations(struct conf_run *run, struct error *err)
{
    struct brought list[MARKERS_MAX];
    size_t rows, count = 0;
    const struct conf_alteration *row = conf_alterations(&rows);

    for (size_t i = 0; i < rows && count < MARKERS_MAX; i++, row++) {
        AUTO(conf_visit_deinit) struct conf_visit visit = {0};
        bool must_pass =
            row->codes == NULL || (row->setting != NULL && conf_set(run, row->setting) != NULL);

        TRY(conf_visit_make(run, &visit, OSCI_ACCEPT_DELIVERY, err));
        if (!conf_alteration_fits(row, &visit.d.msg))
            continue;
        TRY(conf_visit_write(run, &visit, row, err));
        TRY(conf_visit_post(run, &visit, err));
        row_look(run, row, &visit, must_pass);
        list[count].number = row->number;
        list[count].name = row->name;
        list[count].taken = must_pass;
        memcpy(list[count++].marker, visit.d.marker, CONF_MARKER_SIZE);
    }
    kept_look(run, list, count);
    return ST_OK;
}

/* ---- OSCI-009 ---- */

/* In the envelope it is 9100; inside, what was deciphered is no order (9300), or 9100 again. */
static enum status doctype_post(struct conf_run *run, const char *url, bool inside,
                                struct error *err)
{
    AUTO(conf_visit_deinit) struct conf_visit visit = {0};
    struct conf_alteration row = {.name = "a DOCTYPE"};
    char text[256];

    (void)snprintf(text, sizeof text,
                   "<!DOCTYPE soap:Envelope SYSTEM \"%s\" [<!ENTITY %% e SYSTEM \"%s\"> %%e;]>"
                   "<soap:Envelope",
                   url, url);
    (inside ? row.after : row.outer)[0] = (struct conf_edit){"<soap:Envelope", text, false};
    TRY(conf_visit(run, &visit, &row, err));
    (void)conf_check(run, 9,
                     visit.answered && (strcmp(visit.code, "9100") == 0 ||
                                        (inside && strcmp(visit.code, "9300") == 0)),
                     "%s the envelope: answered with %s", inside ? "inside" : "in",
                     visit.answered ? visit.code : visit.why);
    return ST_OK;
}

enum status conf_recipient_doctype(struct conf_run *run, struct error *err)
{
    AUTO(conf_listener_drop) struct conf_listener *trap = NULL;
    char url[64];

    TRY(conf_trap(run, &trap, url, err));
    TRY(doctype_post(run, url, false, err));
    TRY(doctype_post(run, url, true, err));
    conf_sleep(SETTLE_MS);
    (void)conf_check(run, 9, conf_listener_connections(trap) == 0, "something was fetched for it");
    return ST_OK;
}

/* ---- OSCI-040 ---- */

static const struct conf_alteration failures[] = {
#define CBC "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
#define RSA15 "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
    {.name = "RSA 1.5 with noise for a key",
     .envelope = {.cipher = CBC, .key_transport = RSA15, .bad_key = true}},
    {.name = "RSA 1.5, CBC with noise for padding",
     .envelope = {.cipher = CBC, .key_transport = RSA15, .bad_padding = true}},
    {.name = "OAEP, CBC with noise for padding", .envelope = {.cipher = CBC, .bad_padding = true}},
    {.name = "CBC with a flipped bit", .envelope = {.cipher = CBC, .flip = CONF_FLIP_TEXT}},
    {.name = "CBC with a flipped bit of the IV", .envelope = {.cipher = CBC, .flip = CONF_FLIP_IV}},
    {.name = "OAEP with noise for a key", .envelope = {.bad_key = true}},
};

enum status conf_recipient_oracle(struct conf_run *run, struct error *err)
{
    char first[256] = "", text[256];

    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        AUTO(conf_visit_deinit) struct conf_visit visit = {0};

        TRY(conf_visit(run, &visit, &failures[i], err));
        if (!conf_check(run, 40, visit.answered, "%s: no answer: %s", failures[i].name, visit.why))
            continue;
        (void)conf_node_text(conf_view_body(&visit.view), text, sizeof text);
        if (i == 0)
            (void)snprintf(first, sizeof first, "%s", text);
        (void)conf_check(run, 40, strcmp(visit.code, "9202") == 0, "%s: answered with %s",
                         failures[i].name, visit.code);
        (void)conf_check(run, 40, strcmp(first, text) == 0,
                         "%s: the answer differs from that to %s", failures[i].name,
                         failures[0].name);
    }
    return ST_OK;
}

/* ---- OSCI-108 ---- */

/* The plain message that is spoilt and put into an envelope. */
static enum status plain_make(struct conf_run *run, struct conf_visit *visit, struct buf *plain,
                              struct error *err)
{
    struct conf_forge forge = {.sign_key = conf_party(run, "intermediary")->signature_key};

    TRY(conf_visit_make(run, visit, OSCI_ACCEPT_DELIVERY, err));
    forge.msg = &visit->d.msg;
    buf_init(plain, CONF_WIRE_MAX);
    return conf_forge(&forge, plain, err);
}

enum status conf_recipient_bounds(struct conf_run *run, struct error *err)
{
    static const struct conf_envelope usual = {.iv_len = 12};

    for (unsigned i = 0; i < CONF_EXCESSES; i++) {
        AUTO(conf_visit_deinit) struct conf_visit visit = {0};
        AUTO(buf_deinit) struct buf plain = {0}, spoilt = {0};

        TRY(plain_make(run, &visit, &plain, err));
        buf_init(&spoilt, CONF_WIRE_MAX);
        TRY(conf_excess(i, buf_span(&plain), &spoilt, err));
        TRY(conf_envelope_write(&usual, conf_party(run, "recipient")->cipher, buf_span(&spoilt),
                                &visit.wire, err));
        TRY(conf_visit_post(run, &visit, err));
        (void)conf_check(run, 108, !visit.answered || !conf_code_allowed(NULL, visit.code),
                         "%s: taken", conf_excess_name(i));
        (void)conf_check(run, 108, conf_recipient_lives(run), "%s: no delivery is taken afterwards",
                         conf_excess_name(i));
    }
    return ST_OK;
}

/* ---- OSCI-112 ---- */

/* One in three is mangled inside its envelope, one outside, one is plain. */
static enum status mangled_make(struct conf_run *run, struct conf_mangler *m, struct span plain,
                                unsigned kind, struct buf *wire, struct error *err)
{
    static const struct conf_envelope usual = {.iv_len = 12};
    const struct cert *recipient = conf_party(run, "recipient")->cipher;
    AUTO(buf_deinit) struct buf bytes = {0};

    buf_init(&bytes, CONF_WIRE_MAX);
    switch (kind % 3) {
    case 0:
        conf_mangle(m, plain, &bytes);
        return conf_envelope_write(&usual, recipient, buf_span(&bytes), wire, err);
    case 1:
        TRY(conf_envelope_write(&usual, recipient, plain, &bytes, err));
        conf_mangle(m, buf_span(&bytes), wire);
        break;
    default:
        conf_mangle(m, plain, wire);
        break;
    }
    return buf_check(wire, err);
}

enum status conf_recipient_mangled(struct conf_run *run, struct error *err)
{
    unsigned count = (unsigned)conf_set_number(run, "mangled", MANGLED);
    struct conf_mangler m;
    AUTO(conf_visit_deinit) struct conf_visit origin = {0};
    AUTO(buf_deinit) struct buf plain = {0};

    conf_mangler_init(&m, 0x6465706573636865);
    TRY(plain_make(run, &origin, &plain, err));
    for (unsigned i = 0; i < count; i++) {
        AUTO(conf_visit_deinit) struct conf_visit visit = {0};

        buf_init(&visit.wire, CONF_WIRE_MAX);
        TRY(mangled_make(run, &m, buf_span(&plain), i, &visit.wire, err));
        TRY(conf_visit_post(run, &visit, err));
        if (i % MANGLED_LOOK == MANGLED_LOOK - 1 &&
            !conf_check(run, 112, conf_recipient_lives(run),
                        "after %u mangled messages no delivery is taken any more", i + 1))
            return ST_OK;
    }
    (void)conf_check(run, 112, conf_recipient_lives(run), "in the end no delivery is taken");
    return ST_OK;
}

/* ---- OSCI-110 ---- */

enum status conf_recipient_status_services(struct conf_run *run, struct error *err)
{
    AUTO(conf_visit_deinit) struct conf_visit visit = {0};
    AUTO(conf_listener_drop) struct conf_listener *trap = NULL;
    AUTO(cert_drop) struct cert *cert = NULL;
    const struct conf_party *stranger = conf_party(run, "stranger");
    struct conf_forge forge = {.sign_key = stranger->signature_key};
    char url[64];

    if (stranger->signature_key == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "no key of a stranger among the keys");
    TRY(conf_trap(run, &trap, url, err));
    TRY(conf_trap_cert(stranger->signature_key, url, &cert, err));
    TRY(conf_visit_make(run, &visit, OSCI_ACCEPT_DELIVERY, err));
    for (size_t i = 0; i < visit.d.msg.cert_count; i++)
        if (visit.d.certs[i].role == OSCI_SIGNATURE_INTERMEDIARY ||
            visit.d.certs[i].role == OSCI_CIPHER_ORIGINATOR)
            visit.d.certs[i].cert = cert;
    forge.msg = &visit.d.msg;
    forge.encrypt_for = conf_party(run, "recipient")->cipher;
    TRY(conf_forge(&forge, &visit.wire, err));
    TRY(conf_visit_post(run, &visit, err));
    (void)conf_check(run, 110, !conf_code_allowed(NULL, visit.code), "taken");
    conf_sleep(SETTLE_MS);
    (void)conf_check(run, 110, conf_listener_connections(trap) == 0,
                     "the status service of a stranger's certificate was asked");
    return ST_OK;
}
