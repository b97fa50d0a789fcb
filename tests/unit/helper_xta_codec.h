/*
 * helper_xta_codec.h - messages of XTA read and written in tests
 *
 * All of it fails the running test when something is wrong that is not what the test is about.
 */
#pragma once

#include "crypto/base/rng.h"
#include "tests/unit/helper_xta.h"
#include "xta/wire.h"

enum { HELPER_XTA_CONTENTS = 64 };

/* An intake that keeps everything. Zeroed is empty; helper_intake_deinit. */
struct helper_intake {
    struct xta_intake base;
    struct buf contents[HELPER_XTA_CONTENTS];
    size_t count;
    bool open;
    struct sink_buf sink;
};
struct xta_intake *helper_intake_init(struct helper_intake *intake);
void helper_intake_deinit(struct helper_intake *intake);

/* A vector as it comes over HTTP; borrowed from file. */
struct helper_wire {
    struct buf file;
    struct span content_type, body;
};
void helper_wire_load(struct helper_wire *wire, const char *name);
void helper_wire_deinit(struct helper_wire *wire);

/* The index's words. */
enum xta_version helper_xta_version(const char *name);
enum xta_port helper_xta_port(const char *name);
enum xta_operation helper_xta_operation(enum xta_version version, const char *name);
enum xta_exception helper_xta_exception(enum xta_version version, const char *name);

/* Strict, with our schemas and generous limits. */
struct xta_reading helper_xta_reading(enum xta_version version, enum xta_port port,
                                      struct xta_intake *intake);
/* The bytes of a parcel, appended to bytes, which is given a limit when empty. */
void helper_parcel_bytes(const struct xta_parcel *parcel, struct buf *bytes);
