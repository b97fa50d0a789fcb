#include "gateway/pattern.h"

#include <ctype.h>
#include <locale.h>
#include <regex.h>
#include <stdlib.h>

#include "crypto/base/buf.h"
#include "crypto/base/cleanup.h"
#include "gateway/explain.h"

/* ---- globs ---- */

/* Past one character of UTF-8. */
static const char *next(const char *c)
{
    do
        c++;
    while (((unsigned char)*c & 0xc0) == 0x80);
    return c;
}

/* wild: stars of the text are no characters, since they stand for any text. */
static bool fits(const char *glob, const char *text, bool wild)
{
    const char *star = NULL, *again = NULL;

    while (*text != '\0') {
        if (*glob == '*') {
            star = ++glob;
            again = text;
        } else if (*glob == '?' && !(wild && *text == '*')) {
            glob++;
            text = next(text);
        } else if (*glob == *text) {
            glob++;
            text++;
        } else if (star != NULL) {
            glob = star;
            text = again = next(again);
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return *glob == '\0';
}

bool gw_glob_match(const char *glob, const char *text)
{
    return fits(glob, text, false);
}

bool gw_glob_covers(const char *wide, const char *narrow)
{
    return fits(wide, narrow, true);
}

/* ---- regular expressions ---- */

/* Letters as Unicode has them, for this thread, until it ends. */
struct utf8 {
    locale_t made, before;
};

static void utf8_end(struct utf8 *u)
{
    if (u->made == (locale_t)0)
        return;
    (void)uselocale(u->before);
    freelocale(u->made);
}

static enum status utf8_begin(struct utf8 *u, struct error *err)
{
    u->made = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (u->made == (locale_t)0)
        return error_set(err, ST_LIMIT, GW_R_MEMORY, "there is no locale C.UTF-8");
    u->before = uselocale(u->made);
    return ST_OK;
}

/* The bound of "{2,5}", 1 for "{," and the like; regcomp judges the form. */
static unsigned long bound_of(const char *brace)
{
    unsigned long most = 1;

    for (const char *c = brace + 1; *c != '\0' && *c != '}';) {
        char *end;
        unsigned long n = isdigit((unsigned char)*c) ? strtoul(c, &end, 10) : 0;

        if (n > most)
            most = n;
        c = isdigit((unsigned char)*c) ? end : c + 1;
    }
    return most;
}

/* Past a bracket expression, where neither '\' nor '{' means anything. */
static const char *bracket_end(const char *c)
{
    const char *end = c + 1;

    if (*end == '^')
        end++;
    if (*end == ']')
        end++;
    while (*end != '\0' && *end != ']') {
        bool inner = *end == '[' && (end[1] == ':' || end[1] == '.' || end[1] == '=');
        const char *close = inner ? strchr(end + 2, ']') : NULL;

        end = close != NULL ? close + 1 : end + 1;
    }
    return *end == '\0' ? end - 1 : end;
}

static enum status cost_check(const char *regex, struct error *err)
{
    unsigned long repeats = 1;

    if (strlen(regex) > GW_REGEX_MAX)
        return error_set(err, ST_INVALID, 0, "more than %d characters", GW_REGEX_MAX);
    for (const char *c = regex; *c != '\0'; c++) {
        if (*c == '[') {
            c = bracket_end(c);
        } else if (*c == '\\') {
            if (c[1] >= '1' && c[1] <= '9')
                return error_set(err, ST_INVALID, 0, "a reference back (\\%c) is not possible here",
                                 c[1]);
            c += c[1] != '\0';
        } else if (*c == '{') {
            repeats *= bound_of(c);
            if (repeats > GW_REGEX_REPEAT_MAX)
                return error_set(err, ST_INVALID, 0, "its repetitions multiply to more than %d",
                                 GW_REGEX_REPEAT_MAX);
        }
    }
    return ST_OK;
}

static void regex_end(regex_t **regex)
{
    if (*regex != NULL)
        regfree(*regex);
}

/* text ptr NULL: only look whether it can be used. Compiled anew each time: what a compiled one has
 * learnt from strangers' texts stays in it, and would grow. */
static enum status regex_use(const char *regex, const char *text, bool *matches, struct error *err)
{
    AUTO(utf8_end) struct utf8 utf8 = {0};
    AUTO(regex_end) regex_t *compiled = NULL;
    regex_t storage;
    char why[200];
    int rc;

    TRY(cost_check(regex, err));
    TRY(utf8_begin(&utf8, err));
    rc = regcomp(&storage, regex, REG_EXTENDED | REG_NOSUB);
    if (rc == REG_ESPACE)
        return error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    if (rc != 0) {
        (void)regerror(rc, &storage, why, sizeof why);
        return error_set(err, ST_INVALID, 0, "%s", why);
    }
    compiled = &storage;
    if (text == NULL)
        return ST_OK;
    rc = regexec(compiled, text, 0, NULL, 0);
    if (rc == REG_ESPACE)
        return error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory");
    *matches = rc == 0;
    return ST_OK;
}

enum status gw_regex_check(const char *regex, struct error *err)
{
    return regex_use(regex, NULL, NULL, err);
}

/* Length of the character that begins here, 0 when none does. */
static size_t character(struct span s)
{
    uint8_t c = s.ptr[0];
    size_t len = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : 4;

    if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || len > s.len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s.ptr[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

/* cut: its last character may be incomplete. */
static bool is_utf8(struct span s, bool cut)
{
    while (s.len > 0) {
        size_t len = character(s);

        if (len == 0)
            return cut && s.len < 4 && s.ptr[0] >= 0xc2;
        s = span_from(s, len);
    }
    return true;
}

/* A NUL is no character of a text; it stands as U+FFFD. */
static void text_make(struct span text, struct buf *b)
{
    bool utf8 = is_utf8(text, text.len == GW_REGEX_TEXT_MAX);

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];

        if (c == 0) {
            buf_str(b, "\xef\xbf\xbd");
        } else if (c < 0x80 || utf8) {
            buf_char(b, (char)c);
        } else {
            buf_char(b, (char)(0xc0 | c >> 6));
            buf_char(b, (char)(0x80 | (c & 0x3f)));
        }
    }
}

enum status gw_regex_match(const char *regex, struct span text, bool *matches, struct error *err)
{
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, 3 * GW_REGEX_TEXT_MAX + 1);
    text_make(span_sub(text, 0, GW_REGEX_TEXT_MAX), &b);
    TRY(buf_check(&b, err));
    return regex_use(regex, buf_cstr(&b), matches, err);
}
