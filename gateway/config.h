/*
 * gateway/config.h - the settings of one process
 *
 * One YAML file, read once at start. Its schema is one table (config_schema.c): key, kind, bounds,
 * default and a sentence in both languages for each setting; the reader, check-config, the starter
 * file and the man page all come from it. Unknown and repeated keys are errors with file and line.
 * All findings are collected, so an operator mends them in one go.
 *
 * Everything hangs in one arena and is const for whoever gets it. Paths are absolute afterwards:
 * relative ones count from the folder of the file. Strings that are not set are NULL, lists empty.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/arena.h"
#include "gateway/directory.h"
#include "gateway/explain.h"
#include "gateway/facts.h"
#include "gateway/log.h"
#include "gateway/message.h"

/* A certificate and its key: either two PEM files or one PKCS#12 file; instead of a PEM file a URI
 * of something in a token (gateway/token.h). */
struct gw_pair_conf {
    const char *certificate, *key;
    const char *pkcs12;
    const char *module;          /* the library of the token */
    const char *passphrase_file; /* for either, or the PIN; its first line without the line end */
};

/* From a time on instead of what stands beside it; lists of them have the earliest first. */
struct gw_next_identity_conf {
    int64_t from;                            /* ms since 1970 */
    struct gw_pair_conf *signature, *cipher; /* NULL: as before; one of them at least */
};
struct gw_next_tls_conf {
    int64_t from;
    struct gw_pair_conf *tls;
};
struct gw_next_cipher_conf {
    int64_t from;
    const char *certificate; /* PEM */
};

struct gw_identity_conf {
    struct gw_pair_conf signature, cipher;
    struct gw_pair_conf *older_ciphers; /* still opened with, never written for */
    unsigned older_ciphers_count;
    struct gw_next_identity_conf *next; /* ciphers: opened with already */
    unsigned next_count;
};

/* Whom one believes for one purpose. */
struct gw_trust_store_conf {
    const char **authorities, **intermediates; /* PEM files */
    unsigned authorities_count, intermediates_count;
    const char **pinned; /* PEM: certificates that are believed by themselves */
    unsigned pinned_count;
    const char **policies; /* OIDs, of which a certificate must have one; none: any, or no policy */
    unsigned policies_count;
};

/* At the top, and narrower ones further in: gateway/trust.h. */
struct gw_trust_conf {
    const char **osci; /* PEM files: what has no store of its own */
    const char **tls;  /* the same for TLS; at the top and empty: the system's */
    unsigned osci_count, tls_count;
    struct gw_trust_store_conf *signing, *enciphering, *tls_servers, *xta_clients; /* NULL: none */
    const char *crls;   /* at the top: folder with revocation lists; NULL: nobody is asked */
    bool crls_expected; /* at the top: without a current list a check counts as incomplete */
};

/* An authority that sends and receives (Mandant). What bears its name belongs to it and to nobody
 * else: endpoints, destinations, and with these the partners. */
struct gw_tenant_conf {
    const char *name;
    struct gw_identity_conf identity;
    struct gw_trust_conf *trust; /* NULL: as for all */
};

enum gw_revocation_mode { GW_REVOCATION_OFFLINE, GW_REVOCATION_ONLINE };
enum gw_unknown_conf { GW_UNKNOWN_PASS, GW_UNKNOWN_HOLD };
enum gw_nonce_conf { GW_NONCE_SEND, GW_NONCE_DEMAND, GW_NONCE_NONE };
enum gw_revocation_purpose { GW_REVOCATION_SIGNING, GW_REVOCATION_ENCIPHERING };

/* Where it is otherwise for one purpose. */
struct gw_revocation_purpose_conf {
    enum gw_revocation_purpose purpose;
    enum gw_revocation_mode mode;
    enum gw_unknown_conf when_unknown;
};

/* Who is asked about revocation, and what becomes of whom nobody tells about. */
struct gw_revocation_conf {
    enum gw_revocation_mode mode;
    enum gw_unknown_conf when_unknown;
    enum gw_nonce_conf nonce;
    int64_t timeout_seconds, list_max_mb;
    const char *proxy; /* NULL: none */
    struct gw_revocation_purpose_conf *purposes;
    unsigned purposes_count;
};

struct gw_api_conf {
    const char *socket;
    uint32_t mode;     /* permission bits of the socket */
    const char *owner; /* of the socket, a name or a number; NULL: the daemon's own */
    const char *group;
    const char **admins; /* user names or uids; root and the daemon's own user always are */
    unsigned admins_count;
};

enum gw_dialog_conf { GW_DIALOG_EXPLICIT, GW_DIALOG_IMPLICIT };

/* An intermediary we talk to. */
struct gw_intermediary_conf {
    const char *name;
    const char *tenant;             /* as that of an endpoint */
    const char *url;                /* http:// or https:// */
    const char *cipher_certificate; /* PEM */
    struct gw_next_cipher_conf *next_ciphers;
    unsigned next_ciphers_count;
    const char *signature_certificate;   /* PEM; NULL and no others: any that trust.osci believes */
    const char **signature_certificates; /* PEM; others that are as good */
    unsigned signature_certificates_count;
    struct gw_trust_conf *trust; /* NULL: as its tenant */
    struct gw_pair_conf *tls;    /* our client certificate; NULL: none */
    struct gw_next_tls_conf *next_tls;
    unsigned next_tls_count;
    int64_t poll_seconds, receipt_poll_seconds;
    int64_t timeout_seconds;
    enum gw_dialog_conf dialog;
    bool fetch;             /* we have a mailbox there */
    int64_t fetch_at_once;  /* deliveries that are under way at a time; 1: one by one */
    int64_t chunk_above_kb; /* deliveries larger than this go in chunks */
    int64_t chunk_kb;       /* of this size, within the bounds that it announces */
    bool fetch_chunks;      /* and are fetched so */
};

enum gw_delivery_conf { GW_DELIVER_STORE, GW_DELIVER_FORWARD, GW_DELIVER_MEDIATE };

/* Who somebody is in XTA. */
struct gw_xta_party_conf {
    const char *endpoint; /* for whom we are it; NULL: for all that name no other */
    const char *value;    /* "ags:09162000" */
    const char *scheme, *name, *category;
};

struct gw_xta_urls_conf {
    const char *management, *send, *msgbox; /* version 3 */
    const char *base, *sender, *recipient;  /* version 5 */
};

enum gw_xta_version_conf { GW_XTA_VERSION_3, GW_XTA_VERSION_5 };

/* Somebody else's XTA server, whose client we are. */
struct gw_xta_peer_conf {
    const char *name;
    const char *tenant; /* as that of an endpoint */
    enum gw_xta_version_conf version;
    struct gw_xta_urls_conf urls;
    struct gw_pair_conf *tls; /* our client certificate */
    struct gw_next_tls_conf *next_tls;
    unsigned next_tls_count;
    const char **authorities; /* PEM files, believed for its TLS; empty: trust.tls */
    unsigned authorities_count;
    struct gw_xta_party_conf *parties; /* who we are there */
    unsigned parties_count;
    int64_t poll_seconds, receipt_poll_seconds;
    int64_t connect_seconds, timeout_seconds;
    bool fetch;             /* we have a box there */
    int64_t message_max_mb; /* it takes no more; 0: as its version says */
    bool lookup;            /* it is asked for the service before anything is sent */
};

/* What a message says in XTA that did not come from there. */
struct gw_xta_message_conf {
    const char *service;
    const char *scenario, *scenario_list, *scenario_version;
    const char *type, *type_list, *type_version; /* type NULL: the message's own */
    const char *schema;
};

struct gw_partner_conf {
    const char *name;
    const char *intermediary;         /* its name in intermediaries; or NULL, and ... */
    const char *xta;                  /* ... its name in xta_servers */
    struct gw_xta_party_conf *reader; /* with xta: who the partner is there */
    struct gw_xta_message_conf xta_message;
    enum gw_delivery_conf delivery;
    const char *receiver_url; /* for forward and mediate: where the partner takes deliveries */
    const char *cipher_certificate; /* PEM, deliveries are encrypted for it */
    struct gw_next_cipher_conf *next_ciphers;
    unsigned next_ciphers_count;
    const char **signature_certificates; /* PEM, accepted as authors; empty: any believed one */
    unsigned signature_certificates_count;
    const char **readers; /* PEM, cipher certificates that may read its deliveries, too */
    unsigned readers_count;
    const char **addresses; /* what a route's xpath may find for it: a Leitweg-ID, say */
    unsigned addresses_count;
    struct gw_trust_conf *trust; /* NULL: as its intermediary, or its tenant */
};

/*
 * The first route whose conditions hold decides: files, if set, matches the name, and equals, if
 * set, is what xpath finds. An xpath without equals is no condition: once files matches, it must
 * find an address of a partner (or anything, when partner is named), or the file is refused.
 */
struct gw_route_conf {
    const char *files; /* shell pattern; NULL: any name */
    const char *xpath; /* its string value is compared with equals, or is an address of a partner */
    const char *equals;
    const char *partner; /* NULL: the partner whose addresses hold what xpath found */
    const char *message_type;
    const char *subject;  /* NULL: the message type, else the file name */
    enum gw_way delivery; /* other than the partner's */
};

/* When what lies in out/ is complete: gateway/spool_in.h. */
enum gw_complete_conf {
    GW_COMPLETE_RENAME,
    GW_COMPLETE_SETTLED,
    GW_COMPLETE_MARKER,
    GW_COMPLETE_MANIFEST
};

/* Contents without an author's signature, in a message that the intermediary has signed. */
enum gw_unsigned { GW_UNSIGNED_TAKE, GW_UNSIGNED_QUARANTINE };

struct gw_receives_conf {
    bool by_default; /* takes what no endpoint names */
    enum gw_unsigned unsigned_contents;
    const char **message_types;
    unsigned message_types_count;
};

/* Requests (processDelivery), whose senders wait for the answer. */
struct gw_answers_conf {
    const char **command; /* a program and its arguments, run for each; none: through the API */
    unsigned command_count;
    const char *directory;    /* where it runs; NULL: in the folder of the request */
    int64_t deadline_seconds; /* for the answer */
    int64_t at_once;          /* programs that may run at the same time */
};

/* Instead of the same in "retry"; 0: as there, or as the endpoint says. */
struct gw_own_retry_conf {
    int64_t first_seconds, max_seconds, expire_days;
};

/* A line-of-business program (Fachverfahren). */
struct gw_endpoint_conf {
    const char *name;
    const char *tenant; /* whose it is, by name; NULL after reading only where there is none */
    const char *folder; /* NULL: API only */
    const char **users; /* user names or uids that may use it through the API */
    unsigned users_count;
    enum gw_complete_conf complete;
    int64_t settled_seconds;
    const char *marker; /* the end of a marker's name: ".ready" */
    struct gw_receives_conf receives;
    const char **parties; /* XTA: whose box its inbox is; what names no reader is the first one's */
    unsigned parties_count;
    struct gw_answers_conf *answers; /* NULL: it answers no requests */
    struct gw_pair_conf *authors;    /* sign its contents instead of the tenant */
    unsigned authors_count;
    int64_t payload_days; /* 0: retention.payload_days */
    bool keep_order;      /* of what it sends to the same recipient */
    struct gw_own_retry_conf retry;
    struct gw_route_conf *routes;
    unsigned routes_count;
};

/* One of these must fit: globs (gateway/pattern.h). None: it does not matter. */
struct gw_patterns_conf {
    const char **any;
    unsigned any_count;
};

/* A look into the payload: one of xpath, line and lines. */
struct gw_content_conf {
    const char *xpath;
    int64_t line;                 /* the n-th, from 1 on; 0: not said */
    int64_t lines;                /* any of the first so many; 0: not said */
    const char *equals, *matches; /* neither: xpath must find something */
};

/* What must hold, all of it. */
struct gw_when_conf {
    struct gw_patterns_conf of[GW_FACT_COUNT];
    int64_t larger_kb, smaller_kb; /* 0: not said */
    struct gw_content_conf *content;
    unsigned content_count;
};

enum gw_untransformed { GW_UNTRANSFORMED_HOLD, GW_UNTRANSFORMED_PASS };

/* A second file made of each XML file (gateway/transform.h). */
struct gw_transform_conf {
    const char *stylesheet;
    const char *files;  /* a glob of their names */
    const char *suffix; /* behind the name of the original */
    enum gw_untransformed when_impossible;
};

/*
 * One row of the table of routes (gateway/rule.h). Names in from and to may bear what they are the
 * name of in front: "endpoint:", "partner:", "peer:", "target:".
 */
struct gw_rule_conf {
    const char *name;
    const char **from; /* endpoints (what they send), or partners and peers (what they bring) */
    unsigned from_count;
    struct gw_when_conf when;
    const char **to; /* the first, or while that is down the next */
    unsigned to_count;
    int64_t after_seconds; /* how long one must be down */
    const char *message_type;
    const char *subject;
    enum gw_way delivery;
    struct gw_transform_conf *transform; /* NULL: as it is */
    bool keep_order;                     /* what one endpoint sends to one recipient */
    struct gw_own_retry_conf retry;
    int64_t payload_days; /* 0: as its endpoint says */
};

struct gw_listener_conf {
    const char *address;
    int64_t port; /* 0: any free one, for tests */
    const char *path;
    struct gw_pair_conf *tls; /* NULL: plain HTTP; OSCI protects itself */
    struct gw_next_tls_conf *next_tls;
    unsigned next_tls_count;
};

struct gw_mailbox_conf {
    const char *name;
    const char *cipher_certificate; /* PEM */
};

/* A passive recipient, or several below one URL. */
struct gw_receiver_conf {
    const char *url;          /* exactly this one; ending in '/': all below it */
    const char **authorities; /* PEM files, believed for its TLS; empty: trust.tls */
    unsigned authorities_count;
    struct gw_pair_conf *tls; /* our client certificate; NULL: none */
    struct gw_next_tls_conf *next_tls;
    unsigned next_tls_count;
};

/* Being an intermediary; also one of its tenants, which have a name and no tenants. */
struct gw_osci_server_conf {
    const char *name; /* NULL: the block itself */
    const char *path; /* of a tenant, on the listeners of the block; NULL: its own listeners */
    const char *url;  /* as others reach it; NULL: not said */
    /* After loading NULL only in a block that has tenants and is none itself; else it is that of
     * the process's tenant when not set. */
    struct gw_identity_conf *identity;
    struct gw_trust_conf *trust; /* NULL: as the block around it, or as for all */
    struct gw_listener_conf *listeners;
    unsigned listeners_count;
    bool self_registering; /* whoever speaks to us has a mailbox */
    struct gw_mailbox_conf *mailboxes;
    unsigned mailboxes_count;
    struct gw_receiver_conf *receivers; /* whereto deliveries may be forwarded */
    unsigned receivers_count;
    int64_t forward_seconds; /* of silence, until a receiver counts as gone */
    int64_t forwards_max;    /* under way at the same time */
    bool require_signature, allow_plain;
    int64_t dialog_minutes;
    int64_t message_max_mb;
    int64_t undelivered_days, delivered_days, processcard_days, messageid_days;
    /* large deliveries in chunks */
    int64_t chunk_min_kb, chunk_max_kb;
    int64_t chunked_max_mb;  /* of the whole */
    int64_t chunk_timeout_s; /* then an answer says that the last chunk is being worked on */
    int64_t chunk_days;      /* unfinished ones, and results, since something happened */
    int64_t chunk_transfers, chunk_client_mb; /* unfinished ones of one client */
    /* what may wait to be fetched; 0: no bound. client: from one originator */
    int64_t mailbox_messages, mailbox_mb, client_messages, client_mb;
    struct gw_osci_server_conf *tenants;
    unsigned tenants_count;
};

/* Taking deliveries that intermediaries bring by themselves: a passive recipient. */
struct gw_osci_recipient_conf {
    const char *tenant; /* as that of an endpoint */
    struct gw_listener_conf *listeners;
    unsigned listeners_count;
    bool require_signature, allow_plain;
};

/* The ports of the XTA server, a path each. */
struct gw_xta_v3_paths_conf {
    const char *management, *send, *msgbox;
};
struct gw_xta_v5_paths_conf {
    const char *base, *sender, *recipient, *reader;
};
struct gw_xta_paths_conf {
    struct gw_xta_v3_paths_conf v3;
    struct gw_xta_v5_paths_conf v5;
};

/* HTTPS with client certificates, nothing else. */
struct gw_xta_listener_conf {
    const char *address;
    int64_t port; /* 0: any free one, for tests */
    struct gw_pair_conf *tls;
    struct gw_next_tls_conf *next_tls;
    unsigned next_tls_count;
    const char **client_authorities; /* PEM; empty: trust.tls */
    unsigned client_authorities_count;
    struct gw_xta_paths_conf *paths; /* NULL: those of the server */
};

enum gw_xta_mode { GW_XTA_STRICT, GW_XTA_LENIENT };

/* Whoever presents one of these certificates. */
struct gw_xta_account_conf {
    const char *name;
    const char **certificates; /* PEM, known by fingerprint */
    unsigned certificates_count;
    const char **parties; /* it may act for; each is one of an endpoint */
    unsigned parties_count;
    enum gw_xta_mode mode; /* lenient: takes the deviations of the field */
    bool locked;
    const char **services; /* booked; empty: all */
    unsigned services_count;
};

/* Being an XTA server for line-of-business programs. */
struct gw_xta_server_conf {
    const char *instance; /* in message ids */
    struct gw_xta_listener_conf *listeners;
    unsigned listeners_count;
    struct gw_xta_paths_conf paths;
    const char *url;        /* as programs reach it, for the WSDL; NULL: as they asked */
    int64_t message_max_mb; /* all contents of one message */
    int64_t attachments_max;
    int64_t list_max; /* ids, questions, list entries in one message */
    int64_t sync_seconds;
    int64_t sync_max; /* calls of one account that may wait at the same time */
    const char
        *crls; /* folder with revocation lists of client authorities; NULL: nobody is asked */
    bool accept_foreign_ids;
    struct gw_xta_account_conf *accounts;
    unsigned accounts_count;
};

/* By SMTP; who gets it stands here and nowhere else. */
struct gw_email_conf {
    const char *url;          /* smtp://host[:port] or smtps:// */
    bool starttls;            /* smtp://: only over TLS */
    const char **authorities; /* PEM files, believed for its TLS; empty: trust.tls */
    unsigned authorities_count;
    const char *user, *password_file; /* NULL: it asks for none */
    const char *from;
    const char **to;
    unsigned to_count;
    const char *subject, *body; /* with {subject} and the like; NULL: ours */
    int64_t message_max_mb;     /* as it is sent, in base64 */
};

struct gw_sftp_conf {
    const char *url; /* sftp://host[:port]/folder/, /~/ is the user's own */
    const char *known_hosts;
    const char *user;
    const char *key, *passphrase_file; /* either a private key ... */
    const char *password_file;         /* ... or a password */
    const char *marker;                /* ends the name of an empty file, made last; NULL: none */
};

struct gw_webdav_conf {
    const char *url;          /* https://host[:port]/folder/ */
    const char **authorities; /* PEM files, believed for its TLS; empty: trust.tls */
    unsigned authorities_count;
    const char *user, *password_file; /* NULL: it asks for none */
    const char *marker;
};

/* Where a message may go that is neither OSCI nor XTA; exactly one of the four. */
struct gw_target_conf {
    const char *name;     /* a recipient like a partner */
    const char **command; /* a program and its arguments, run for each message */
    unsigned command_count;
    struct gw_email_conf *email;
    struct gw_sftp_conf *sftp;
    struct gw_webdav_conf *webdav;
    int64_t timeout_seconds; /* a command's whole time; else of silence */
    int64_t at_once;         /* messages on their way there at the same time */
};

/* What the process itself may do (gateway/cage.h), and which algorithms (crypto/policy.h). */
struct gw_security_conf {
    const char *user; /* whom it becomes when root starts it; NULL: nobody else */
    bool seccomp, key_process;
    const char *algorithms; /* a file like share/algorithms.conf; NULL: the one built in */
};

struct gw_calendar_conf {
    const char *mail; /* a target with email, which gets the warnings; NULL: nobody does */
};

struct gw_policy_conf {
    bool read_cbc, read_rsa15;
    int64_t legacy_last_year; /* in which they still hold */
};

struct gw_retention_conf {
    int64_t payload_days, receipt_days, event_days; /* 0: for ever */
};

struct gw_retry_conf {
    int64_t first_seconds, max_seconds, expire_days;
    int64_t overdue_hours; /* without a reception: the partner should be asked */
};

struct gw_limits_conf {
    int64_t memory_kb; /* of a body, before it goes to a file */
    int64_t message_max_mb;
    int64_t connections;             /* open at the same time, of one listener */
    int64_t connections_per_address; /* 0: as many */
    int64_t workers;                 /* threads for XML and crypto; 0: as many as cores */
};

enum gw_too_large { GW_TOO_LARGE_REFUSE, GW_TOO_LARGE_PASS };
enum gw_unscanned { GW_UNSCANNED_HOLD, GW_UNSCANNED_PASS };

/* Who looks for viruses in what is taken in, either of the two. */
struct gw_virus_scan_conf {
    const char **command; /* a program and its arguments, run for each file */
    unsigned command_count;
    const char *clamd;               /* its UNIX socket, or host:port of loopback */
    int64_t timeout_seconds, max_mb; /* of one file */
    enum gw_too_large too_large;
    enum gw_unscanned when_unavailable;
};

struct gw_log_conf {
    enum gw_log_level level;
    enum gw_log_target target;
    const char *file;
};

struct gw_config {
    const char *path;                   /* the file it came from */
    struct span text;                   /* and what stood there */
    const char *state;                  /* folder for everything durable */
    struct gw_tenant_conf *only_tenant; /* as it stands in the file; after reading ... */
    struct gw_tenant_conf *tenants;     /* ... it is here, too */
    unsigned tenants_count;             /* 0: a pure intermediary */
    struct gw_trust_conf trust;
    struct gw_api_conf api;
    struct gw_intermediary_conf *intermediaries;
    unsigned intermediaries_count;
    struct gw_xta_peer_conf *xta_servers;
    unsigned xta_servers_count;
    struct gw_partner_conf *partners;
    unsigned partners_count;
    struct gw_endpoint_conf *endpoints;
    unsigned endpoints_count;
    struct gw_rule_conf *routes;
    unsigned routes_count;
    struct gw_target_conf *targets;
    unsigned targets_count;
    const char *directory;                   /* a file beside this one; NULL: none */
    const struct gw_directory *parties;      /* what it says; NULL: none, or it was not looked at */
    struct gw_osci_server_conf *osci_server; /* NULL: not an intermediary */
    struct gw_osci_recipient_conf *osci_recipient; /* NULL: not a passive recipient */
    struct gw_virus_scan_conf *virus_scan;         /* NULL: nobody does */
    struct gw_xta_server_conf *xta_server;         /* NULL: no XTA server */
    struct gw_security_conf security;
    struct gw_calendar_conf calendar;
    struct gw_revocation_conf revocation;
    struct gw_policy_conf policy;
    struct gw_retry_conf retry;
    struct gw_retention_conf retention;
    struct gw_limits_conf limits;
    struct gw_log_conf log;
};

struct gw_config_finding {
    int code; /* enum gw_reason */
    bool warning;
    const char *file;
    int line;            /* 0: the file as a whole */
    const char *de, *en; /* one sentence */
    const char *action_de, *action_en;
};

enum { GW_CONFIG_FINDINGS_MAX = 100, GW_CONFIG_FILE_MAX = 1024 * 1024 };

/* What reading found, in order of lines; owns its texts. */
struct gw_config_report {
    struct arena arena;
    const char *file; /* that is being read, and after it the settings' */
    struct gw_config_finding findings[GW_CONFIG_FINDINGS_MAX];
    size_t count, errors;
};

void gw_config_report_init(struct gw_config_report *report);
void gw_config_report_deinit(struct gw_config_report *report); /* for AUTO too */
/* "file:line: sentence" and the advice, one finding after the other. */
void gw_config_report_text(const struct gw_config_report *report, enum gw_lang lang, struct buf *b);

/*
 * Reads and checks path with all it names (certificates, keys, folders, users, the directory).
 * ST_OK: no errors, warnings perhaps. ST_INVALID: report says what; err has the first.
 * ST_NOT_FOUND, ST_RETRY: path cannot be read (also in the report).
 */
MUST_CHECK enum status gw_config_load(const char *path, const struct gw_config **config,
                                      struct gw_config_report *report, struct error *err);
/* The same without looking at other files: for users who may not read the keys. */
MUST_CHECK enum status gw_config_peek(const char *path, const struct gw_config **config,
                                      struct gw_config_report *report, struct error *err);
/* The same from memory, without looking at other files. name stands in the findings, and relative
 * paths count from its folder. */
MUST_CHECK enum status gw_config_read(struct span yaml, const char *name,
                                      const struct gw_config **config,
                                      struct gw_config_report *report, struct error *err);
/* What gw_config_load has read from path once (text of a config), with a look at other files. */
MUST_CHECK enum status gw_config_restore(struct span text, const char *path,
                                         const struct gw_config **config,
                                         struct gw_config_report *report, struct error *err);
void gw_config_free(const struct gw_config *config);
DROP_DEFINE(gw_config_drop, const struct gw_config, gw_config_free)

/* By name; NULL when there is none. */
const struct gw_tenant_conf *gw_config_tenant(const struct gw_config *config, const char *name);
/* The only one; NULL when there is none, or several. */
const struct gw_tenant_conf *gw_config_sole_tenant(const struct gw_config *config);
/* Its name: whose events are those about the process as a whole. NULL: nobody's. */
const char *gw_config_sole_name(const struct gw_config *config);
const struct gw_intermediary_conf *gw_config_intermediary(const struct gw_config *config,
                                                          const char *name);
const struct gw_partner_conf *gw_config_partner(const struct gw_config *config, const char *name);
const struct gw_endpoint_conf *gw_config_endpoint(const struct gw_config *config, const char *name);
const struct gw_target_conf *gw_config_target(const struct gw_config *config, const char *name);
/* Whose destination this is, an intermediary or an XTA server; NULL: nobody's, or there is none. */
const char *gw_config_destination_tenant(const struct gw_config *config, const char *name);
/* Whose partner this is: the tenant of its destination. NULL: nobody's, as the settings are wrong.
 */
const char *gw_config_partner_tenant(const struct gw_config *config,
                                     const struct gw_partner_conf *partner);
/* Can both be the same tenant's? NULL is nobody's, and so everybody's. */
bool gw_config_same_tenant(const char *a, const char *b);
/* The endpoint whose box is this party's (without regard to case); NULL when there is none. */
const struct gw_endpoint_conf *gw_config_party(const struct gw_config *config, struct span party);
/* The same, where it is this tenant's. */
const struct gw_endpoint_conf *gw_config_party_of(const struct gw_config *config,
                                                  const char *tenant, struct span party);
/* The partner of this tenant with this address (a Leitweg-ID, say); NULL when there is none. */
const struct gw_partner_conf *gw_config_address(const struct gw_config *config, const char *tenant,
                                                struct span address);
