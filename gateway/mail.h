/*
 * gateway/mail.h - an e-mail as it goes over the wire: text, then files as attachments
 *
 * A source of its bytes, at any offset, so that nothing is held in memory but the small parts: the
 * attachments are read from their own sources and put into base64 on the way. The same message
 * gives the same bytes each time. Values cannot end a line of the header: text in it is written as
 * encoded words, names of files as RFC 2231 has it, and addresses come from the settings, checked.
 *
 * Source: RFC 5322, RFC 2045 to 2047, RFC 2231.
 */
#pragma once

#include "crypto/base/arena.h"
#include "crypto/base/io.h"

enum { GW_MAIL_FILES_MAX = 1000, GW_MAIL_SUBJECT_MAX = 400 };

struct gw_mail_file {
    const char *name; /* UTF-8 */
    struct source *bytes;
};

/* All borrowed for the life of the mail. */
struct gw_mail_conf {
    const char *from; /* addresses, nothing else */
    const char *const *to;
    size_t to_count;
    const char *subject, *body; /* UTF-8 */
    const char *id;             /* unique, letters, digits, hyphens: the left half of Message-ID */
    int64_t date;               /* ms since 1970 UTC */
    const struct gw_mail_file *files;
    size_t file_count;
};

struct gw_mail_part {
    struct span text;     /* as it is */
    struct source *bytes; /* or these, in base64 */
    uint64_t at, len;     /* in the mail */
};

struct gw_mail {
    struct source base; /* its len is that of the mail */
    struct gw_mail_part *parts;
    size_t count;
};

/* Its small parts live in the arena. ST_LIMIT: too many files. */
MUST_CHECK enum status gw_mail_init(struct gw_mail *mail, const struct gw_mail_conf *conf,
                                    struct arena *arena, struct error *err);
/* So many bytes of s, max at most, that no character is cut. */
size_t gw_mail_whole_chars(struct span s, size_t max);
