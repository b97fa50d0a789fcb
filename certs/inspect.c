#include "certs/inspect.h"

#include <assert.h>

/* OSCI 1.2 digest 11.1, read aloud: a row says what each finding on such a certificate is called.
 * From 9600 on a code refuses the order, 9500 to 9503 are faults, 3xxx are warnings. */
static const struct role_row {
    enum cert_role role;
    const char *name;
    enum cert_purpose purpose;
    int outside_validity, corrupted, revoked, incomplete, internal;
} rows[] = {
    {CERT_CLIENT_CIPHER, "client's cipher certificate", CERT_FOR_OSCI_CIPHER, 3500, 9501, 9502,
     3501, 9503},
    {CERT_CLIENT_SIGNATURE, "client's signature certificate", CERT_FOR_OSCI_SIGNATURE, 3700, 9700,
     9701, 3707, 9710},
    /* the reader decides about the author's signature: warnings only */
    {CERT_AUTHOR_SIGNATURE, "author's signature certificate", CERT_FOR_OSCI_SIGNATURE, 3701, 3702,
     3703, 3707, 9710},
    {CERT_AUTHOR_CIPHER, "author's cipher certificate", CERT_FOR_OSCI_CIPHER, 3704, 9704, 9705,
     3707, 9710},
    {CERT_ADDRESSEE_CIPHER, "addressee's cipher certificate", CERT_FOR_OSCI_CIPHER, 3705, 9706,
     9707, 3707, 9710},
    {CERT_READER_CIPHER, "reader's cipher certificate", CERT_FOR_OSCI_CIPHER, 3706, 9708, 9709,
     3707, 9710},
    {CERT_ADDRESSEE_SIGNATURE, "recipient's signature certificate", CERT_FOR_OSCI_SIGNATURE, 3708,
     9711, 9712, 3707, 9710},
};

static const struct role_row *row_of(enum cert_role role)
{
    assert((size_t)role < ARRAY_LEN(rows) && rows[role].role == role);
    return &rows[role];
}

static void add(struct cert_findings *f, bool when, int code)
{
    if (!when)
        return;
    assert(f->count < CERT_FINDINGS_MAX);
    f->codes[f->count++] = code;
    if (code >= 9600)
        f->effect = CERT_REFUSES;
    else if (code >= 9000)
        f->effect = CERT_FAULTS;
}

struct cert_findings cert_inspect(enum cert_role role, const struct cert_verdict *v)
{
    const struct role_row *row = row_of(role);
    struct cert_findings f = {.effect = CERT_PASSES};
    bool revoked = v->online == CERT_ONLINE_REVOKED;
    bool corrupted = v->math == CERT_MATH_CORRUPTED || v->chain_bad;

    add(&f, v->expired || v->not_yet_valid, row->outside_validity);
    add(&f,
        !corrupted && !revoked && (v->untrusted || v->usage_wrong || v->weak || v->status_missing),
        row->incomplete);
    add(&f, corrupted, row->corrupted);
    add(&f, revoked, row->revoked);
    return f;
}

int cert_internal_code(enum cert_role role)
{
    return row_of(role)->internal;
}

enum cert_purpose cert_role_purpose(enum cert_role role)
{
    return row_of(role)->purpose;
}

const char *cert_role_name(enum cert_role role)
{
    return row_of(role)->name;
}

enum status cert_judge(struct cert_checker *checker, const struct cert *cert, enum cert_role role,
                       int64_t now, struct cert_verdict *verdict, struct cert_findings *findings,
                       struct error *err)
{
    const struct role_row *row = row_of(role);

    *findings = (struct cert_findings){.effect = CERT_PASSES};
    if (cert_checker_check(checker, cert, row->purpose, now, verdict, err) != ST_OK) {
        err->reason = row->internal;
        return error_context(err, "%s", row->name);
    }
    if (verdict->must_wait && row->revoked >= 9000) /* it would matter */
        return error_set(err, ST_RETRY, row->internal, "%s: %s", row->name, verdict->reason);
    *findings = cert_inspect(role, verdict);
    if (findings->effect == CERT_PASSES)
        return ST_OK;
    return error_set(err, ST_DENIED, findings->codes[findings->count - 1], "%s: %s", row->name,
                     verdict->reason);
}
