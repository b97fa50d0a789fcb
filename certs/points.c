#include "certs/points.h"

#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#include "certs/x509_drop.h"
#include "crypto/base/span.h"

DROP_DEFINE(points_drop, CRL_DIST_POINTS, CRL_DIST_POINTS_free)
DROP_DEFINE(access_drop, AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free)

bool cert_point_is_good(const char *url, size_t len)
{
    static const char scheme[] = "http://";
    const size_t head = sizeof scheme - 1;
    size_t host;

    if (len <= head || len >= CERT_POINT_SIZE || strncasecmp(url, scheme, head) != 0)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)url[i] <= ' ' || (unsigned char)url[i] >= 0x7f || url[i] == '\\')
            return false;
    host = head + strcspn(url + head, "/?#");
    if (host > len)
        host = len;
    return host > head && url[head] != ':' && memchr(url + head, '@', host - head) == NULL &&
           memchr(url, '#', len) == NULL;
}

static void name_take(const GENERAL_NAME *name, struct cert_points *points)
{
    const ASN1_IA5STRING *uri;
    char text[CERT_POINT_SIZE] = "";
    size_t len;

    if (name->type != GEN_URI) {
        points->passed_over++;
        return;
    }
    uri = name->d.uniformResourceIdentifier;
    len = (size_t)ASN1_STRING_length(uri);
    if (len < sizeof text) {
        memcpy(text, ASN1_STRING_get0_data(uri), len);
        text[len] = '\0';
    }
    if (len >= sizeof text || strlen(text) != len || !cert_point_is_good(text, len) ||
        points->count >= CERT_POINTS_MAX) {
        points->passed_over++;
        return;
    }
    memcpy(points->url[points->count++], text, len + 1);
}

void cert_points_ocsp(X509 *x509, struct cert_points *points)
{
    AUTO(access_drop)
    AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(x509, NID_info_access, NULL, NULL);

    *points = (struct cert_points){0};
    ERR_clear_error();
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access); i++) {
        const ACCESS_DESCRIPTION *at = sk_ACCESS_DESCRIPTION_value(access, i);

        if (OBJ_obj2nid(at->method) == NID_ad_OCSP)
            name_take(at->location, points);
    }
}

/* Those of some reasons only, or of somebody else's lists, do not say enough. */
static void all_take(const CRL_DIST_POINTS *all, struct cert_points *points)
{
    for (int i = 0; i < sk_DIST_POINT_num(all); i++) {
        const DIST_POINT *at = sk_DIST_POINT_value(all, i);

        if (at->distpoint == NULL || at->distpoint->type != 0 || at->reasons != NULL ||
            at->CRLissuer != NULL) {
            points->passed_over++;
            continue;
        }
        for (int k = 0; k < sk_GENERAL_NAME_num(at->distpoint->name.fullname); k++)
            name_take(sk_GENERAL_NAME_value(at->distpoint->name.fullname, k), points);
    }
}

void cert_points_lists(X509 *x509, struct cert_points *points)
{
    AUTO(points_drop)
    CRL_DIST_POINTS *all = X509_get_ext_d2i(x509, NID_crl_distribution_points, NULL, NULL);

    *points = (struct cert_points){0};
    ERR_clear_error();
    all_take(all, points);
}

void cert_points_deltas(X509 *x509, const X509_CRL *list, struct cert_points *points)
{
    AUTO(points_drop)
    CRL_DIST_POINTS *own = X509_get_ext_d2i(x509, NID_freshest_crl, NULL, NULL);
    AUTO(points_drop)
    CRL_DIST_POINTS *lists = X509_CRL_get_ext_d2i(list, NID_freshest_crl, NULL, NULL);

    *points = (struct cert_points){0};
    ERR_clear_error();
    all_take(own, points);
    all_take(lists, points);
}
