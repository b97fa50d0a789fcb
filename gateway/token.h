/*
 * gateway/token.h - keys and certificates in a PKCS#11 token: a smart card, an HSM, SoftHSM
 *
 * A setting names one by a URI of RFC 7512, "pkcs11:token=ahausen;object=signature", with the
 * token's library as module and the PIN in a file. Of the URI, what describes the token and the
 * object counts; PIN and library do not belong there.
 *
 * Of the token, sessions and one operation are asked: RSA without padding (CKM_RSA_X_509), see
 * crypto/key_away.h. Sessions are kept for the next operation, at most GW_TOKEN_SESSIONS at a time.
 * When one is refused, because the token was drawn or has forgotten us, everything is opened anew,
 * once for each operation. If that does not help, the library itself is started anew, since some
 * look at what is plugged in only then; not more often than every GW_TOKEN_RENEW_MS, and with
 * nobody inside. Otherwise the operation is ST_RETRY, and for GW_TOKEN_PAUSE_MS all others are,
 * too, so that nobody waits long for what is not there.
 *
 * A PIN that the token has refused is not shown to it again before the file has changed, and never
 * where it is the last try: a locked token is worse than a gateway that waits.
 *
 * Decision 0120.
 */
#pragma once

#include "crypto/key.h"

enum { GW_TOKEN_SESSIONS = 8, GW_TOKEN_PAUSE_MS = 1000, GW_TOKEN_RENEW_MS = 5000 };

/* The libraries of one runtime, each loaded once. */
struct gw_tokens;

/* Strings are borrowed for the call. */
struct gw_token_conf {
    const char *uri;
    const char *module;   /* the library */
    const char *pin_file; /* its first line; NULL: the token wants none */
};

/* Does a setting name something in a token? */
bool gw_token_is(const char *value);
/* One of GW_R_TOKEN_...? */
bool gw_token_is_cause(int cause);
/* Can this URI name a key or a certificate? ST_INVALID; no token is asked. */
MUST_CHECK enum status gw_token_uri_check(const char *uri, struct error *err);
MUST_CHECK enum status gw_tokens_new(struct gw_tokens **tokens, struct error *err);
void gw_tokens_free(struct gw_tokens *tokens); /* after the last key */
DROP_DEFINE(gw_tokens_drop, struct gw_tokens, gw_tokens_free)
/*
 * The key of cert, computed with once. Errors have a cause (GW_R_TOKEN_...): ST_RETRY, ST_DENIED;
 * ST_INVALID: it is not the key of cert, or not RSA.
 */
MUST_CHECK enum status gw_token_key(struct gw_tokens *tokens, const struct gw_token_conf *conf,
                                    const struct cert *cert, struct key **key, struct error *err);
/* The certificate of that URI, appended as PEM; everybody must be allowed to read it. Errors
 * likewise. */
MUST_CHECK enum status gw_token_cert(struct gw_tokens *tokens, const struct gw_token_conf *conf,
                                     struct buf *pem, struct error *err);
