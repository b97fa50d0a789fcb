/*
 * gateway/key_process.h - the process that holds our private keys (depesched-keys)
 *
 * Where the settings say so (security.key_process), the keys with which messages are signed and
 * opened are read by a process of their own. It hands back certificates, and computes one number
 * for each signature or decryption (crypto/key_away.h); this process, which reads what strangers
 * have written, never has a byte of a key. Keys in tokens and keys for TLS are not among them.
 *
 *   start   all pairs of the settings are loaded, in order, before anything comes in by the network
 *   work    one question at a time on each of several sockets, a thread at its other end
 *   end     with this process, or when gw_key_process_free closes the sockets
 *
 * When it ends before that, or does not answer, or talks nonsense, it is killed and started anew,
 * by whoever needs a key next. If it did not last, not at once but after a pause that doubles, from
 * GW_KEYS_PAUSE_MS on; until then every operation is ST_RETRY with cause GW_R_KEYS_AWAY, and
 * messages wait. Started anew it reads the files anew: where one holds another certificate by now,
 * or nothing that can be used, this one key is ST_RETRY with cause GW_R_KEYS_CHANGED until a
 * reload.
 *
 * Decision 0122.
 */
#pragma once

#include <sys/types.h>

#include "crypto/key.h"
#include "gateway/config.h"
#include "gateway/log.h"

enum {
    GW_KEYS_PAUSE_MS = 1000,
    GW_KEYS_PAUSE_MAX_MS = 30 * 1000,
    GW_KEYS_STEADY_MS = 10 * 1000, /* who lasted so long is started anew at once */
    GW_KEYS_PATIENCE_MS = 30 * 1000
};

struct gw_key_process;

struct gw_key_process_conf {
    const struct gw_config *config; /* for the call */
    struct gw_log *log;             /* NULL: none */
    int64_t patience_ms;            /* for an answer; 0: GW_KEYS_PATIENCE_MS */
    const char *program;            /* another one, borrowed, for tests; NULL: depesched-keys */
};

struct gw_key_process_state {
    pid_t pid;             /* 0: it does not run */
    size_t keys;           /* that it was told to load */
    unsigned restarts;     /* since the start of this process */
    bool confined, locked; /* system calls refused, memory kept out of swap */
    struct error failure;  /* why it does not run */
};

/* Starts it and has everything loaded. A pair that cannot be is no failure here, but of
 * gw_key_process_pair. ST_RETRY, cause GW_R_KEYS_AWAY: it cannot be started. */
MUST_CHECK enum status gw_key_process_new(const struct gw_key_process_conf *conf,
                                          struct gw_key_process **process, struct error *err);
/* After the last key. */
void gw_key_process_free(struct gw_key_process *process);
DROP_DEFINE(gw_key_process_drop, struct gw_key_process, gw_key_process_free)

/* Does it hold this pair, or should it? Not an EC key. */
bool gw_key_process_has(const struct gw_key_process *process, const struct gw_pair_conf *pair);
/*
 * The certificate of a pair that it has, counted (cert_free); NULL where the certificate is in a
 * token. Errors as of reading files, with a cause: GW_R_KEY_UNREADABLE, GW_R_KEY_MISMATCH.
 */
MUST_CHECK enum status gw_key_process_cert(const struct gw_key_process *process,
                                           const struct gw_pair_conf *pair, struct cert **cert,
                                           struct error *err);
/* Its key, which belongs to cert. Errors likewise; ST_INVALID: not RSA. */
MUST_CHECK enum status gw_key_process_key(struct gw_key_process *process,
                                          const struct gw_pair_conf *pair, const struct cert *cert,
                                          struct key **key, struct error *err);
void gw_key_process_look(struct gw_key_process *process, struct gw_key_process_state *state);
