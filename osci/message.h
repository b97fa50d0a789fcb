/*
 * osci/message.h - one OSCI message: what it says, read from the wire and written to it
 *
 * struct osci_message is the model of all message types of the one-way message and of the others
 * alike; the table in types.h says which part belongs to which type. Strings are spans in the
 * arena of whoever made the message.
 *
 *   wire ► osci_transport_open ► osci_message_read ► osci_message_verify ► what it says
 *   what to say ► osci_message_write ► osci_writer_next ► wire
 *
 * The reader refuses what breaks the form (9100, 9300); verify decides whether it was said by whom
 * it should be (96xx). Nothing of a message counts before verify, save the ControlBlock, which
 * finds the dialog, and the certificates.
 *
 * Source: OSCI 1.2 digest 2, 3.2, 6.4, 7.3; wire-notes 4, 5, 8, 13.
 */
#pragma once

#include "crypto/base/mime.h"
#include "crypto/cipher.h"
#include "crypto/enc.h"
#include "crypto/sig.h"

#define OSCI_NS "http://www.osci.de/2002/04/osci"
#define OSCI17_NS "http://xoev.de/transport/osci12/7"
#define OSCI128_NS "http://xoev.de/transport/osci12/8"
#define SOAP_NS "http://schemas.xmlsoap.org/soap/envelope/"
#define DS_NS "http://www.w3.org/2000/09/xmldsig#"
#define XENC_NS "http://www.w3.org/2001/04/xmlenc#"
#define XSI_NS "http://www.w3.org/2001/XMLSchema-instance"
/* the five that are in scope at a content package, in canonical order, as text */
#define OSCI_FIVE_NS                                                                               \
    " xmlns:ds=\"" DS_NS "\" xmlns:osci=\"" OSCI_NS "\" xmlns:soap=\"" SOAP_NS                     \
    "\" xmlns:xenc=\"" XENC_NS "\" xmlns:xsi=\"" XSI_NS "\""

enum osci_type {
    OSCI_INIT_DIALOG,
    OSCI_EXIT_DIALOG,
    OSCI_GET_MESSAGE_ID,
    OSCI_STORE_DELIVERY,
    OSCI_FETCH_DELIVERY,
    OSCI_FETCH_PROCESS_CARD,
    OSCI_FORWARD_DELIVERY,
    OSCI_ACCEPT_DELIVERY,
    OSCI_MEDIATE_DELIVERY,
    OSCI_PROCESS_DELIVERY,
    OSCI_PARTIAL_STORE_DELIVERY,
    OSCI_PARTIAL_FETCH_DELIVERY,
    OSCI_RSP_INIT_DIALOG, /* answers in the same order */
    OSCI_RSP_EXIT_DIALOG,
    OSCI_RSP_GET_MESSAGE_ID,
    OSCI_RSP_STORE_DELIVERY,
    OSCI_RSP_FETCH_DELIVERY,
    OSCI_RSP_FETCH_PROCESS_CARD,
    OSCI_RSP_FORWARD_DELIVERY,
    OSCI_RSP_ACCEPT_DELIVERY,
    OSCI_RSP_MEDIATE_DELIVERY,
    OSCI_RSP_PROCESS_DELIVERY,
    OSCI_RSP_PARTIAL_STORE_DELIVERY,
    OSCI_RSP_PARTIAL_FETCH_DELIVERY,
    OSCI_FAULT,
    OSCI_TYPES
};
/* "storeDelivery", "responseToStoreDelivery", ... */
const char *osci_type_name(enum osci_type type);
static inline bool osci_type_is_answer(enum osci_type type)
{
    return type >= OSCI_RSP_INIT_DIALOG && type <= OSCI_RSP_PARTIAL_FETCH_DELIVERY;
}
static inline bool osci_type_is_chunk(enum osci_type type)
{
    return type == OSCI_PARTIAL_STORE_DELIVERY || type == OSCI_PARTIAL_FETCH_DELIVERY ||
           type == OSCI_RSP_PARTIAL_STORE_DELIVERY || type == OSCI_RSP_PARTIAL_FETCH_DELIVERY;
}
static inline enum osci_type osci_answer_type(enum osci_type order)
{
    return (enum osci_type)(order + OSCI_RSP_INIT_DIALOG);
}

/* ConversationId and Challenges are strings of any length within bounds; ptr NULL: absent. */
struct osci_controlblock {
    struct span response, challenge, conversation_id;
    bool has_sequence;
    uint64_t sequence;
};

enum osci_quality { OSCI_QUALITY_NONE, OSCI_QUALITY_PLAIN, OSCI_QUALITY_CRYPTOGRAPHIC };

enum osci_role { /* in the order of the schema */
                 OSCI_CIPHER_ORIGINATOR,
                 OSCI_CIPHER_OTHER_AUTHOR,
                 OSCI_CIPHER_ADDRESSEE,
                 OSCI_CIPHER_OTHER_READER,
                 OSCI_SIGNATURE_ORIGINATOR,
                 OSCI_SIGNATURE_OTHER_AUTHOR,
                 OSCI_SIGNATURE_ADDRESSEE,
                 OSCI_CIPHER_INTERMEDIARY, /* these two in IntermediaryCertificates */
                 OSCI_SIGNATURE_INTERMEDIARY,
                 OSCI_ROLES
};
struct osci_cert {
    enum osci_role role;
    struct span id;    /* its Id, without '#'; empty for writing: made by osci_cert_id */
    struct cert *cert; /* one count is the message's when read, borrowed when written */
};
/* The Id the official library gives: "originator_cipher_" and the fingerprint; authors and readers
 * are numbered. In the arena. */
MUST_CHECK enum status osci_cert_id(enum osci_role role, size_t number, const struct cert *cert,
                                    struct arena *arena, struct span *id, struct error *err);

struct osci_feedback {
    struct span code; /* four digits */
    struct span lang, text;
};

struct osci_time {    /* ptr NULL: absent */
    struct span text; /* xs:dateTime, or base64 of a token */
    bool cryptographic;
    struct span algorithm;
};
enum osci_check { OSCI_CHECK_NONE, OSCI_CHECK_GOOD, OSCI_CHECK_BAD, OSCI_CHECK_INDETERMINATE };
struct osci_inspection {
    struct osci_time timestamp;
    struct span subject, issuer, serial;
    struct span cert_type;                 /* advanced, qualified, accredited, unknown */
    enum osci_check math, offline, online; /* online: NONE: element absent; GOOD ok; BAD revoked */
    struct span online_kind, online_evidence; /* "OCSP", "CRL", "LDAP" or empty; its text */
};
struct osci_card {          /* ProcessCardBundle */
    struct span message_id; /* decoded */
    struct osci_time creation, forwarding, reception;
    struct span recent_modification;
    struct span subject; /* ptr NULL: absent */
    struct osci_inspection *inspections;
    size_t inspection_count;
    bool is_reply; /* ReplyProcessCardBundle of responseToMediateDelivery */
};

enum osci_select { OSCI_SELECT_NONE, OSCI_SELECT_IDS, OSCI_SELECT_RECEPTION, OSCI_SELECT_MODIFIED };
struct osci_selection {
    enum osci_select by;
    struct span *ids; /* decoded */
    size_t id_count;
    struct span date;
    struct span role; /* "Originator", "Addressee" or empty */
    bool no_reception;
    bool has_limit;
    uint64_t limit; /* Quantity */
};

struct osci_features {
    bool present;
    struct span keys[16]; /* unknown ones too */
    size_t key_count;
    uint64_t min_chunk_kb, max_chunk_kb, max_message_kb, chunk_timeout; /* 0: not said */
};

/* Chunk orders and their answers, EFFI; see osci/chunk.h. */
struct osci_chunk_info {
    bool present, info_only;
    uint64_t number, size_kb, total, total_size_kb; /* 0: not said */
    struct span received;                           /* blank-separated, "-1" for none */
};

struct osci_attachment {
    struct span cid;            /* without "cid:" */
    uint64_t len;               /* octets without transfer encoding */
    struct digest_value digest; /* of them; as the message signature refers to it, else SHA-256 */
    struct source *body;        /* writing: the octets, borrowed */
    bool base64;                /* reading: the part is base64 on the wire */
    uint64_t offset, wire_len;  /* reading: where the part lies in the wire source */
};

struct osci_custom {     /* a header block of another namespace, passed on unchanged */
    struct span id, xml; /* canonical text, complete with the namespaces in scope */
};

struct osci_message {
    enum osci_type type;
    struct osci_controlblock control;
    struct span languages; /* requests: blank-separated list */
    enum osci_quality creation, reception;
    struct span message_id; /* decoded; ptr NULL: absent */
    struct span message_id_response;
    struct span subject;      /* ptr NULL: absent */
    struct span receiver_uri; /* ContentReceiver */
    struct osci_selection selection;
    struct osci_feedback *feedback, *inside_feedback;
    size_t feedback_count, inside_feedback_count;
    struct osci_card *cards;
    size_t card_count;
    struct osci_cert *certs;
    size_t cert_count;
    struct osci_features features;
    struct osci_chunk_info chunk;
    struct osci_attachment *attachments;
    size_t attachment_count;
    struct osci_custom *customs;
    size_t custom_count;
    bool has_package;    /* a ContentPackage is there, empty or not */
    struct span package; /* writing: its inner XML; reading: see osci_reading.package */
    struct span fault_code, fault_text; /* OSCI_FAULT: detail/Code, faultstring */
    bool fault_server;                  /* soap:Server */
};

/* First certificate of that role, NULL when there is none. */
const struct osci_cert *osci_cert_of(const struct osci_message *msg, enum osci_role role);
/* The deciding code: of the last entry; empty when there is none. */
struct span osci_feedback_last(const struct osci_message *msg);
/* True when the order was executed: the last code begins with 0 or 3. */
bool osci_executed(const struct osci_message *msg);

struct osci_limits {        /* what a peer may send; zero: the default */
    uint64_t message_bytes; /* of the whole wire */
    uint64_t xml_bytes;     /* of the XML part */
};

/* ---- reading ---- */

/* A cipher certificate of ours with its key; several generations at once. */
struct osci_own_cipher {
    const struct cert *cert;
    const struct key *key;
};

struct osci_transport {
    bool encrypted;
    /* where encrypted: */
    size_t own;                  /* which of ours it was for */
    struct cipher_method method; /* what the peer used */
    const struct alg *key_transport;
};

/*
 * Takes the transport envelope off: the inner message goes to plain. When wire is no envelope,
 * encrypted is false, nothing is written, and wire itself is the message. What was written counts
 * only after ST_OK. ST_INVALID 9100; ST_NOT_FOUND 9200: not for any of ours; ST_DENIED 9202.
 */
MUST_CHECK enum status osci_transport_open(struct source *wire, const struct osci_own_cipher *own,
                                           size_t own_count, const struct policy *policy,
                                           int64_t now, const struct osci_limits *limits,
                                           struct sink *plain, struct osci_transport *transport,
                                           struct error *err);

/* A message read, with everything it stands on. Free with osci_reading_free. */
struct osci_reading {
    struct osci_message msg;
    struct arena arena;
    xmlDoc *doc;
    struct xml_ids *ids;
    struct source *wire;    /* borrowed: attachments lie there */
    const xmlNode *package; /* osci:ContentPackage, NULL when there is none */
    bool is_signed;
    struct sig_reading signature; /* where signed and signature_status is ST_OK */
    enum status signature_status; /* ST_DENIED: a forbidden algorithm or transform, and why: */
    struct error signature_error; /* osci_message_verify gives it back */
    const struct sig_reading_ref **refs; /* of the signature, sorted by URI */
    const xmlNode **blocks; /* all header blocks but the signature block, then the body */
    struct span *block_ids;
    size_t block_count;
};

/*
 * Reads a plain message (after osci_transport_open). wire must outlive the reading. Attachments are
 * digested as they pass by. cache may be NULL. ST_INVALID 9100 (no OSCI message), 9300 (no valid
 * order) or 9400 (a SequenceNumber beyond all numbers); ST_LIMIT 9100. A signature with a forbidden
 * algorithm or transform is read, so that it can be answered; verify refuses it.
 *
 * An order that needs an explicit dialog is read without ConversationId and Response too: the
 * supplier answers it with 9802.
 */
MUST_CHECK enum status osci_message_read(struct source *wire, const struct policy *policy,
                                         int64_t now, struct cert_cache *cache,
                                         const struct osci_limits *limits,
                                         struct osci_reading **reading, struct error *err);
void osci_reading_free(struct osci_reading *reading);
DROP_DEFINE(osci_reading_drop, struct osci_reading, osci_reading_free)

/*
 * Is the whole message, every block, the body and each attachment, signed by whom it should be?
 * pinned: the certificate we know the signer by, NULL: the one of the signer's role in the message;
 * *signer (may be NULL as an argument) is the one that proved good, borrowed. ST_DENIED 9600:
 * unsigned; 9601: wrong; 9602: something is not covered, text names it.
 */
MUST_CHECK enum status osci_message_verify(const struct osci_reading *reading,
                                           const struct cert *pinned, const struct cert **signer,
                                           struct error *err);

/* The octets of attachment i, transfer encoding taken off; to sink. */
MUST_CHECK enum status osci_attachment_copy(const struct osci_reading *reading, size_t i,
                                            struct sink *sink, struct error *err);

/* The same as a source, in the arena, for passing it on; it reads from the reading's wire. Cheap
 * from front to back; going back in a base64 part starts it anew. */
MUST_CHECK enum status osci_attachment_source(const struct osci_reading *reading, size_t i,
                                              struct arena *arena, struct source **source,
                                              struct error *err);

/* The inner XML of the content package as canonical text, fit to stand in another message. */
MUST_CHECK enum status osci_package_text(const struct osci_reading *reading, struct buf *out,
                                         struct error *err);

/* ---- writing ---- */

struct osci_writer; /* gives the wire bytes piece by piece */

/* For peers that cannot read the better form (osci/features.h); zero is the better. */
struct osci_form {
    bool iv16;   /* an IV of 16 bytes in the envelope, without IvLength; else 12 */
    bool base64; /* cipher part and attachments in base64; else as they are */
};

struct osci_write {
    const struct osci_message
        *msg; /* certs, package, attachments: borrowed until the writer is freed */
    const struct key *sign_key; /* NULL: unsigned */
    struct span sign_cert_id;   /* Id of the signer's certificate in msg->certs; empty: by role */
    const struct alg *signature_alg; /* NULL: rsa-sha256, or ecdsa-sha256 by the key */
    const struct cert *encrypt_for;  /* NULL: no transport envelope */
    struct osci_form form;
    const struct policy *policy;
    int64_t now;
    struct rng *rng;
};

/* Writes the XML, signs (one private-key operation) and wraps the session key. Without sign_key and
 * encrypt_for it is the inner message that is cut into chunks (osci/chunk.h). ST_INVALID: text
 * that is no UTF-8, or has characters that XML cannot hold. */
MUST_CHECK enum status osci_message_write(const struct osci_write *in, struct osci_writer **writer,
                                          struct error *err);
void osci_writer_free(struct osci_writer *writer);
DROP_DEFINE(osci_writer_drop, struct osci_writer, osci_writer_free)
/* Exact length of all the bytes to come from the start. */
uint64_t osci_writer_len(const struct osci_writer *writer);
/* Appends at most 64 KiB and says whether that was the end. */
MUST_CHECK enum status osci_writer_next(struct osci_writer *writer, struct buf *out, bool *end,
                                        struct error *err);
/* From the first byte again, the same bytes. */
MUST_CHECK enum status osci_writer_rewind(struct osci_writer *writer, struct error *err);

/* A complete fault, MIME frame included; code "9300", text in English. Never signed or encrypted.
 */
MUST_CHECK enum status osci_fault_write(struct buf *out, const char *code, const char *text,
                                        struct rng *rng, struct error *err);
