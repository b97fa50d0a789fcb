/*
 * osci/record.h - how opaque columns are kept: tag, length, bytes, one behind the other
 *
 * For what the gateway stores without looking inside: parts of deliveries, inspections. One byte of
 * tag, four of length (big-endian), then the bytes. Numbers of tags never change their meaning.
 */
#pragma once

#include "crypto/base/buf.h"

enum osci_record_tag {
    OSCI_RECORD_CHECKS = 1,
    OSCI_RECORD_TEXT = 2,
    OSCI_RECORD_CERT_ROLE = 3,
    OSCI_RECORD_ID = 4,
    OSCI_RECORD_DER = 5,
    OSCI_RECORD_CUSTOM_XML = 6,
};

/* Absent (ptr NULL) and empty are the same. Longer than 4 GiB makes the buf fail. */
void osci_record_add(struct buf *out, enum osci_record_tag tag, struct span bytes);
/* The next one, borrowed. ST_INVALID: cut off. */
MUST_CHECK enum status osci_record_next(struct span *rest, unsigned *tag, struct span *bytes,
                                        struct error *err);
/* The same, of that tag. */
MUST_CHECK enum status osci_record_take(struct span *rest, enum osci_record_tag tag,
                                        struct span *bytes, struct error *err);
