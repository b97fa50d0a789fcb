/*
 * osci/package.h - canonical XML on its way from one message into another
 *
 * Signatures use inclusive canonical XML, which repeats the namespaces in scope on the topmost
 * element and leaves out those that the parent has already. So text that was canonical in one
 * message must be fitted into the next: these functions rewrite the first start tag alone and touch
 * nothing inside, whose bytes the author has signed.
 *
 * Source: OSCI 1.2 digest 6.5; wire-notes 1.1, 6.
 */
#pragma once

#include "osci/message.h"

/*
 * Appends the content package's children, each canonical where exactly the five namespaces are in
 * scope: declarations equal to one of the five are dropped. Nothing when there is no package.
 * ST_INVALID 9300: something else than elements and white space in it.
 */
MUST_CHECK enum status osci_package_move(const xmlNode *package, struct buf *out,
                                         struct error *err);

/* The same for one canonical element. ST_INVALID 9300: it does not begin with a start tag. */
MUST_CHECK enum status osci_apex_reduce(struct span canonical, struct buf *out, struct error *err);

/*
 * A header block of another namespace: the five are completed in canonical order, so that its text
 * is canonical in an envelope that declares them. A prefix of the five with another meaning stays
 * as it is. In the arena.
 */
MUST_CHECK enum status osci_apex_complete(struct span canonical, struct arena *arena,
                                          struct span *out, struct error *err);
