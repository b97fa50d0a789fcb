#include "gateway/mail.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "crypto/base/mime.h"

enum {
    LINE_BYTES = 57, /* in a line of base64 */
    LINE_CHARS = 78, /* such a line, with its end */
    WORD_BYTES = 42, /* in an encoded word, which has at most 75 characters */
    PIECE_MAX = 64 * LINE_BYTES,
    HEAD_MAX = 256 * 1024,
};

/* ---- text in headers ---- */

size_t gw_mail_whole_chars(struct span s, size_t max)
{
    size_t len = s.len < max ? s.len : max;

    while (len > 0 && len < s.len && (s.ptr[len] & 0xc0) == 0x80)
        len--;
    return len > 0 ? len : s.len < max ? s.len : max;
}

/* "Subject: =?UTF-8?B?...?=", folded; always encoded, so nothing in it means anything. */
static void subject_add(struct buf *b, const char *subject)
{
    struct span rest = span_str(subject);

    rest.len = gw_mail_whole_chars(rest, GW_MAIL_SUBJECT_MAX);
    buf_str(b, "Subject:");
    do {
        size_t len = gw_mail_whole_chars(rest, WORD_BYTES);

        buf_str(b, " =?UTF-8?B?");
        buf_base64(b, span_sub(rest, 0, len), 0);
        buf_str(b, "?=\r\n");
        rest = span_from(rest, len);
    } while (rest.len > 0);
}

static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-._", c) != NULL;
}

/* RFC 2231, in pieces: filename*0*=UTF-8''..., each on a line of its own. */
static void filename_add(struct buf *b, const char *name)
{
    unsigned piece = 0;

    buf_str(b, "Content-Disposition: attachment");
    for (const char *c = name; *c != '\0'; piece++) {
        buf_printf(b, ";\r\n filename*%u*=%s", piece, piece == 0 ? "UTF-8''" : "");
        for (unsigned n = 0; *c != '\0' && n < 18; n++, c++) {
            if (is_plain((unsigned char)*c))
                buf_char(b, *c);
            else
                buf_printf(b, "%%%02X", (unsigned)(unsigned char)*c);
        }
    }
    buf_str(b, "\r\n");
}

static void date_add(struct buf *b, int64_t ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm = {.tm_mday = 1, .tm_year = 70};

    (void)gmtime_r(&seconds, &tm);
    buf_printf(b, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday,
               months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* ---- the small parts ---- */

static void head_add(struct buf *b, const struct gw_mail_conf *conf)
{
    const char *host = strrchr(conf->from, '@');

    date_add(b, conf->date);
    buf_printf(b, "From: <%s>\r\n", conf->from);
    for (size_t i = 0; i < conf->to_count; i++)
        buf_printf(b, "%s<%s>", i == 0 ? "To: " : ",\r\n ", conf->to[i]);
    buf_str(b, "\r\n");
    subject_add(b, conf->subject);
    buf_printf(b,
               "Message-ID: <%s%s>\r\nAuto-Submitted: auto-generated\r\nX-Depesche-Id: %s\r\n"
               "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_%s\"\r\n\r\n",
               conf->id, host == NULL ? "@localhost" : host, conf->id, conf->id);
}

static void body_add(struct buf *b, const struct gw_mail_conf *conf)
{
    AUTO(buf_deinit) struct buf lines = {0};
    AUTO(buf_deinit) struct buf text = {0};

    buf_init(&lines, HEAD_MAX);
    buf_init(&text, HEAD_MAX);
    for (const char *c = conf->body; *c != '\0'; c++)
        if (*c != '\r') {
            if (*c == '\n')
                buf_char(&lines, '\r');
            buf_char(&lines, *c);
        }
    buf_base64(&text, buf_span(&lines), 76);
    buf_printf(b,
               "--=_%s\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Content-Transfer-Encoding: base64\r\n\r\n",
               conf->id);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n')
            buf_char(b, '\r');
        buf_char(b, (char)text.ptr[i]);
    }
    b->failed |= lines.failed || text.failed;
    buf_str(b, "\r\n");
}

static void file_head_add(struct buf *b, const struct gw_mail_conf *conf, const char *name)
{
    buf_printf(b,
               "--=_%s\r\nContent-Type: application/octet-stream\r\n"
               "Content-Transfer-Encoding: base64\r\n",
               conf->id);
    filename_add(b, name);
    buf_str(b, "\r\n");
}

static enum status text_push(struct gw_mail *mail, struct buf *b, struct arena *arena,
                             struct error *err)
{
    struct gw_mail_part *part = &mail->parts[mail->count++];

    TRY(buf_check(b, err));
    *part = (struct gw_mail_part){
        .text = arena_span(arena, buf_span(b)), .at = mail->base.len, .len = b->len};
    TRY_ALLOC(part->text.ptr, err);
    mail->base.len += part->len;
    buf_reset(b);
    return ST_OK;
}

/* ---- the source ---- */

/* From a line's beginning on: the octets of whole lines, put into base64. */
static enum status lines_read(const struct gw_mail_part *part, uint64_t line, struct buf *out,
                              struct error *err)
{
    uint8_t bytes[PIECE_MAX];
    size_t got = 0, n = 0;

    while (got < sizeof bytes) {
        TRY(source_read(part->bytes, line * LINE_BYTES + got, bytes + got, sizeof bytes - got, &n,
                        err));
        if (n == 0)
            break;
        got += n;
    }
    for (size_t i = 0; i < got; i += LINE_BYTES) {
        if (i > 0)
            buf_str(out, "\r\n");
        buf_base64(out, span_of(bytes + i, got - i < LINE_BYTES ? got - i : LINE_BYTES), 0);
    }
    if (line * LINE_BYTES + got < part->bytes->len)
        buf_str(out, "\r\n");
    return buf_check(out, err);
}

static enum status part_read(const struct gw_mail_part *part, uint64_t from, void *bytes,
                             size_t cap, size_t *got, struct error *err)
{
    AUTO(buf_deinit) struct buf out = {0};
    struct span s = part->text;

    if (part->bytes != NULL) {
        buf_init(&out, 2 * PIECE_MAX);
        TRY(lines_read(part, from / LINE_CHARS, &out, err));
        s = buf_span(&out);
        from %= LINE_CHARS;
    }
    s = span_sub(span_from(s, (size_t)from), 0, cap);
    if (s.len > 0)
        memcpy(bytes, s.ptr, s.len);
    *got = s.len;
    return ST_OK;
}

static enum status mail_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                             size_t *got, struct error *err)
{
    const struct gw_mail *mail = (const struct gw_mail *)self;

    *got = 0;
    for (size_t i = 0; i < mail->count; i++) {
        const struct gw_mail_part *part = &mail->parts[i];

        if (offset >= part->at && offset < part->at + part->len)
            return part_read(part, offset - part->at, bytes, cap, got, err);
    }
    return ST_OK;
}

enum status gw_mail_init(struct gw_mail *mail, const struct gw_mail_conf *conf, struct arena *arena,
                         struct error *err)
{
    AUTO(buf_deinit) struct buf b = {0};

    if (conf->file_count > GW_MAIL_FILES_MAX)
        return error_set(err, ST_LIMIT, 0, "more than %d files", GW_MAIL_FILES_MAX);
    *mail = (struct gw_mail){.base = {.read = mail_read}};
    mail->parts = arena_array(arena, sizeof *mail->parts, 2 * conf->file_count + 2);
    TRY_ALLOC(mail->parts, err);
    buf_init(&b, HEAD_MAX);
    head_add(&b, conf);
    body_add(&b, conf);
    for (size_t i = 0; i < conf->file_count; i++) {
        const struct gw_mail_file *file = &conf->files[i];

        file_head_add(&b, conf, file->name);
        TRY(text_push(mail, &b, arena, err));
        mail->parts[mail->count++] = (struct gw_mail_part){
            .bytes = file->bytes, .at = mail->base.len, .len = mime_base64_len(file->bytes->len)};
        mail->base.len += mime_base64_len(file->bytes->len);
        buf_str(&b, "\r\n");
    }
    buf_printf(&b, "--=_%s--\r\n", conf->id);
    return text_push(mail, &b, arena, err);
}
