#define _GNU_SOURCE 1 /* strerror_r that gives the text */
#include "gateway/reason.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/x509_vfy.h>
#include <sqlite3.h>

/* A number, or all from first to last, and what it is. */
struct range {
    long first, last;
    int reason;
};

/* The first that fits. */
static int reason_in(const struct range *rows, size_t count, long number, int otherwise)
{
    for (size_t i = 0; i < count; i++)
        if (number >= rows[i].first && number <= rows[i].last)
            return rows[i].reason;
    return otherwise;
}

/* ---- the system ---- */

/* What is not here went wrong on the way to or from the disk. */
static const struct range by_errno[] = {
    {ENOSPC, ENOSPC, GW_R_STORE_FULL},
    {EDQUOT, EDQUOT, GW_R_STORE_FULL},
    {EFBIG, EFBIG, GW_R_STORE_FULL},
    {EMLINK, EMLINK, GW_R_STORE_FULL},
    {EACCES, EACCES, GW_R_STORE_DENIED},
    {EPERM, EPERM, GW_R_STORE_DENIED},
    {EROFS, EROFS, GW_R_STORE_DENIED},
    {EMFILE, EMFILE, GW_R_STORE_HANDLES},
    {ENFILE, ENFILE, GW_R_STORE_HANDLES},
    {ENOMEM, ENOMEM, GW_R_MEMORY},
    {ENOBUFS, ENOBUFS, GW_R_MEMORY},
    {ETXTBSY, ETXTBSY, GW_R_STORE_BUSY},
    {EBUSY, EBUSY, GW_R_STORE_BUSY},
    {EDEADLK, EDEADLK, GW_R_STORE_BUSY},
    {ENOLCK, ENOLCK, GW_R_STORE_BUSY},
    {EUCLEAN, EUCLEAN, GW_R_STORE_DAMAGED},
    {EBADMSG, EBADMSG, GW_R_STORE_DAMAGED},
    {ECONNREFUSED, ECONNREFUSED, GW_R_NET_REFUSED},
    {EHOSTUNREACH, EHOSTUNREACH, GW_R_NET_UNREACHABLE},
    {EHOSTDOWN, EHOSTDOWN, GW_R_NET_UNREACHABLE},
    {ENETUNREACH, ENETUNREACH, GW_R_NET_UNREACHABLE},
    {ENETDOWN, ENETDOWN, GW_R_NET_UNREACHABLE},
    {ENONET, ENONET, GW_R_NET_UNREACHABLE},
    {EADDRNOTAVAIL, EADDRNOTAVAIL, GW_R_NET_UNREACHABLE},
    {ETIMEDOUT, ETIMEDOUT, GW_R_NET_CONNECT_TIMEOUT},
    {ECONNRESET, ECONNRESET, GW_R_NET_CUT},
    {ECONNABORTED, ECONNABORTED, GW_R_NET_CUT},
    {ENETRESET, ENETRESET, GW_R_NET_CUT},
    {ESHUTDOWN, ESHUTDOWN, GW_R_NET_CUT},
    {ENOTCONN, ENOTCONN, GW_R_NET_CUT},
    {EPIPE, EPIPE, GW_R_NET_CUT},
    /* only our own mistakes end so */
    {EINTR, EINTR, GW_R_INTERNAL},
    {EBADF, EBADF, GW_R_INTERNAL},
    {EAGAIN, EAGAIN, GW_R_INTERNAL},
    {EFAULT, EFAULT, GW_R_INTERNAL},
    {EINVAL, EINVAL, GW_R_INTERNAL},
    {EDOM, EDOM, GW_R_INTERNAL},
    {ERANGE, ERANGE, GW_R_INTERNAL},
    {ENOSYS, ENOSYS, GW_R_INTERNAL},
    {ENOTSOCK, EAFNOSUPPORT, GW_R_INTERNAL},
    {EISCONN, EISCONN, GW_R_INTERNAL},
    {EALREADY, EINPROGRESS, GW_R_INTERNAL},
};

int gw_reason_errno(int number)
{
    return number == 0 ? 0 : reason_in(by_errno, ARRAY_LEN(by_errno), number, GW_R_STORE_WRITE);
}

enum status gw_reason_system_at(struct error *err, const char *file, int line, enum status st,
                                int number, const char *fmt, ...)
{
    char what[ERROR_TEXT_MAX], room[128];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    (void)error_set_at(err, file, line, st, 0, "%.300s: %s", what,
                       strerror_r(number, room, sizeof room));
    err->cause = gw_reason_errno(number);
    return st;
}

enum status gw_reason_because(enum status st, int cause, struct error *err)
{
    err->cause = cause;
    return st;
}

/* ---- SQLite ---- */

static const struct range by_sqlite[] = {
    {SQLITE_FULL, SQLITE_FULL, GW_R_STORE_FULL},
    {SQLITE_TOOBIG, SQLITE_TOOBIG, GW_R_LIMIT},
    {SQLITE_NOMEM, SQLITE_NOMEM, GW_R_MEMORY},
    {SQLITE_IOERR, SQLITE_IOERR, GW_R_STORE_WRITE},
    {SQLITE_NOLFS, SQLITE_NOLFS, GW_R_STORE_WRITE},
    {SQLITE_PERM, SQLITE_PERM, GW_R_STORE_DENIED},
    {SQLITE_READONLY, SQLITE_READONLY, GW_R_STORE_DENIED},
    {SQLITE_CANTOPEN, SQLITE_CANTOPEN, GW_R_STORE_DENIED},
    {SQLITE_AUTH, SQLITE_AUTH, GW_R_STORE_DENIED},
    {SQLITE_BUSY, SQLITE_LOCKED, GW_R_STORE_BUSY},
    {SQLITE_PROTOCOL, SQLITE_PROTOCOL, GW_R_STORE_BUSY},
    {SQLITE_INTERRUPT, SQLITE_INTERRUPT, GW_R_STORE_BUSY},
    {SQLITE_ABORT, SQLITE_ABORT, GW_R_STORE_BUSY},
    {SQLITE_CORRUPT, SQLITE_CORRUPT, GW_R_STORE_DAMAGED},
    {SQLITE_NOTADB, SQLITE_NOTADB, GW_R_STORE_DAMAGED},
    {SQLITE_EMPTY, SQLITE_EMPTY, GW_R_STORE_DAMAGED},
    {SQLITE_FORMAT, SQLITE_FORMAT, GW_R_STORE_DAMAGED},
    /* a look-up that finds nothing, rows and hints: no failures */
    {SQLITE_OK, SQLITE_OK, 0},
    {SQLITE_NOTICE, SQLITE_WARNING, 0},
    {SQLITE_ROW, SQLITE_DONE, 0},
};

int gw_reason_sqlite(int rc)
{
    if (rc == SQLITE_IOERR_NOMEM)
        return GW_R_MEMORY;
    if (rc == SQLITE_IOERR_CORRUPTFS || rc == SQLITE_IOERR_DATA)
        return GW_R_STORE_DAMAGED;
    if (rc == SQLITE_IOERR_ACCESS || rc == SQLITE_IOERR_AUTH)
        return GW_R_STORE_DENIED;
    /* misuse, a constraint, bad SQL: ours */
    return reason_in(by_sqlite, ARRAY_LEN(by_sqlite), rc & 0xff, GW_R_INTERNAL);
}

/* ---- TLS ---- */

static const struct range by_verify[] = {
    {X509_V_OK, X509_V_OK, 0},
    {X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_NOT_YET_VALID, GW_R_NET_TLS_EXPIRED},
    {X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_HAS_EXPIRED, GW_R_NET_TLS_EXPIRED},
    {X509_V_ERR_CERT_REVOKED, X509_V_ERR_CERT_REVOKED, GW_R_NET_TLS_REVOKED},
    {X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH, GW_R_NET_TLS_NAME},
    {X509_V_ERR_OUT_OF_MEM, X509_V_ERR_OUT_OF_MEM, GW_R_MEMORY},
};

int gw_reason_verify(long code)
{
    return reason_in(by_verify, ARRAY_LEN(by_verify), code, GW_R_NET_TLS_TRUST);
}

/* ---- HTTP ---- */

static const struct range by_status[] = {
    {300, 399, GW_R_NET_HTTP_REDIRECT}, {401, 401, GW_R_NET_HTTP_AUTH},
    {407, 407, GW_R_NET_PROXY},         {403, 403, GW_R_NET_HTTP_DENIED},
    {451, 451, GW_R_NET_HTTP_DENIED},   {404, 405, GW_R_NET_HTTP_PATH},
    {410, 410, GW_R_NET_HTTP_PATH},     {421, 421, GW_R_NET_HTTP_PATH},
    {413, 413, GW_R_NET_HTTP_LARGE},    {429, 429, GW_R_NET_HTTP_BUSY},
    {503, 503, GW_R_NET_HTTP_BUSY},     {502, 502, GW_R_NET_HTTP_GATEWAY},
    {504, 504, GW_R_NET_HTTP_GATEWAY},  {500, 599, GW_R_NET_HTTP_FAULT},
};

int gw_reason_http(int status)
{
    return reason_in(by_status, ARRAY_LEN(by_status), status, GW_R_NET_HTTP);
}

/* ---- curl ---- */

/* Those that concern HTTP, TLS, SFTP, SMTP and the way there. What is not here is a mistake in how
 * we use curl. */
static const struct range by_curl[] = {
    {CURLE_OK, CURLE_OK, 0},
    {CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_HOST, GW_R_NET_NAME},
    {CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_PROXY, GW_R_NET_PROXY},
    {CURLE_PROXY, CURLE_PROXY, GW_R_NET_PROXY},
    {CURLE_COULDNT_CONNECT, CURLE_COULDNT_CONNECT, GW_R_NET_REFUSED},
    {CURLE_INTERFACE_FAILED, CURLE_INTERFACE_FAILED, GW_R_NET_UNREACHABLE},
    {CURLE_OPERATION_TIMEDOUT, CURLE_OPERATION_TIMEDOUT, GW_R_NET_TIMEOUT},
    {CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CONNECT_ERROR, GW_R_NET_TLS},
    {CURLE_SSL_CIPHER, CURLE_SSL_CIPHER, GW_R_NET_TLS},
    {CURLE_USE_SSL_FAILED, CURLE_USE_SSL_FAILED, GW_R_NET_TLS},
    {CURLE_SSL_SHUTDOWN_FAILED, CURLE_SSL_SHUTDOWN_FAILED, GW_R_NET_TLS},
    {CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_INVALIDCERTSTATUS, GW_R_NET_TLS_TRUST},
    {CURLE_PEER_FAILED_VERIFICATION, CURLE_PEER_FAILED_VERIFICATION, GW_R_NET_TLS_TRUST},
    {CURLE_SSL_ISSUER_ERROR, CURLE_SSL_ISSUER_ERROR, GW_R_NET_TLS_TRUST},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_PINNEDPUBKEYNOTMATCH, GW_R_NET_TLS_TRUST},
    {CURLE_SSL_CERTPROBLEM, CURLE_SSL_CERTPROBLEM, GW_R_NET_TLS_OWN},
    {CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CACERT_BADFILE, GW_R_NET_TLS_OWN},
    {CURLE_SSL_CRL_BADFILE, CURLE_SSL_CRL_BADFILE, GW_R_NET_TLS_OWN},
    {CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, GW_R_NET_TLS_OWN},
    {CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_ENGINE_INITFAILED, GW_R_NET_TLS_OWN},
    {CURLE_SSL_CLIENTCERT, CURLE_SSL_CLIENTCERT, GW_R_NET_CLIENT_CERT},
    {CURLE_LOGIN_DENIED, CURLE_LOGIN_DENIED, GW_R_NET_HTTP_AUTH},
    {CURLE_AUTH_ERROR, CURLE_AUTH_ERROR, GW_R_NET_HTTP_AUTH},
    {CURLE_REMOTE_ACCESS_DENIED, CURLE_REMOTE_ACCESS_DENIED, GW_R_NET_HTTP_DENIED},
    {CURLE_QUOTE_ERROR, CURLE_QUOTE_ERROR, GW_R_NET_HTTP_DENIED},
    {CURLE_UPLOAD_FAILED, CURLE_UPLOAD_FAILED, GW_R_NET_HTTP_DENIED},
    {CURLE_REMOTE_FILE_NOT_FOUND, CURLE_REMOTE_FILE_NOT_FOUND, GW_R_NET_HTTP_PATH},
    {CURLE_REMOTE_FILE_EXISTS, CURLE_REMOTE_FILE_EXISTS, GW_R_NET_HTTP_DENIED},
    {CURLE_REMOTE_DISK_FULL, CURLE_REMOTE_DISK_FULL, GW_R_NET_HTTP_LARGE},
    {CURLE_FILESIZE_EXCEEDED, CURLE_FILESIZE_EXCEEDED, GW_R_NET_ANSWER},
    {CURLE_TOO_MANY_REDIRECTS, CURLE_TOO_MANY_REDIRECTS, GW_R_NET_HTTP_REDIRECT},
    {CURLE_HTTP_RETURNED_ERROR, CURLE_HTTP_RETURNED_ERROR, GW_R_NET_HTTP},
    {CURLE_URL_MALFORMAT, CURLE_URL_MALFORMAT, GW_R_NET_URL},
    {CURLE_UNSUPPORTED_PROTOCOL, CURLE_UNSUPPORTED_PROTOCOL, GW_R_NET_URL},
    /* what answers does not speak the protocol */
    {CURLE_WEIRD_SERVER_REPLY, CURLE_WEIRD_SERVER_REPLY, GW_R_NET_ANSWER},
    {CURLE_BAD_CONTENT_ENCODING, CURLE_BAD_CONTENT_ENCODING, GW_R_NET_ANSWER},
    {CURLE_HTTP2, CURLE_HTTP2, GW_R_NET_ANSWER},
    {CURLE_HTTP2_STREAM, CURLE_HTTP2_STREAM, GW_R_NET_ANSWER},
    {CURLE_HTTP3, CURLE_HTTP3, GW_R_NET_ANSWER},
    {CURLE_QUIC_CONNECT_ERROR, CURLE_QUIC_CONNECT_ERROR, GW_R_NET_ANSWER},
    {CURLE_CHUNK_FAILED, CURLE_CHUNK_FAILED, GW_R_NET_ANSWER},
    {CURLE_RANGE_ERROR, CURLE_RANGE_ERROR, GW_R_NET_ANSWER},
    {CURLE_SSH, CURLE_SSH, GW_R_NET_TLS},
    /* it ended in the middle */
    {CURLE_PARTIAL_FILE, CURLE_PARTIAL_FILE, GW_R_NET_CUT},
    {CURLE_GOT_NOTHING, CURLE_GOT_NOTHING, GW_R_NET_CUT},
    {CURLE_SEND_ERROR, CURLE_RECV_ERROR, GW_R_NET_CUT},
    {CURLE_SEND_FAIL_REWIND, CURLE_SEND_FAIL_REWIND, GW_R_NET_CUT},
    {CURLE_HTTP_POST_ERROR, CURLE_HTTP_POST_ERROR, GW_R_NET_CUT},
    {CURLE_BAD_DOWNLOAD_RESUME, CURLE_BAD_DOWNLOAD_RESUME, GW_R_NET_CUT},
    {CURLE_AGAIN, CURLE_AGAIN, GW_R_NET_CUT},
    {CURLE_NO_CONNECTION_AVAILABLE, CURLE_NO_CONNECTION_AVAILABLE, GW_R_NET_CUT},
    {CURLE_UNRECOVERABLE_POLL, CURLE_UNRECOVERABLE_POLL, GW_R_NET_CUT},
    {CURLE_OUT_OF_MEMORY, CURLE_OUT_OF_MEMORY, GW_R_MEMORY},
    {CURLE_READ_ERROR, CURLE_READ_ERROR, GW_R_STORE_WRITE},
    {CURLE_WRITE_ERROR, CURLE_WRITE_ERROR, GW_R_STORE_WRITE},
    {CURLE_FILE_COULDNT_READ_FILE, CURLE_FILE_COULDNT_READ_FILE, GW_R_STORE_WRITE},
};

/* Protocols that nobody here speaks: FTP, LDAP, TELNET, TFTP, RTSP. */
static const struct range unspoken[] = {
    {CURLE_FTP_ACCEPT_FAILED, CURLE_FTP_CANT_GET_HOST, GW_R_NET_ANSWER},
    {CURLE_FTP_COULDNT_SET_TYPE, CURLE_FTP_COULDNT_SET_TYPE, GW_R_NET_ANSWER},
    {CURLE_FTP_COULDNT_RETR_FILE, CURLE_FTP_COULDNT_RETR_FILE, GW_R_NET_ANSWER},
    {CURLE_FTP_PORT_FAILED, CURLE_FTP_COULDNT_USE_REST, GW_R_NET_ANSWER},
    {CURLE_LDAP_CANNOT_BIND, CURLE_LDAP_SEARCH_FAILED, GW_R_NET_ANSWER},
    {CURLE_TELNET_OPTION_SYNTAX, CURLE_TELNET_OPTION_SYNTAX, GW_R_NET_ANSWER},
    {CURLE_TFTP_NOTFOUND, CURLE_TFTP_PERM, GW_R_NET_ANSWER},
    {CURLE_TFTP_ILLEGAL, CURLE_TFTP_NOSUCHUSER, GW_R_NET_ANSWER},
    {CURLE_FTP_PRET_FAILED, CURLE_RTSP_SESSION_ERROR, GW_R_NET_ANSWER},
    {CURLE_FTP_BAD_FILE_LIST, CURLE_FTP_BAD_FILE_LIST, GW_R_NET_ANSWER},
};

/* A TLS alert is the peer's word about our certificate, in OpenSSL's words. */
static int by_alert(const char *text)
{
    static const char *const refused[] = {
        "alert bad certificate",     "alert unsupported certificate",
        "alert certificate revoked", "alert certificate expired",
        "alert certificate unknown", "alert unknown ca",
        "alert access denied",       "alert decrypt error"};

    if (text == NULL || strstr(text, "alert") == NULL)
        return 0;
    if (strstr(text, "alert certificate required") != NULL ||
        strstr(text, "alert no certificate") != NULL)
        return GW_R_NET_CLIENT_CERT;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (strstr(text, refused[i]) != NULL)
            return GW_R_NET_CLIENT_REFUSED;
    return 0;
}

int gw_reason_curl(const struct gw_curl_failure *f)
{
    int alert = by_alert(f->text), reason;

    if (f->rc != CURLE_OK && alert != 0)
        return alert;
    reason = reason_in(by_curl, ARRAY_LEN(by_curl), f->rc,
                       reason_in(unspoken, ARRAY_LEN(unspoken), f->rc, GW_R_INTERNAL));
    if (reason == GW_R_NET_REFUSED && f->os_errno != 0)
        reason = gw_reason_errno((int)f->os_errno);
    if (reason == GW_R_NET_TIMEOUT && !f->connected)
        reason = GW_R_NET_CONNECT_TIMEOUT;
    /* the names in it are compared by curl itself, after OpenSSL was content */
    if (f->rc == CURLE_PEER_FAILED_VERIFICATION)
        reason = f->verify == X509_V_OK || f->verify == X509_V_ERR_UNSPECIFIED
                     ? GW_R_NET_TLS_NAME
                     : gw_reason_verify(f->verify);
    return reason;
}

/* ---- what kind it is ---- */

bool gw_reason_is_network(int code)
{
    return code >= GW_R_NET_NAME && code < GW_R_STORE_FULL;
}

bool gw_reason_is_http(int code)
{
    return code == GW_R_NET_HTTP || (code >= GW_R_NET_HTTP_AUTH && code <= GW_R_NET_HTTP_GATEWAY);
}

bool gw_reason_is_xta(int code)
{
    return code >= GW_R_XTA_DENIED && code < GW_R_XTA_DENIED + 100 && code != GW_R_XTA_NO_PARTY;
}

const char *gw_reason_last_word(const char *text)
{
    const char *blank = strrchr(text, ' ');

    return blank == NULL ? text : blank + 1;
}

int gw_reason_of(const struct error *err)
{
    if (err->reason != 0)
        return err->reason;
    if (err->cause != 0)
        return err->cause;
    return err->status == ST_LIMIT   ? GW_R_LIMIT
           : err->status == ST_RETRY ? GW_R_STORE_WRITE
                                     : GW_R_INTERNAL;
}
