#include "gateway/pair.h"

#include <fcntl.h>

#include "gateway/files.h"
#include "gateway/key_file.h"
#include "gateway/token.h"

enum { PEM_MAX = 4 * 1024 * 1024 };

void gw_pair_deinit(struct gw_pair *pair)
{
    buf_deinit_secret(&pair->cert); /* a PKCS#12 holds the key too */
    buf_deinit_secret(&pair->key);
    buf_deinit_secret(&pair->passphrase);
    key_free(pair->source.away);
    pair->source.away = NULL;
}

static struct gw_token_conf in_token(const struct gw_pair_conf *conf, const char *uri)
{
    return (struct gw_token_conf){uri, conf->module, conf->passphrase_file};
}

/* PEM, or a PKCS#12 with certificate and key. */
static enum status cert_load(const struct gw_pair_conf *conf, const struct gw_key_places *places,
                             struct buf *bytes, struct error *err)
{
    const char *path = conf->pkcs12 != NULL ? conf->pkcs12 : conf->certificate;
    const struct gw_token_conf token = in_token(conf, path);

    return gw_token_is(path) ? gw_token_cert(places->tokens, &token, bytes, err)
                             : gw_file_read(AT_FDCWD, path, bytes, err);
}

/* The certificate of a pair whose key is elsewhere, and what an error calls it. */
static enum status away_begin(const struct gw_pair_conf *conf, struct gw_pair *pair,
                              struct cert **cert, struct error *err)
{
    const char *label = conf->pkcs12 != NULL ? conf->pkcs12 : conf->certificate;

    pair->source = (struct identity_source){
        .cert_label = label, .cert = buf_span(&pair->cert), .key_label = conf->key};
    if (cert_from_pem(pair->source.cert, cert, err) != ST_OK)
        return error_context(err, "%s", label);
    return ST_OK;
}

static enum status token_load(const struct gw_pair_conf *conf, struct gw_tokens *tokens,
                              struct gw_pair *pair, struct error *err)
{
    const struct gw_token_conf token = in_token(conf, conf->key);
    AUTO(cert_drop) struct cert *cert = NULL;

    TRY(away_begin(conf, pair, &cert, err));
    return gw_token_key(tokens, &token, cert, &pair->source.away, err);
}

/* The certificate as the key process has read it, or as the token has it. */
static enum status process_cert(const struct gw_pair_conf *conf, const struct gw_key_places *places,
                                struct buf *pem, struct error *err)
{
    AUTO(cert_drop) struct cert *cert = NULL;

    TRY(gw_key_process_cert(places->process, conf, &cert, err));
    if (cert == NULL)
        return cert_load(conf, places, pem, err);
    cert_to_pem(cert_der(cert), pem);
    return buf_check(pem, err);
}

static enum status process_load(const struct gw_pair_conf *conf, const struct gw_key_places *places,
                                struct gw_pair *pair, struct error *err)
{
    AUTO(cert_drop) struct cert *cert = NULL;

    TRY(process_cert(conf, places, &pair->cert, err));
    TRY(away_begin(conf, pair, &cert, err));
    return gw_key_process_key(places->process, conf, cert, &pair->source.away, err);
}

enum status gw_pair_load(const struct gw_pair_conf *conf, const struct gw_key_places *places,
                         struct gw_pair *pair, struct error *err)
{
    const char *cert = conf->pkcs12 != NULL ? conf->pkcs12 : conf->certificate;
    struct identity_source *source = &pair->source;

    buf_init(&pair->cert, PEM_MAX);
    buf_init(&pair->key, PEM_MAX);
    if (places != NULL && gw_key_process_has(places->process, conf))
        return process_load(conf, places, pair, err);
    TRY(cert_load(conf, places, &pair->cert, err));
    if (conf->pkcs12 == NULL && gw_token_is(conf->key))
        return token_load(conf, places->tokens, pair, err);
    if (conf->pkcs12 == NULL && conf->key != NULL)
        TRY(gw_file_read(AT_FDCWD, conf->key, &pair->key, err));
    *source = (struct identity_source){.cert_label = cert, .cert = buf_span(&pair->cert)};
    if (pair->key.len > 0) {
        source->key_label = conf->key;
        source->key = buf_span(&pair->key);
    }
    if (conf->passphrase_file == NULL)
        return ST_OK;
    TRY(gw_key_file_line(conf->passphrase_file, &pair->passphrase, err));
    source->passphrase = buf_cstr(&pair->passphrase);
    return ST_OK;
}

int gw_pair_reason(const struct gw_pair *pair)
{
    const struct identity_source *source = &pair->source;
    AUTO(cert_drop) struct cert *cert = NULL;
    AUTO(key_drop) struct key *key = NULL;
    struct span key_pem = source->key_label != NULL ? source->key : source->cert;
    struct error ignored = {0};

    if (source->cert_label == NULL)
        return GW_R_KEY_UNREADABLE;
    if (source->away != NULL)
        return 0;
    if (key_from_pkcs12(source->cert, source->passphrase, &key, &cert, &ignored) != ST_OK &&
        (cert_from_pem(source->cert, &cert, &ignored) != ST_OK ||
         key_from_pem(key_pem, source->passphrase, &key, &ignored) != ST_OK))
        return GW_R_KEY_UNREADABLE;
    return key_matches(key, cert) ? 0 : GW_R_KEY_MISMATCH;
}

enum status gw_pair_cert_load(const struct gw_pair_conf *conf, const struct gw_key_places *places,
                              struct cert **cert, struct error *err)
{
    AUTO(gw_pair_deinit) struct gw_pair pair = {0};
    AUTO(key_drop) struct key *key = NULL;

    buf_init(&pair.cert, PEM_MAX);
    *cert = NULL;
    if (places != NULL && gw_key_process_has(places->process, conf))
        TRY(gw_key_process_cert(places->process, conf, cert, err));
    if (*cert != NULL)
        return ST_OK;
    if (conf->pkcs12 == NULL) {
        TRY(cert_load(conf, places, &pair.cert, err));
        if (cert_from_pem(buf_span(&pair.cert), cert, err) != ST_OK)
            return error_context(err, "%s", conf->certificate);
        return ST_OK;
    }
    TRY(gw_pair_load(conf, places, &pair, err));
    if (key_from_pkcs12(pair.source.cert, pair.source.passphrase, &key, cert, err) != ST_OK)
        return error_context(err, "%s", conf->pkcs12);
    return ST_OK;
}
