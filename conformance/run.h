/*
 * conformance/run.h - one run: settings, keys, evidence, results
 *
 * A role is a list of scenarios (struct conf_scenario). Each exchanges messages with the endpoint
 * and says what it saw with conf_check; a look that cannot be taken is conf_untestable. Every
 * assertion a scenario names and says nothing about becomes a failure when the scenario breaks off,
 * with the error's text as the reason. So a scenario reads from top to bottom with TRY and needs no
 * clearing up of its own.
 *
 * Keys lie in one folder (--keys), as PEM files NAME-signature.pem, NAME-signature.key,
 * NAME-cipher.pem, NAME-cipher.key; of the endpoint under test only the certificates are there. The
 * names the scenarios use:
 *
 *   intermediary   the intermediary: under test, or played by us
 *   originator, addressee, other   clients that we play
 *   client         the client under test
 *   recipient      the passive recipient: under test, or played by us
 *   author, reader further certificates in contents
 *   elliptic       a client with an EC key; misused: one whose certificate may not sign
 *   selector       a client whose mailbox is used for nothing else
 *   revoked        certificates that have been revoked
 *   NAME-tls.pem, NAME-tls.key: who asks an XTA server (xta_letter.h), xta-server itself
 *   silent         of a CA of whose revocations nobody knows
 *   stranger       of a CA that nobody trusts
 *
 * What only the machine's operator can do comes as a hook, a shell command with a name (--hook
 * restart='...'); numbers and paths as a setting (--set dialog_seconds=5). A scenario whose hook or
 * setting is missing says untestable, and which one it was.
 */
#pragma once

#include "conformance/result.h"
#include "crypto/base/buf.h"
#include "crypto/base/rng.h"
#include "crypto/key.h"
#include "crypto/policy.h"

enum { CONF_PARTIES_MAX = 64, CONF_OPTIONS_MAX = 64, CONF_PORTS_MAX = 16 };
enum { CONF_EVIDENCE_MAX = 20000 };
enum { CONF_WIRE_MAX = 256 * 1024 * 1024 };

struct conf_party {
    char name[48];
    struct cert *signature, *cipher;        /* NULL: not there */
    struct key *signature_key, *cipher_key; /* NULL: not ours */
};

struct conf_option {
    const char *name, *value;
};

struct conf_settings {            /* borrowed from the command line */
    const char *urls[CONF_ROLES]; /* of the endpoint; of a client: where it finds us; of a server
                                     of XTA: its first port */
    struct conf_option ports[CONF_PORTS_MAX]; /* of XTA: "v3.send" and its URL */
    size_t port_count;
    const char *keys;        /* folder */
    const char *evidence;    /* folder, or NULL */
    const char *schemas;     /* folder with the official schemas, or NULL */
    const char *xta_schemas; /* likewise of XTA: v3/xta-v3-all.xsd, v5/xta-v5-all.xsd */
    struct conf_option hooks[CONF_OPTIONS_MAX], sets[CONF_OPTIONS_MAX];
    size_t hook_count, set_count;
    unsigned timeout_ms; /* for one exchange */
    const char *only;    /* run only scenarios whose names begin so, or NULL */
};

struct conf_run;
struct xta_schemas; /* xta/schema.h */

struct conf_scenario {
    const char *name; /* "store-and-fetch": part of file names */
    enum status (*run)(struct conf_run *run, struct error *err);
    unsigned char numbers[32]; /* assertions it looks at, ended by 0 */
};

struct conf_scenario_list {
    const struct conf_scenario *scenarios;
    size_t count;
};

struct conf_evidence {
    const struct conf_scenario *scenario;
    enum conf_role role;
    char file[120]; /* below the evidence folder */
    size_t len;
};

struct conf_run {
    const struct conf_settings *settings;
    struct rng *rng;
    struct policy policy; /* of our own reading: everything legacy is read */
    struct conf_results results;
    struct conf_schemas *schemas;       /* NULL: there are none */
    struct xta_schemas *xta_schemas;    /* our own of XTA; NULL: no port of XTA was given */
    struct _xmlSchema *xta_official[2]; /* of V3 and V5, when they were needed */
    struct conf_party parties[CONF_PARTIES_MAX];
    size_t party_count;
    bool role_run[CONF_ROLES];
    enum conf_role role; /* that is running */
    const struct conf_scenario *scenario;
    bool quiet; /* no progress on stderr */
    /* What outlives the scenarios of a role; ended with it. */
    void *role_state;
    void (*role_end)(void *role_state);
    pthread_mutex_t lock;
    struct conf_evidence *evidence;
    size_t evidence_count;
};

MUST_CHECK enum status conf_run_init(struct conf_run *run, const struct conf_settings *settings,
                                     struct error *err);
void conf_run_deinit(struct conf_run *run); /* for AUTO; zeroed is fine */
/* Runs all scenarios, one after the other. */
void conf_run_role(struct conf_run *run, enum conf_role role, const struct conf_scenario *scenarios,
                   size_t count);

/* All scenarios of the role, in whatever files they lie. */
void conf_run_all(struct conf_run *run, enum conf_role role);
/* The role intermediary, whose scenarios lie in several files. */
void conf_run_intermediary(struct conf_run *run);
/* The scenarios of each other role (role_*.c); *count is set. */
const struct conf_scenario *conf_client_scenarios(size_t *count);
const struct conf_scenario *conf_recipient_scenarios(size_t *count);

/* ---- for scenarios ---- */

/* One look at an assertion: passed when good, else failed with that reason. Returns good. */
bool conf_check(struct conf_run *run, unsigned number, bool good, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void conf_untestable(struct conf_run *run, unsigned number, const char *de, const char *en);

/* The party of that name from the key folder; one without files has only NULLs. Never NULL itself;
 * a broken file ends the program. */
const struct conf_party *conf_party(struct conf_run *run, const char *name);
/* NULL when there is none. */
const char *conf_hook(const struct conf_run *run, const char *name);
const char *conf_set(const struct conf_run *run, const char *name);
uint64_t conf_set_number(const struct conf_run *run, const char *name, uint64_t otherwise);
/* So long a peer may take for what it does by itself: --set poll_wait, 60 seconds. */
unsigned conf_patience_ms(const struct conf_run *run);
/* Runs the hook's command with the shell, arguments as $1 and so on, and collects what it prints
 * (out may be NULL). ST_NOT_FOUND: no such hook; ST_RETRY: it ended with another code than 0. */
MUST_CHECK enum status conf_hook_run(struct conf_run *run, const char *name,
                                     const char *const *arguments, size_t count, struct buf *out,
                                     struct error *err);

/* Keeps bytes of an exchange: "request", "answer", "answer-plain". Thread-safe. */
void conf_evidence_add(struct conf_run *run, const char *what, struct span bytes);
/* Milliseconds since 1970. */
int64_t conf_now(void);
void conf_sleep(unsigned ms);
