#include "gateway/pair.h"

#include <fcntl.h>

#include "gateway/files.h"
#include "gateway/key_file.h"
#include "gateway/runtime.h"

enum { PEM_MAX = 4 * 1024 * 1024 };

void gw_pair_deinit(struct gw_pair *pair)
{
    buf_deinit_secret(&pair->cert); /* a PKCS#12 holds the key too */
    buf_deinit_secret(&pair->key);
    buf_deinit_secret(&pair->passphrase);
}

enum status gw_pair_load(const struct gw_pair_conf *conf, struct gw_pair *pair, struct error *err)
{
    const char *cert = conf->pkcs12 != NULL ? conf->pkcs12 : conf->certificate;
    struct identity_source *source = &pair->source;

    buf_init(&pair->cert, PEM_MAX);
    buf_init(&pair->key, PEM_MAX);
    TRY(gw_file_read(AT_FDCWD, cert, &pair->cert, err));
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
    if (key_from_pkcs12(source->cert, source->passphrase, &key, &cert, &ignored) != ST_OK &&
        (cert_from_pem(source->cert, &cert, &ignored) != ST_OK ||
         key_from_pem(key_pem, source->passphrase, &key, &ignored) != ST_OK))
        return GW_R_KEY_UNREADABLE;
    return key_matches(key, cert) ? 0 : GW_R_KEY_MISMATCH;
}

enum status gw_pair_cert_load(const struct gw_pair_conf *conf, struct cert **cert,
                              struct error *err)
{
    AUTO(gw_pair_deinit) struct gw_pair pair = {0};
    AUTO(key_drop) struct key *key = NULL;

    if (conf->pkcs12 == NULL)
        return gw_cert_load(conf->certificate, cert, err);
    TRY(gw_pair_load(conf, &pair, err));
    if (key_from_pkcs12(pair.source.cert, pair.source.passphrase, &key, cert, err) != ST_OK)
        return error_context(err, "%s", conf->pkcs12);
    return ST_OK;
}
