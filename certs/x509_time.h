/*
 * certs/x509_time.h - the times of certificates, lists and answers, in our milliseconds
 */
#pragma once

#include <time.h>

#include <openssl/asn1.h>

/* 0: none, or none that can be read. */
static inline int64_t x509_time_ms(const ASN1_TIME *at)
{
    struct tm tm = {0};

    return at != NULL && ASN1_TIME_to_tm(at, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}
