/*
 * helper_osci.h - the index of the golden vectors, and messages read by it
 */
#pragma once

#include <jansson.h>

#include "osci/message.h"
#include "tests/unit/helper_crypto.h"

/* 2026-11-22, the day after the vectors were recorded */
static const int64_t helper_now = 1795305600000;

/* osci12/index.json; json_decref. */
json_t *helper_index(void);
/* A member that must be there, of any type. */
json_t *helper_member(const json_t *object, const char *name);
const char *helper_text(const json_t *object, const char *name);
/* text equals the JSON string, or is absent (ptr NULL) where it is null or missing. */
bool helper_text_eq(const json_t *json, struct span text);
/* The SHA-256 in hex of the bytes is the JSON string. */
bool helper_sha256_eq(const json_t *json, struct span bytes);
/* Fails the test with err's text when st is not ST_OK. */
void helper_ok(enum status st, const struct error *err);
/* The name in the index of the key whose certificate this is. */
const char *helper_cert_name(const json_t *index, const struct cert *cert);

/* A message on its way in; the bytes stay here as long as the reading. */
struct helper_in {
    struct buf wire, plain;
    struct source_span source;
    struct osci_transport transport;
    struct osci_reading *reading;
};
void helper_in_deinit(struct helper_in *in); /* for AUTO; zeroed is fine */
/* Opens wire, which is filled, with the key of that name (NULL: none), by policy, and reads it. */
enum status helper_read(struct helper_in *in, const char *recipient, const struct policy *policy,
                        struct error *err);
enum status helper_read_own(struct helper_in *in, const struct osci_own_cipher *own,
                            size_t own_count, const struct policy *policy, struct error *err);

/* Takes everything from one text to the other out of wire and puts text in. */
void helper_replace(struct buf *wire, const char *from, const char *to, const char *text);
