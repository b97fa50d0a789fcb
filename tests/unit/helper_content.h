/*
 * helper_content.h - contents opened into memory, and looked at one by one
 */
#pragma once

#include "osci/content.h"
#include "tests/unit/helper_osci.h"

enum { HELPER_CONTENTS_MAX = 64, HELPER_KEYS_MAX = 32 };

struct helper_opened {
    struct osci_open_out base;
    struct buf bytes[HELPER_CONTENTS_MAX];
    struct sink_buf sinks[HELPER_CONTENTS_MAX];
    size_t begun, ended;
    bool pass_over; /* begin takes no content */
    struct arena arena;
    struct osci_open_report report;
};
void helper_opened_deinit(struct helper_opened *o); /* for AUTO; zeroed is fine */
/* osci_open, once. On ST_OK bytes and report.contents run in parallel, and what is said of length
 * and digest has been found to be so. */
enum status helper_open(struct helper_opened *o, const struct osci_reading *reading,
                        const struct osci_own_cipher *own, size_t own_count,
                        const struct policy *policy, struct error *err);
/* The content of that name, of which there must be one. */
const struct osci_opened *helper_content(const struct helper_opened *o, const char *name);

/* Several keys with their certificates. */
struct helper_keys {
    struct osci_own_cipher own[HELPER_KEYS_MAX];
    struct cert *certs[HELPER_KEYS_MAX];
    struct key *keys[HELPER_KEYS_MAX];
    size_t count;
};
void helper_keys_deinit(struct helper_keys *k); /* for AUTO; zeroed is fine */
void helper_keys_add(struct helper_keys *k, const char *name);
/* All cipher keys of the vectors. */
void helper_keys_all(struct helper_keys *k, const json_t *index);
