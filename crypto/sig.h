/*
 * crypto/sig.h - XML Signature as OSCI uses it
 *
 * Writing: the parts are written in canonical form once, digested as they stand, and SignedInfo is
 * signed as it stands; nothing is parsed again (docs/decisions/0002). Reading: SignedInfo and every
 * referenced element go through xmlsec's transforms, and the answer says which nodes and which
 * attachments are covered, by which algorithms. What was not covered was not said.
 *
 * An attachment's digest is made while its bytes pass by and comes in as a value: no signature ever
 * needs an attachment in memory (docs/decisions/0001).
 *
 * Source: OSCI 1.2 digest 6; wire-notes 5 and 6.
 */
#pragma once

#include "crypto/base/rng.h"
#include "crypto/base/xml.h"
#include "crypto/digest.h"
#include "crypto/key.h"

enum { SIG_REFERENCES_MAX = 5000 };
enum sig_transform { SIG_PLAIN, SIG_C14N, SIG_BASE64 };

/* One part to sign; uri is "#id" or "cid:name" unescaped; digest over what the transform gives. */
struct sig_ref {
    struct span uri;
    enum sig_transform transform;
    struct digest_value digest;
};

struct sig_params {
    const struct alg *signature; /* must fit the key */
    const struct policy *policy;
    int64_t now;
};

/*
 * Appends <ds:Signature> with RetrievalMethod to retrieval ("#id"). in_scope is the text of all
 * namespace declarations in scope at that place, canonical order, each with its leading blank; the
 * prefix ds must be among them. One private-key operation.
 */
MUST_CHECK enum status sig_write(struct buf *out, const struct sig_ref *refs, size_t count,
                                 const struct sig_params *params, const struct key *key,
                                 struct span retrieval, const char *in_scope, struct error *err);

/* What a ds:Signature says before anything is checked; spans live in the tree or arena. */
struct sig_reading {
    const xmlNode *signature;
    const struct alg *alg; /* of the value */
    struct span retrieval; /* URI of RetrievalMethod, "#id" */
    struct sig_reading_ref {
        struct span uri;
        enum sig_transform transform;
        const struct alg *digest;
        struct span value; /* decoded DigestValue */
    } * refs;
    size_t count;
};

/*
 * Reads and checks the form: algorithms by policy, one C14N, base64 or no transform, inclusive
 * C14N, RetrievalMethod alone, no reference twice. ST_INVALID 9100 (form), ST_DENIED 9601
 * (algorithm, transform).
 */
MUST_CHECK enum status sig_read(const xmlNode *signature, const struct policy *policy, int64_t now,
                                struct arena *arena, struct sig_reading *reading,
                                struct error *err);

struct sig_attachment {
    struct span cid;     /* without "cid:" */
    const xmlNode *node; /* instead of cid: an element, of whose base64 text these are the octets */
    struct digest_value digest;
};

/* What a good signature covers. */
struct sig_cover {
    const struct sig_reading *reading;
    const struct cert *signer;
    const xmlNode **nodes; /* reading->count of them; NULL where the reference is an attachment */
};

/*
 * Digests first, then the value, with the public key of signer. ids: of the document. attachments:
 * what was digested on its way; an attachment that is not in the list, or was digested with another
 * algorithm, is ST_DENIED 9601, as are all failures; text names the reference. An element that is
 * not in the list is digested here.
 */
MUST_CHECK enum status sig_verify(const struct sig_reading *reading, const struct xml_ids *ids,
                                  const struct sig_attachment *attachments, size_t count,
                                  const struct cert *signer, struct arena *arena,
                                  struct sig_cover *cover, struct error *err);
