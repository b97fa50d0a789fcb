#include "certs/standing.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/ocsp.h>

const char *cert_lack_name(enum cert_lack lack)
{
    static const char *const names[CERT_LACKS] = {
        [CERT_LACK_NONE] = "none",       [CERT_LACK_SOURCE] = "no_source",
        [CERT_LACK_PENDING] = "pending", [CERT_LACK_SILENT] = "silent",
        [CERT_LACK_HTTP] = "http",       [CERT_LACK_SIZE] = "too_large",
        [CERT_LACK_FORM] = "unreadable", [CERT_LACK_REFUSED] = "refused",
        [CERT_LACK_OTHER] = "other",     [CERT_LACK_UNKNOWN] = "unknown",
        [CERT_LACK_SIGNER] = "signer",   [CERT_LACK_WEAK] = "weak",
        [CERT_LACK_NONCE] = "nonce",     [CERT_LACK_EARLY] = "early",
        [CERT_LACK_OLD] = "expired",
    };

    return names[lack];
}

void cert_standing_lacks(struct cert_standing *s, enum cert_lack lack, const char *fmt, ...)
{
    va_list ap;

    *s = (struct cert_standing){.known = CERT_KNOWN_NOTHING, .lack = lack};
    va_start(ap, fmt);
    (void)vsnprintf(s->text, sizeof s->text, fmt, ap);
    va_end(ap);
}

void cert_standing_revoked(struct cert_standing *s, int64_t as_of, int64_t at, long reason)
{
    time_t seconds = (time_t)(at / 1000);
    char date[32] = "?";
    struct tm tm;

    *s = (struct cert_standing){.known = CERT_KNOWN_REVOKED, .as_of = as_of, .revoked_at = at};
    if (reason >= 0)
        s->why = OCSP_crl_reason_str(reason);
    if (gmtime_r(&seconds, &tm) != NULL)
        (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &tm);
    (void)snprintf(s->text, sizeof s->text, "revoked by its issuer on %s%s%s", date,
                   s->why == NULL ? "" : ": ", s->why == NULL ? "" : s->why);
}
