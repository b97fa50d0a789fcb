#include "gateway/tls_files.h"

#include <fcntl.h>

#include "crypto/key.h"
#include "gateway/files.h"
#include "gateway/key_file.h"

enum { PEM_MAX = 4 * 1024 * 1024 };

static enum status pkcs12_load(const struct gw_pair_conf *pair, struct gw_tls_files *files,
                               struct error *err)
{
    const char *password = NULL;
    AUTO(buf_deinit_secret) struct buf p12 = {0};

    buf_init(&p12, PEM_MAX);
    TRY(gw_file_read(AT_FDCWD, pair->pkcs12, &p12, err));
    if (pair->passphrase_file != NULL)
        password = buf_cstr(&files->password);
    if (key_pkcs12_unpack(buf_span(&p12), password, &files->cert, &files->key, err) != ST_OK)
        return error_context(err, "%s", pair->pkcs12);
    return ST_OK;
}

static enum status pair_load(const struct gw_pair_conf *pair, struct gw_tls_files *files,
                             struct error *err)
{
    if (pair->passphrase_file != NULL)
        TRY(gw_key_file_line(pair->passphrase_file, &files->password, err));
    if (pair->pkcs12 != NULL) {
        TRY(pkcs12_load(pair, files, err));
    } else {
        TRY(gw_file_read(AT_FDCWD, pair->certificate, &files->cert, err));
        TRY(gw_file_read(AT_FDCWD, pair->key, &files->key, err));
        if (pair->passphrase_file != NULL)
            files->client.key_password = buf_cstr(&files->password);
    }
    files->client.cert_pem = buf_span(&files->cert);
    files->client.key_pem = buf_span(&files->key);
    return ST_OK;
}

enum status gw_tls_files_load(const struct gw_pair_conf *pair, const char *const *authorities,
                              unsigned count, struct span fallback, struct gw_tls_files *files,
                              struct error *err)
{
    buf_init(&files->authorities, PEM_MAX);
    buf_init(&files->cert, PEM_MAX);
    buf_init(&files->key, PEM_MAX);
    for (unsigned i = 0; i < count; i++) {
        TRY(gw_file_read(AT_FDCWD, authorities[i], &files->authorities, err));
        buf_char(&files->authorities, '\n');
    }
    TRY(buf_check(&files->authorities, err));
    files->client.ca_pem = count > 0 ? buf_span(&files->authorities) : fallback;
    return pair == NULL ? ST_OK : pair_load(pair, files, err);
}

void gw_tls_files_deinit(struct gw_tls_files *files)
{
    buf_deinit(&files->authorities);
    buf_deinit(&files->cert);
    buf_deinit_secret(&files->key);
    buf_deinit_secret(&files->password);
    files->client = (struct gw_tls_client){0};
}
