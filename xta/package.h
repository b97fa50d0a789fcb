/*
 * xta/package.h - the parts of an HTTP body: MTOM and XOP
 *
 * A body is either the envelope itself or Multipart/Related with the envelope as its root part,
 * which stands anywhere: `start` names it, otherwise it is the first. The other parts are octets
 * that the envelope refers to by xop:Include; a part nobody refers to is passed over. Parts stay
 * where they are until somebody asks for them.
 *
 * Source: XTA 2 digest 3; RFC 2387, XOP 1.0, MTOM.
 */
#pragma once

#include "crypto/base/mime.h"
#include "xta/tree.h"
#include "xta/wire.h"

struct xta_part {
    struct mime_part mime;
    bool used; /* an Include has referred to it */
};

struct xta_package {
    struct source *body;
    struct arena *arena;
    struct span type; /* Content-Type of HTTP */
    bool multipart;
    struct xta_part *parts;
    size_t count;
    struct xta_part *root; /* NULL: the body itself */
    struct source_part slice;
    struct source_span plain; /* of a root part in base64 */
};

/* body is borrowed for the life of the package. ST_INVALID: no such body, no root part, the frame
 * is broken somewhere; ST_LIMIT: too many parts. */
MUST_CHECK enum status xta_package_open(struct xta_package *package, struct source *body,
                                        struct span content_type, struct arena *arena,
                                        struct error *err);
/* The envelope's bytes; at most max when they have to be decoded. */
MUST_CHECK enum status xta_package_root(struct xta_package *package, uint64_t max,
                                        struct source **root, struct error *err);
/* The part an Include refers to. ST_INVALID: there is none, or it was referred to before. */
MUST_CHECK enum status xta_package_part(struct xta_package *package, struct span href,
                                        struct xta_part **part, struct error *err);
/* Its octets into a sink. */
MUST_CHECK enum status xta_package_write(struct xta_package *package, const struct xta_part *part,
                                         struct sink *sink, struct error *err);
/*
 * All actions that HTTP names, in the places where tool kits put them: SOAPAction, outer
 * Content-Type, start-info, type of the root part. ptr NULL when there is none. ST_INVALID: they
 * contradict each other.
 */
MUST_CHECK enum status xta_package_action(const struct xta_package *package,
                                          struct span soap_action, struct span *action,
                                          struct error *err);

/* Takes base64 off, strictly: white space anywhere, nothing else. */
struct xta_unbase64 {
    struct sink base;
    struct sink *next; /* borrowed */
    struct mime_base64 state;
};
void xta_unbase64_init(struct xta_unbase64 *sink, struct sink *next);
/* ST_INVALID: it ends in the middle. */
MUST_CHECK enum status xta_unbase64_finish(const struct xta_unbase64 *sink, struct error *err);

/* ---- the other way ---- */

/* A content beside the envelope. */
struct xta_part_out {
    struct span content_id; /* without angle brackets */
    struct source *body;    /* borrowed */
};

/* xs:ID prefix and Content-Ids of one envelope come from 16 random bytes. */
struct xta_marks {
    char boundary[64];
    char domain[64]; /* of Content-Ids */
    char id_prefix[XTA_ID_PREFIX_MAX];
    char uuid[48]; /* urn:uuid:... */
};
MUST_CHECK enum status xta_marks_make(struct xta_marks *marks, struct rng *rng, struct error *err);

/* Puts envelope and contents together; everything lives in the arena, bodies are borrowed. */
MUST_CHECK enum status xta_package_seal(const struct xta_marks *marks, struct span envelope,
                                        const char *action, const struct xta_part_out *parts,
                                        size_t count, struct arena *arena,
                                        struct xta_parcel *parcel, struct error *err);
