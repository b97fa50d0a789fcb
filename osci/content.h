/*
 * osci/content.h - contents: signed by the author, encrypted for the readers, and back
 *
 * Sealing happens once in a delivery's life: the container is written, signed and encrypted, the
 * attachments become ciphertext files, and all retries send the same bytes. Opening goes the other
 * way: decrypt, verify, hand out each content together with who signed it.
 *
 * File names: OSCI knows none. A content's Id is "file-" and the name, an attachment's cid the
 * name, both with characters outside [A-Za-z0-9._-] as _xHHHH_ (UTF-16 units), so any reader sees
 * something sensible and ours gives the name back. See docs/decisions/0003-file-names.md.
 *
 * Source: OSCI 1.2 digest 4.5, 6.5, 7.5, 7.6; wire-notes 6, 7.
 */
#pragma once

#include "osci/message.h"

enum { OSCI_INLINE_MAX = 32 * 1024 * 1024, OSCI_CONTENTS_MAX = 2000, OSCI_NESTING_MAX = 8 };
enum { OSCI_CONTAINERS_MAX = 2000, OSCI_AUTHORS_MAX = 32, OSCI_READERS_MAX = 100 };

/* ---- sealing ---- */

struct osci_seal_content {
    struct span name;     /* file name, UTF-8; empty: contentN */
    struct source *bytes; /* borrowed */
    bool attachment;      /* as an attachment; else inline, at most OSCI_INLINE_MAX */
    struct sink *sealed;  /* attachments: where the ciphertext goes */
    struct span sha256;   /* of the bytes; none: whatever they are */
    bool changed;         /* filled by osci_seal: ST_INVALID because they were not those */
    /* filled by osci_seal, attachments only: */
    struct span cid; /* in the arena */
    uint64_t sealed_len;
    struct digest_value sealed_digest; /* SHA-256 of the ciphertext */
};

struct osci_signer {
    const struct key *key;
    const struct cert *cert;
    struct span id; /* of the certificate in the message */
};

/*
 * Contents that belong together. All authors sign each for themselves, over the containers within
 * as well; then it is encrypted for the readers. A container within that has readers is encrypted
 * for them first, so its contents are in cipher twice; it cannot be signed from outside any more,
 * since peers do not agree on the digest of an EncryptedData.
 */
struct osci_seal_container {
    struct osci_seal_content *contents;
    size_t count;
    const struct osci_seal_container *inner; /* at most OSCI_NESTING_MAX within one another */
    size_t inner_count;
    const struct osci_signer *authors; /* none: not signed */
    size_t author_count;
    const struct osci_cert *readers; /* with their Ids; none: not encrypted */
    size_t reader_count;
};

struct osci_seal {
    const struct osci_seal_container *containers;
    size_t count;
    const struct policy *policy;
    int64_t now;
    struct rng *rng;
};

/*
 * Appends the inner XML of the ContentPackage to package. One private-key operation for each author
 * of a container. Sources are read once, one after the other: of each container first its own, and
 * of the outermost containers first those with readers. ST_LIMIT: more than the bounds above;
 * ST_INVALID: two contents of one name, an empty container.
 */
MUST_CHECK enum status osci_seal(const struct osci_seal *in, struct arena *arena,
                                 struct buf *package, struct error *err);

/* Names as they travel, and back. In the arena. */
MUST_CHECK enum status osci_name_encode(struct span name, struct arena *arena, struct span *out,
                                        struct error *err);
MUST_CHECK enum status osci_name_decode(struct span text, struct arena *arena, struct span *name,
                                        struct error *err);

/* ---- opening ---- */

struct osci_author { /* one signature over a container */
    const struct cert *cert;
    const struct alg *alg;
    bool good;           /* digests and value are right; whether to believe cert is the caller's */
    struct span why_not; /* English, when not good */
};

struct osci_opened {  /* one content */
    struct span name; /* decoded: any bytes, may be empty; no file name until it is made safe */
    bool attachment;
    bool encrypted; /* it was for our eyes only */
    uint64_t len;
    struct digest_value sha256;        /* of the clear bytes */
    const struct osci_author *authors; /* of its container and those round it */
    size_t author_count;
    size_t container; /* which of the report; known after ST_OK */
};

struct osci_opened_container {
    struct span id; /* may be empty */
    size_t within;  /* the container round it; OSCI_OUTERMOST */
    bool encrypted; /* it, or one round it */
    const struct osci_author *authors;
    size_t author_count;
};
#define OSCI_OUTERMOST SIZE_MAX

/* Where the bytes go. begin may give NULL to pass a content over; after a failed end, and after
 * osci_open failed, what was written must be thrown away. */
struct osci_open_out {
    enum status (*begin)(struct osci_open_out *self, const struct osci_opened *content,
                         struct sink **sink, struct error *err);
    enum status (*end)(struct osci_open_out *self, const struct osci_opened *content,
                       struct error *err);
};

struct osci_open_report {
    struct osci_opened *contents; /* in the arena */
    size_t count;
    struct osci_opened_container *containers; /* in the arena; outer ones before those within */
    size_t container_count;
    size_t closed; /* EncryptedData that were for others */
};

/*
 * Opens everything that own can open. ST_INVALID 9100: form; ST_DENIED 9202: a ciphertext for us is
 * broken. A bad author signature is no failure: the report says so, and the caller decides.
 * Contents are handed out while they are deciphered, when begin and end know neither digest nor
 * authors; what was written counts only after ST_OK, together with the report. certs of authors are
 * those of the reading.
 */
MUST_CHECK enum status osci_open(const struct osci_reading *reading,
                                 const struct osci_own_cipher *own, size_t own_count,
                                 const struct policy *policy, int64_t now, struct arena *arena,
                                 struct osci_open_out *out, struct osci_open_report *report,
                                 struct error *err);
