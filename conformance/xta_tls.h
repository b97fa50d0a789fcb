/*
 * conformance/xta_tls.h - a TLS handshake of a version of one's choice
 *
 * curl does not say whether it was the peer who refused a version or our own library, which no
 * longer offers old ones by itself. Here that is the difference that counts.
 */
#pragma once

#include "conformance/run.h"

enum conf_handshake {
    CONF_HANDSHAKE_DONE,    /* the peer speaks it */
    CONF_HANDSHAKE_REFUSED, /* it got our ClientHello and does not */
    CONF_HANDSHAKE_UNTRIED  /* no connection, or we cannot even say it */
};

/* version: TLS1_1_VERSION and its like. who: the key pair, as for conf_xta_post. */
enum conf_handshake conf_xta_handshake(const struct conf_run *run, const char *url, int version,
                                       const char *who);
