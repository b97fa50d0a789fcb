/* Every number of the system, of SQLite, OpenSSL, curl, HTTP and XTA has a row of the catalogue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/x509_vfy.h>
#include <sqlite3.h>

#include "gateway/reason.h"
#include "gateway/xta_client.h"

/* A row of its own that helps somebody: not "unknown", and "internal" only where mine says so. */
static void row_expect(const char *what, long number, int reason, bool internal)
{
    if (reason == GW_R_INTERNAL && internal)
        return;
    if (!gw_explain_knows(reason) || reason == GW_R_UNKNOWN || reason == GW_R_INTERNAL)
        fail_msg("%s %ld becomes %d", what, number, reason);
}

static bool one_of(long number, const long *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

static void every_errno(void **state)
{
    /* what only a mistake of ours can bring about */
    static const long ours[] = {
        EINTR,       EBADF,      EAGAIN,          EFAULT,       EINVAL,          EDOM,
        ERANGE,      ENOSYS,     ENOTSOCK,        EDESTADDRREQ, EMSGSIZE,        EPROTOTYPE,
        ENOPROTOOPT, EOPNOTSUPP, EPROTONOSUPPORT, EPFNOSUPPORT, ESOCKTNOSUPPORT, EAFNOSUPPORT,
        EISCONN,     EALREADY,   EINPROGRESS};

    (void)state;
    assert_int_equal(gw_reason_errno(0), 0);
    for (int n = 1; n <= 133; n++)
        row_expect("errno", n, gw_reason_errno(n), one_of(n, ours, ARRAY_LEN(ours)));
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        assert_int_equal(gw_reason_errno((int)ours[i]), GW_R_INTERNAL);
}

static void every_sqlite(void **state)
{
    static const long ours[] = {SQLITE_ERROR,  SQLITE_INTERNAL, SQLITE_CONSTRAINT, SQLITE_MISMATCH,
                                SQLITE_MISUSE, SQLITE_RANGE,    SQLITE_SCHEMA,     SQLITE_NOTFOUND};
    static const long fine[] = {SQLITE_OK, SQLITE_NOTICE, SQLITE_WARNING, SQLITE_ROW, SQLITE_DONE};

    (void)state;
    for (int primary = 0; primary < 102; primary++)
        for (int extended = 0; extended < 40; extended++) {
            int rc = primary | extended << 8;

            if (strcmp(sqlite3_errstr(rc), "unknown error") == 0)
                continue;
            if (one_of(primary, fine, ARRAY_LEN(fine)))
                assert_int_equal(gw_reason_sqlite(rc), 0);
            else
                row_expect("SQLite", rc, gw_reason_sqlite(rc),
                           one_of(primary, ours, ARRAY_LEN(ours)));
        }
}

static void every_verdict(void **state)
{
    (void)state;
    assert_int_equal(gw_reason_verify(X509_V_OK), 0);
    for (long n = 1; n < 200; n++) {
        int reason = gw_reason_verify(n);

        row_expect("X509_V_ERR", n, reason, false);
        assert_true(gw_reason_is_network(reason) || n == X509_V_ERR_OUT_OF_MEM);
    }
}

static void every_status(void **state)
{
    (void)state;
    for (int n = 0; n < 1000; n++)
        if (n < 200 || n > 299) {
            row_expect("HTTP", n, gw_reason_http(n), false);
            assert_true(gw_reason_is_network(gw_reason_http(n)));
        }
}

static void every_curl(void **state)
{
    /* how we use it */
    static const long ours[] = {
        CURLE_FAILED_INIT,          CURLE_NOT_BUILT_IN,          CURLE_FUNCTION_NOT_FOUND,
        CURLE_ABORTED_BY_CALLBACK,  CURLE_BAD_FUNCTION_ARGUMENT, CURLE_UNKNOWN_OPTION,
        CURLE_SETOPT_OPTION_SYNTAX, CURLE_CONV_FAILED,           CURLE_CONV_REQD,
        CURLE_RECURSIVE_API_CALL};

    (void)state;
    for (int rc = 0; rc < CURL_LAST; rc++) {
        struct gw_curl_failure f = {.rc = rc, .text = ""};
        bool named = strncmp(curl_easy_strerror((CURLcode)rc), "Unknown", 7) != 0;

        if (rc == CURLE_OK)
            assert_int_equal(gw_reason_curl(&f), 0);
        else
            row_expect("curl", rc, gw_reason_curl(&f), one_of(rc, ours, ARRAY_LEN(ours)) || !named);
    }
}

static struct call_row {
    const char *name;
    struct gw_curl_failure failure;
    int reason;
} call_rows[] = {
    {"nobody listens", {CURLE_COULDNT_CONNECT, false, ECONNREFUSED, 0, ""}, GW_R_NET_REFUSED},
    {"no route", {CURLE_COULDNT_CONNECT, false, EHOSTUNREACH, 0, ""}, GW_R_NET_UNREACHABLE},
    {"packets are dropped", {CURLE_OPERATION_TIMEDOUT, false, 0, 0, ""}, GW_R_NET_CONNECT_TIMEOUT},
    {"connected, then silence", {CURLE_OPERATION_TIMEDOUT, true, 0, 0, ""}, GW_R_NET_TIMEOUT},
    {"the system gives up",
     {CURLE_COULDNT_CONNECT, false, ETIMEDOUT, 0, ""},
     GW_R_NET_CONNECT_TIMEOUT},
    {"another name", {CURLE_PEER_FAILED_VERIFICATION, false, 0, X509_V_OK, ""}, GW_R_NET_TLS_NAME},
    {"another name, before OpenSSL has said so",
     {CURLE_PEER_FAILED_VERIFICATION, false, 0, X509_V_ERR_UNSPECIFIED, ""},
     GW_R_NET_TLS_NAME},
    {"expired",
     {CURLE_PEER_FAILED_VERIFICATION, false, 0, X509_V_ERR_CERT_HAS_EXPIRED, ""},
     GW_R_NET_TLS_EXPIRED},
    {"a stranger",
     {CURLE_PEER_FAILED_VERIFICATION, false, 0, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, ""},
     GW_R_NET_TLS_TRUST},
    {"it wants a certificate",
     {CURLE_RECV_ERROR, true, 0, 0, "SSL_read: tlsv13 alert certificate required, errno 0"},
     GW_R_NET_CLIENT_CERT},
    {"it does not know our authority",
     {CURLE_SSL_CONNECT_ERROR, false, 0, 0, "error:0A000418:SSL routines::tlsv1 alert unknown ca"},
     GW_R_NET_CLIENT_REFUSED},
    {"no common version",
     {CURLE_SSL_CONNECT_ERROR, false, 0, 0, "tlsv1 alert protocol version"},
     GW_R_NET_TLS},
};

static void call_row(void **state)
{
    const struct call_row *row = *state;

    assert_int_equal(gw_reason_curl(&row->failure), row->reason);
}

/* Faults 9010 to 9101, those without a number, and SOAP's own. */
static void every_fault(void **state)
{
    enum status st;
    unsigned known = 0;

    (void)state;
    for (int n = 9000; n < 9110; n++) {
        struct xta_fault f = {.exception = xta_exception_of(n), .number = n};

        if (xta_number_text(n) == NULL)
            continue;
        known++;
        row_expect("XTA", n, gw_xta_reason(&f, &st), false);
        assert_true(gw_reason_is_xta(gw_xta_reason(&f, &st)));
        assert_int_not_equal(st, ST_OK);
        if (n != XTA_N_UNSPECIFIED) /* all others are told as what they are */
            assert_int_not_equal(gw_xta_reason(&f, &st), GW_R_XTA_FAULT);
    }
    assert_int_equal(known, 22);
    for (int e = XTA_NO_EXCEPTION; e <= XTA_EXTERNAL_UNAVAILABLE; e++) {
        struct xta_fault f = {.exception = (enum xta_exception)e};

        row_expect("exception", e, gw_xta_reason(&f, &st), false);
    }
}

static struct of_row {
    const char *name;
    struct error err;
    int reason;
} of_rows[] = {
    {"the protocol's first", {.status = ST_DENIED, .reason = 9601, .cause = 10400}, 9601},
    {"then the system's", {.status = ST_LIMIT, .cause = GW_R_STORE_FULL}, GW_R_STORE_FULL},
    {"a limit", {.status = ST_LIMIT}, GW_R_LIMIT},
    {"the world", {.status = ST_RETRY}, GW_R_STORE_WRITE},
    {"a library", {.status = ST_INTERNAL}, GW_R_INTERNAL},
};

static void of_row(void **state)
{
    const struct of_row *row = *state;

    assert_int_equal(gw_reason_of(&row->err), row->reason);
}

/* What the system said does not outlive the next error. */
static void a_new_error_forgets(void **state)
{
    struct error err = {0};

    (void)state;
    assert_int_equal(gw_reason_system(&err, ST_LIMIT, ENOSPC, "cannot write %s", "a"), ST_LIMIT);
    assert_int_equal(err.reason, 0);
    assert_int_equal(err.cause, GW_R_STORE_FULL);
    assert_string_equal(err.text, "cannot write a: No space left on device");
    assert_int_equal(error_set(&err, ST_INVALID, 0, "else"), ST_INVALID);
    assert_int_equal(err.cause, 0);
}

int main(void)
{
    static struct CMUnitTest tests[ARRAY_LEN(call_rows) + ARRAY_LEN(of_rows) + 7];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(call_rows); i++)
        tests[n++] = (struct CMUnitTest){call_rows[i].name, call_row, NULL, NULL, &call_rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(of_rows); i++)
        tests[n++] = (struct CMUnitTest){of_rows[i].name, of_row, NULL, NULL, &of_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(every_errno);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(every_sqlite);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(every_verdict);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(every_status);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(every_curl);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(every_fault);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_new_error_forgets);
    return _cmocka_run_group_tests("reason", tests, n, NULL, NULL);
}
