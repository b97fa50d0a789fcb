/*
 * crypto/policy.h - which algorithms may be written, which may still be read, and until when
 *
 * One table; every operation of this folder asks it. What is not in the table is not known. The
 * dates come from share/algorithms.conf, which the build makes part of the program; a file of the
 * same form may replace them (policy_dates_read).
 *
 * Source: OSCI 1.2 digest 6.3 and 7.1; for the dates see share/algorithms.conf.
 */
#pragma once

#include "crypto/base/error.h"
#include "crypto/base/span.h"

enum alg_use { ALG_DIGEST, ALG_SIGNATURE, ALG_CIPHER, ALG_KEY_TRANSPORT, ALG_MGF };
enum alg_for { ALG_WRITE, ALG_READ };

struct alg {
    const char *uri;
    enum alg_use use;
    const char *hash; /* OpenSSL name of the digest, where one belongs to it */
    bool pss, gcm, ecdsa;
    size_t key_bytes;   /* ciphers */
    const char *legacy; /* NULL, or the policy switch that lets it be read: "cbc", "rsa15" */
};

/* The first moment at which it is too late, ms since 1970. */
struct policy_dates {
    int64_t write_until; /* 0: never to be written */
    int64_t read_until;  /* 0: only where the policy allows legacy */
};

enum { POLICY_ROWS_MAX = 64, POLICY_FILE_MAX = 64 * 1024 };

/* Switches from the configuration; zero is the safe default. */
struct policy {
    bool read_cbc, read_rsa15;
    int64_t legacy_until; /* what they let be read, ms since 1970; 0: to the end of 2036 */
    const struct policy_dates *dates; /* by alg_row, borrowed; NULL: those we were built with */
};

/* The table, row by row; NULL past its end. */
const struct alg *alg_row(size_t index);
/* The last part of its URI, as share/algorithms.conf calls it. */
const char *alg_name(const struct alg *alg);
/* "digest", "signature", "cipher", "key-transport", "mgf" */
const char *alg_use_name(enum alg_use use);

/* The row of this URI and use, NULL when unknown. */
const struct alg *alg_find(struct span uri, enum alg_use use);
/* The row like this cipher's for a key of that length, NULL when there is none. */
const struct alg *alg_for_key(const struct alg *alg, size_t key_bytes);
/* ST_DENIED when the table or the policy does not allow it at that time; text names the algorithm.
 */
MUST_CHECK enum status policy_check(const struct policy *policy, const struct alg *alg,
                                    enum alg_for what, int64_t now, struct error *err);
/* Both in one: unknown is ST_DENIED too. */
MUST_CHECK enum status policy_find(const struct policy *policy, struct span uri, enum alg_use use,
                                   enum alg_for what, int64_t now, const struct alg **alg,
                                   struct error *err);
/* Until when the policy allows it, ms since 1970; 0: never. */
int64_t policy_until(const struct policy *policy, const struct alg *alg, enum alg_for what);
/*
 * Fills dates, one for each row of the table, from a text like share/algorithms.conf; what it does
 * not name has the dates we were built with. ST_INVALID: a line says what cannot be; the text
 * names it.
 */
MUST_CHECK enum status policy_dates_read(struct span text,
                                         struct policy_dates dates[static POLICY_ROWS_MAX],
                                         struct error *err);
/* Names for the writers' defaults */
#define ALG_SHA256_URI "http://www.w3.org/2001/04/xmlenc#sha256"
#define ALG_RSA_SHA256_URI "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
#define ALG_AES256_GCM_URI "http://www.w3.org/2009/xmlenc11#aes256-gcm"
#define ALG_RSA_OAEP_URI "http://www.w3.org/2009/xmlenc11#rsa-oaep"
#define ALG_C14N_URI "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define ALG_BASE64_URI "http://www.w3.org/2000/09/xmldsig#base64"
