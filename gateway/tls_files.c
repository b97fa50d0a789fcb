#include "gateway/tls_files.h"

#include <fcntl.h>
#include <string.h>

#include "gateway/files.h"

enum { PEM_MAX = 4 * 1024 * 1024, PASSWORD_MAX = 4096 };

/* Its first line. */
static enum status password_load(const char *path, struct gw_tls_files *files, struct error *err)
{
    char *end;

    TRY(gw_file_read(AT_FDCWD, path, &files->password, err));
    buf_char(&files->password, '\0');
    TRY(buf_check(&files->password, err));
    end = strpbrk((char *)files->password.ptr, "\r\n");
    if (end != NULL)
        *end = '\0';
    files->client.key_password = (const char *)files->password.ptr;
    return ST_OK;
}

enum status gw_tls_files_load(const struct gw_pair_conf *pair, const char *const *authorities,
                              unsigned count, struct span fallback, const char *whose,
                              struct gw_tls_files *files, struct error *err)
{
    buf_init(&files->authorities, PEM_MAX);
    buf_init(&files->cert, PEM_MAX);
    buf_init(&files->key, PEM_MAX);
    buf_init(&files->password, PASSWORD_MAX);
    for (unsigned i = 0; i < count; i++) {
        TRY(gw_file_read(AT_FDCWD, authorities[i], &files->authorities, err));
        buf_char(&files->authorities, '\n');
    }
    TRY(buf_check(&files->authorities, err));
    files->client.ca_pem = count > 0 ? buf_span(&files->authorities) : fallback;
    if (pair == NULL)
        return ST_OK;
    if (pair->certificate == NULL || pair->key == NULL)
        return error_set(err, ST_INVALID, 0, "%s: certificate and key for TLS must be PEM files",
                         whose);
    TRY(gw_file_read(AT_FDCWD, pair->certificate, &files->cert, err));
    TRY(gw_file_read(AT_FDCWD, pair->key, &files->key, err));
    files->client.cert_pem = buf_span(&files->cert);
    files->client.key_pem = buf_span(&files->key);
    if (pair->passphrase_file != NULL)
        return password_load(pair->passphrase_file, files, err);
    return ST_OK;
}

void gw_tls_files_deinit(struct gw_tls_files *files)
{
    buf_deinit(&files->authorities);
    buf_deinit(&files->cert);
    buf_deinit_secret(&files->key);
    buf_deinit_secret(&files->password);
    files->client = (struct gw_tls_client){0};
}
