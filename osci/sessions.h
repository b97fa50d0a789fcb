/*
 * osci/sessions.h - the dialogs that an intermediary holds open
 *
 * An explicit dialog lives in memory from initDialog to exitDialog, a time-out or the end of the
 * process. One request at a time: whoever takes a session has it alone until it is put back or
 * closed. A request belongs to a session when ConversationId, SequenceNumber and Response are
 * right; what was wrong is not said, and the session stays as it was, so that nobody can end a
 * foreign dialog with a replayed message.
 *
 * The table is bounded. Whoever has a certificate of somebody else can open dialogs in his name,
 * but not answer their Challenge; whoever makes certificates of his own can, but nobody believes
 * them. When room is wanted, unproven ones leave first, then those of unbelieved certificates.
 *
 *   open --take--> taken --put--> open        taken --close--> gone        open --idle--> gone
 *
 * Thread-safe. Source: OSCI 1.2 digest 3.4.
 */
#pragma once

#include "crypto/key.h"
#include "osci/message.h"

struct osci_sessions;

enum { OSCI_SESSION_TEXT_MAX = 64, OSCI_MESSAGE_ID_MAX = 256 };

struct osci_sessions_conf {
    size_t max;        /* of all; 0: 4096 */
    size_t client_max; /* of one cipher certificate; 0: 64 */
    int64_t idle_ms;   /* 0: 10 minutes */
};

/* One dialog. Whoever took it owns the two counts; osci_session_deinit. */
struct osci_session {
    char conversation_id[OSCI_SESSION_TEXT_MAX];
    char challenge[OSCI_SESSION_TEXT_MAX]; /* our last, the Response to come */
    uint64_t next_sequence;
    struct cert *cipher, *signature; /* of the client; signature may be NULL */
    bool believed;                   /* the cipher certificate is trusted, or has a mailbox */
    bool encrypted;                  /* initDialog and its answer were: the mailbox is proven */
    uint8_t pending[OSCI_MESSAGE_ID_MAX]; /* MessageId that went out last, reception not proven */
    size_t pending_len;                   /* 0: none */
};
void osci_session_deinit(struct osci_session *s); /* for AUTO too; a zeroed one is fine */

MUST_CHECK enum status osci_sessions_new(const struct osci_sessions_conf *conf,
                                         struct osci_sessions **sessions, struct error *err);
void osci_sessions_free(struct osci_sessions *sessions);
DROP_DEFINE(osci_sessions_drop, struct osci_sessions, osci_sessions_free)

/* A new dialog; the table takes counts of its own. ST_DUPLICATE: the ConversationId is there, draw
 * another; ST_LIMIT: full. */
MUST_CHECK enum status osci_sessions_open(struct osci_sessions *sessions,
                                          const struct osci_session *session, int64_t now,
                                          struct error *err);
/* The session this ControlBlock belongs to, for the caller alone. ST_INVALID 9400. */
MUST_CHECK enum status osci_sessions_take(struct osci_sessions *sessions,
                                          const struct osci_controlblock *control, int64_t now,
                                          struct osci_session *session, struct error *err);
/* Back, as it is now; its time runs anew. Certificates stay those of open. */
void osci_sessions_put(struct osci_sessions *sessions, const struct osci_session *session,
                       int64_t now);
/* Gone, taken or not; an unknown one is fine. */
void osci_sessions_close(struct osci_sessions *sessions, const char *conversation_id);
size_t osci_sessions_count(struct osci_sessions *sessions);
