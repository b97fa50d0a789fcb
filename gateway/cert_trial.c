#include "gateway/cert_trial.h"

#include <fcntl.h>
#include <stdio.h>

#include "certs/path.h"
#include "crypto/enc.h"
#include "crypto/sig.h"
#include "gateway/certificates.h"
#include "gateway/files.h"
#include "gateway/pair.h"
#include "gateway/trust.h"

enum { FILE_MAX = 4 * 1024 * 1024, XML_MAX = 64 * 1024, ARENA_MAX = 1024 * 1024 };

#define DS " xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\""
#define SCOPE DS " xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\""
static const char probe[] = "depesche certs rehearse";

/* ---- the pair ---- */

/* What it is for, where nobody says so. */
static enum status uses_find(struct gw_trial_run *run, const struct cert *cert, struct error *err)
{
    run->signs = run->conf->signs;
    run->enciphers = run->conf->enciphers;
    if (run->signs || run->enciphers)
        return ST_OK;
    run->signs = cert_may_sign(cert);
    run->enciphers = cert_may_encipher(cert) && strncmp(cert_key_name(cert), "RSA", 3) == 0;
    if (run->signs || run->enciphers)
        return ST_OK;
    return error_set(err, ST_INVALID, 0, "%s is neither for signing nor for enciphering",
                     cert_subject(cert));
}

/* The identity as it would be: the new pair in its place, the present one still opens. */
static enum status next_load(struct gw_trial_run *run, struct error *err)
{
    const struct gw_identity_conf *now = &run->conf->tenant->identity;
    struct gw_pair_conf older[IDENTITY_OLDER_MAX] = {now->cipher};
    struct gw_identity_conf next = {.signature = now->signature, .cipher = now->cipher};

    if (run->signs)
        next.signature = run->conf->pair;
    if (run->enciphers) {
        next.cipher = run->conf->pair;
        next.older_ciphers = older;
        next.older_ciphers_count = 1;
    }
    TRY(gw_identity_load(&next, &run->places, &run->next, err));
    run->pair = run->signs ? &run->next->signature : &run->next->cipher;
    return ST_OK;
}

static enum status pair_try(struct gw_trial_run *run, struct error *err)
{
    AUTO(cert_drop) struct cert *cert = NULL;

    TRY(gw_pair_cert_load(&run->conf->pair, &run->places, &cert, err));
    TRY(uses_find(run, cert, err));
    TRY(gw_identity_load(&run->conf->tenant->identity, &run->places, &run->present, err));
    return next_load(run, err);
}

/* ---- the certificate ---- */

static enum status validity_try(struct gw_trial_run *run, struct error *err)
{
    const struct cert *cert = run->pair->cert;
    char until[16];

    gw_cert_day(cert_not_after(cert), until);
    if (cert_not_after(cert) < run->conf->now)
        return error_set(err, ST_DENIED, 0, "it ended on %s", until);
    return ST_OK;
}

/* Before it has begun it is judged as of its first day. */
static int64_t in_time(const struct gw_trial_run *run)
{
    int64_t from = cert_not_before(run->pair->cert);

    return run->conf->now > from ? run->conf->now : from;
}

static enum status believed_for(struct gw_trial_run *run, const struct trust *trust,
                                const struct cert *cert, enum cert_purpose purpose,
                                struct error *err)
{
    struct cert_verdict verdict;

    TRY(cert_check(trust, NULL, cert, NULL, 0, purpose, in_time(run), &verdict, err));
    return cert_verdict_good(&verdict) ? ST_OK : error_set(err, ST_DENIED, 0, "%s", verdict.reason);
}

static enum status chain_try(struct gw_trial_run *run, struct error *err)
{
    AUTO(gw_trust_drop) struct gw_trust *all = NULL;
    const struct trust *trust;

    TRY(gw_trust_new(run->conf->config, &all, err));
    trust = gw_trust_store(gw_trust_for_tenant(all, run->conf->tenant));
    if (run->signs)
        TRY(believed_for(run, trust, run->pair->cert, CERT_FOR_OSCI_SIGNATURE, err));
    if (run->enciphers)
        TRY(believed_for(run, trust, run->pair->cert, CERT_FOR_OSCI_CIPHER, err));
    return ST_OK;
}

static const struct alg *signature_alg(const struct gw_trial_run *run)
{
    bool rsa = strncmp(cert_key_name(run->next->signature.cert), "RSA", 3) == 0;

    return alg_find(
        span_str(rsa ? ALG_RSA_SHA256_URI : "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"),
        ALG_SIGNATURE);
}

static enum status policy_try(struct gw_trial_run *run, struct error *err)
{
    const char *file = run->conf->config->security.algorithms;
    AUTO(buf_deinit) struct buf text = {0};

    buf_init(&text, POLICY_FILE_MAX + 1);
    if (file != NULL) {
        TRY(gw_file_read(AT_FDCWD, file, &text, err));
        TRY(policy_dates_read(buf_span(&text), run->dates, err));
        run->policy.dates = run->dates;
    }
    if (run->signs)
        TRY(policy_check(&run->policy, signature_alg(run), ALG_WRITE, in_time(run), err));
    if (run->enciphers)
        TRY(policy_check(&run->policy, alg_find(SPAN(ALG_RSA_OAEP_URI), ALG_KEY_TRANSPORT),
                         ALG_WRITE, in_time(run), err));
    return ST_OK;
}

/* ---- the key ---- */

/* A signature over an attachment, written and verified as in a message. */
static enum status sign_try(struct gw_trial_run *run, struct error *err)
{
    const struct sig_params params = {signature_alg(run), &run->policy, run->conf->now};
    struct sig_ref ref = {.uri = SPAN("cid:probe"), .transform = SIG_PLAIN};
    struct sig_attachment attachment = {.cid = SPAN("probe")};
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    AUTO(buf_deinit) struct buf xml = {0};
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    AUTO(xml_ids_drop) struct xml_ids *ids = NULL;
    struct sig_reading reading;
    struct sig_cover cover;

    TRY(digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), SPAN(probe), &ref.digest, err));
    attachment.digest = ref.digest;
    buf_init(&xml, XML_MAX);
    buf_str(&xml, "<trial" DS ">");
    TRY(sig_write(&xml, &ref, 1, &params, run->pair->key, SPAN("#signer"), DS, err));
    buf_str(&xml, "</trial>");
    TRY(buf_check(&xml, err));
    TRY(xml_parse(buf_span(&xml), &doc, err));
    TRY(xml_ids_new(doc, &ids, err));
    TRY(sig_read(xml_first(xml_root(doc)), &run->policy, run->conf->now, &arena, &reading, err));
    return sig_verify(&reading, ids, &attachment, 1, run->pair->cert, &arena, &cover, err);
}

/* A session key, wrapped for cert and taken out again with the key. */
static enum status wrap_try(const struct gw_trial_run *run, const struct identity_pair *pair,
                            struct error *err)
{
    AUTO(secret_wipe) struct secret made = {0}, read = {0};
    AUTO(buf_deinit) struct buf xml = {0};
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct enc_params params;

    enc_params_default(&params, &run->policy, run->conf->now);
    TRY(secret_make(params.method.alg, rng_system(), &made, err));
    buf_init(&xml, XML_MAX);
    buf_str(&xml, "<trial" SCOPE ">");
    TRY(enc_key_write(&xml, &made, pair->cert, SPAN("<ds:KeyName>trial</ds:KeyName>"), &params,
                      err));
    buf_str(&xml, "</trial>");
    TRY(buf_check(&xml, err));
    TRY(xml_parse(buf_span(&xml), &doc, err));
    TRY(enc_key_read(xml_first(xml_root(doc)), pair->key, &params.method, &run->policy,
                     run->conf->now, &read, err));
    if (read.len != made.len || memcmp(read.bytes, made.bytes, made.len) != 0)
        return error_set(err, ST_INTERNAL, 0, "what was opened is not what was enciphered");
    return ST_OK;
}

static enum status encipher_try(struct gw_trial_run *run, struct error *err)
{
    return wrap_try(run, &run->next->cipher, err);
}

/* By the certificate of today, as it stands in messages that wait, the key is found. */
static enum status older_try(struct gw_trial_run *run, struct error *err)
{
    const struct cert *cert = run->present->cipher.cert;
    const struct identity_pair *found = identity_cipher_for(run->next, cert);

    if (found == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "nothing opens what waits for %s",
                         cert_subject(cert));
    return wrap_try(run, found, err);
}

/* ---- the steps ---- */

/* "2027-01-01 - 2029-01-01": a day to come may be meant. */
static void validity_tell(const struct gw_trial_run *run, struct gw_trial_row *row)
{
    char from[16], until[16];

    if (row->result != GW_TRIAL_GOOD)
        return;
    gw_cert_day(cert_not_before(run->pair->cert), from);
    gw_cert_day(cert_not_after(run->pair->cert), until);
    (void)snprintf(row->detail, sizeof row->detail, "%s - %s", from, until);
}

static enum status step_take(struct gw_trial_run *run, enum gw_trial_step step, struct error *err)
{
    static enum status (*const steps[])(struct gw_trial_run *, struct error *) = {
        [GW_TRIAL_PAIR] = pair_try,   [GW_TRIAL_VALIDITY] = validity_try,
        [GW_TRIAL_CHAIN] = chain_try, [GW_TRIAL_POLICY] = policy_try,
        [GW_TRIAL_SIGN] = sign_try,   [GW_TRIAL_ENCIPHER] = encipher_try,
        [GW_TRIAL_OLDER] = older_try,
    };

    return steps[step](run, err);
}

/* Is there anything to try, with this pair? */
static bool concerns(const struct gw_trial_run *run, enum gw_trial_step step)
{
    return step == GW_TRIAL_SIGN       ? run->signs
           : step == GW_TRIAL_ENCIPHER ? run->enciphers
                                       : step != GW_TRIAL_OLDER || run->enciphers;
}

static bool starved(const struct error *err)
{
    return err->status == ST_LIMIT && strstr(err->text, "memory") != NULL;
}

enum status gw_trial(const struct gw_trial_conf *conf,
                     struct gw_trial_row rows[static GW_TRIAL_STEPS], struct error *err)
{
    struct gw_trial_run run = {.conf = conf};
    bool good = true;

    TRY(gw_tokens_new(&run.places.tokens, err));
    for (int i = 0; i < GW_TRIAL_STEPS; i++)
        rows[i] = (struct gw_trial_row){.result = GW_TRIAL_SKIPPED};
    for (int i = GW_TRIAL_PAIR; i < GW_TRIAL_THERE; i++) {
        const enum gw_trial_step step = (enum gw_trial_step)i;
        struct error why = {0};

        if ((step > GW_TRIAL_PAIR && run.next == NULL) || !concerns(&run, step))
            continue;
        rows[i].result = step_take(&run, step, &why) == ST_OK ? GW_TRIAL_GOOD : GW_TRIAL_FAILED;
        (void)snprintf(rows[i].detail, sizeof rows[i].detail, "%s", why.text);
        good = good && rows[i].result == GW_TRIAL_GOOD;
        if (starved(&why))
            *err = why;
    }
    validity_tell(&run, &rows[GW_TRIAL_VALIDITY]);
    if (good &&
        run.conf->now >= cert_not_before(run.pair->cert)) /* else nobody would take it yet */
        gw_trial_peers(&run, &rows[GW_TRIAL_THERE], &rows[GW_TRIAL_BACK]);
    identity_free(run.present);
    identity_free(run.next);
    gw_tokens_free(run.places.tokens);
    return err->status;
}
