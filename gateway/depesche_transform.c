/*
 * depesche-transform - one stylesheet, one document, one process (gateway/transform.h)
 *
 * On file descriptor 0 the stylesheet, on 3 the document, or nothing: then the stylesheet is only
 * compiled. The result goes to 1, what is to be said of a failure to 2, and how it ended is the
 * exit code (gateway/transform_exit.h). Arguments: what the stylesheet is called, and how many
 * bytes the result may have.
 *
 * Stylesheets are the operator's, documents are anybody's. So this process opens no file, no
 * socket and no other process, has so much memory and so much time, and dies with the one that
 * asked. Where seccomp is there the kernel holds it to that. libxslt is told the same once more.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <libxml/xpath.h>
#include <libxslt/documents.h>
#include <libxslt/security.h>
#include <libxslt/transform.h>
#include <libxslt/xsltInternals.h>
#include <libxslt/xsltutils.h>

#include "crypto/base/sanitized.h"
#include "crypto/base/xml.h"
#include "gateway/confine.h"
#include "gateway/transform_exit.h"

enum { SHEET_FD = 0, RESULT_FD = 1, WORDS_FD = 2, DOCUMENT_FD = 3, DEPTH_MAX = 1000 };
/* so that most that would not end does so everywhere alike; what a step costs is bounded by time */
enum { STEPS_MAX = 10 * 1000 * 1000, XPATH_STEPS_MAX = 50 * 1000 * 1000 };

/* What libxslt says, piece by piece; the first of it is kept, on one line. */
struct words {
    char text[GW_TRANSFORM_WORDS_MAX];
    size_t len;
};

static void __attribute__((format(printf, 2, 3))) words_add(void *ctx, const char *format, ...)
{
    struct words *w = ctx;
    char piece[GW_TRANSFORM_WORDS_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    for (const char *c = piece; *c != '\0' && w->len < sizeof w->text - 1; c++) {
        bool blank = (unsigned char)*c <= ' ';

        if (!blank || (w->len > 0 && w->text[w->len - 1] != ' '))
            w->text[w->len++] = blank ? ' ' : *c;
    }
    w->text[w->len] = '\0';
}

/* libxml2 would write to stderr; libxslt says the same in its own words. */
static void __attribute__((format(printf, 2, 3))) silence(void *ctx, const char *format, ...)
{
    (void)ctx, (void)format;
}

static int ended(const struct words *w, int code)
{
    if (write(WORDS_FD, w->text, w->len) < 0)
        return GW_TRANSFORM_EXIT_OTHER;
    return code;
}

static int ended_by(const struct error *err, int code)
{
    struct words w = {0};

    words_add(&w, "%s", err->text);
    return ended(&w, code);
}

/* ---- what this process may do ---- */

static bool limit(__rlimit_resource_t what, rlim_t max)
{
    const struct rlimit rl = {max, max};

    return setrlimit(what, &rl) == 0;
}

/* No file, and no call but those of who computes, where the machine can hold us to it. */
static bool calls_confine(void)
{
    struct error err = {0};
    enum status st = SANITIZED ? ST_NOT_FOUND : gw_confine_files(&err);

    if (st == ST_OK || st == ST_NOT_FOUND)
        st = SANITIZED ? ST_NOT_FOUND : gw_confine_compute(&err);
    return st == ST_OK || st == ST_NOT_FOUND;
}

/* An address sanitizer wants terabytes of addresses, and calls of its own. */
static bool confine(void)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) &&
           limit(RLIMIT_CPU, GW_TRANSFORM_SECONDS_MAX * (SANITIZED ? 2 : 1)) &&
           (SANITIZED || limit(RLIMIT_AS, (rlim_t)GW_TRANSFORM_MEMORY_MB << 20)) &&
           calls_confine() && limit(RLIMIT_NOFILE, 0);
}

/* libxml2 goes on where memory is missing, with results that are wrong. */
static void *must(void *bytes)
{
    static const struct words words = {"it needs more memory than there is for it", 41};

    if (bytes == NULL)
        _exit(ended(&words, GW_TRANSFORM_EXIT_FAILED));
    return bytes;
}

static void *must_malloc(size_t len)
{
    return must(malloc(len));
}

static void *must_realloc(void *bytes, size_t len)
{
    return must(realloc(bytes, len));
}

static char *must_strdup(const char *text)
{
    return must(strdup(text));
}

/* Nothing is loaded: not by document(), not by xsl:import and xsl:include. */
static xmlDoc *load_nothing(const xmlChar *uri, xmlDict *dict, int options, void *ctx,
                            xsltLoadType type)
{
    (void)uri, (void)dict, (void)options, (void)ctx, (void)type;
    return NULL;
}

static xsltSecurityPrefs *prefs_new(void)
{
    static const xsltSecurityOption all[] = {XSLT_SECPREF_READ_FILE, XSLT_SECPREF_WRITE_FILE,
                                             XSLT_SECPREF_CREATE_DIRECTORY,
                                             XSLT_SECPREF_READ_NETWORK, XSLT_SECPREF_WRITE_NETWORK};
    xsltSecurityPrefs *prefs = xsltNewSecurityPrefs();

    for (size_t i = 0; prefs != NULL && i < ARRAY_LEN(all); i++)
        if (xsltSetSecurityPrefs(prefs, all[i], xsltSecurityForbid) != 0)
            return NULL;
    return prefs;
}

/* ---- reading ---- */

static enum status fd_read(int fd, size_t max, struct buf *b, struct error *err)
{
    buf_init(b, max);
    for (;;) {
        uint8_t bytes[16 * 1024];
        ssize_t n = read(fd, bytes, sizeof bytes);

        if (n < 0)
            return error_set(err, ST_RETRY, 0, "%s", strerror(errno));
        if (n == 0)
            return buf_check(b, err);
        buf_add(b, span_of(bytes, (size_t)n));
    }
}

static enum status doc_read(int fd, size_t max, xmlDoc **doc, struct error *err)
{
    AUTO(buf_deinit) struct buf bytes = {0};

    TRY(fd_read(fd, max, &bytes, err));
    return xml_parse(buf_span(&bytes), doc, err);
}

/* NULL: code is the exit code. */
static xsltStylesheet *sheet_read(const char *name, int *code)
{
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;
    struct words words = {0};
    struct error err = {0};
    xsltStylesheet *sheet;

    if (doc_read(SHEET_FD, GW_TRANSFORM_SHEET_MAX, &doc, &err) != ST_OK) {
        *code = ended_by(&err, GW_TRANSFORM_EXIT_SHEET);
        return NULL;
    }
    doc->URL = xmlStrdup(BAD_CAST name); /* for its words */
    xsltSetGenericErrorFunc(&words, words_add);
    sheet = xsltParseStylesheetDoc(doc);
    xsltSetGenericErrorFunc(NULL, silence);
    if (sheet != NULL)
        doc = NULL; /* its own now */
    if (sheet == NULL || sheet->errors > 0) {
        *code = ended(&words, GW_TRANSFORM_EXIT_SHEET);
        return NULL;
    }
    return sheet;
}

/* ---- writing ---- */

struct outlet {
    unsigned long long len, max;
};

static int outlet_write(void *ctx, const char *bytes, int len)
{
    struct outlet *o = ctx;
    int done = 0;

    o->len += (unsigned)len;
    while (o->len <= o->max && done < len) {
        ssize_t n = write(RESULT_FD, bytes + done, (size_t)(len - done));

        if (n < 0)
            return -1;
        done += (int)n;
    }
    return done == len ? len : -1;
}

static int save(xmlDoc *result, xsltStylesheet *sheet, unsigned long long max, struct words *words)
{
    struct outlet outlet = {.max = max};
    xmlOutputBuffer *buffer = xmlOutputBufferCreateIO(outlet_write, NULL, &outlet, NULL);
    int saved = buffer == NULL ? -1 : xsltSaveResultTo(buffer, result, sheet);

    if (buffer != NULL && xmlOutputBufferClose(buffer) >= 0 && saved >= 0)
        return GW_TRANSFORM_EXIT_GOOD;
    if (outlet.len > outlet.max)
        words_add(words, "the result is larger than %llu bytes", max);
    return ended(words, GW_TRANSFORM_EXIT_FAILED);
}

/* ---- one document ---- */

static int apply(xsltStylesheet *sheet, xmlDoc *doc, unsigned long long max)
{
    struct words words = {0};
    xsltSecurityPrefs *prefs = prefs_new();
    xsltTransformContext *ctxt = xsltNewTransformContext(sheet, doc);
    xmlDoc *result;

    if (prefs == NULL || ctxt == NULL || xsltSetCtxtSecurityPrefs(prefs, ctxt) != 0)
        return GW_TRANSFORM_EXIT_OTHER;
    xsltSetTransformErrorFunc(ctxt, &words, words_add);
    xsltSetGenericErrorFunc(&words, words_add);
    ctxt->maxTemplateDepth = DEPTH_MAX;
    ctxt->opLimit = STEPS_MAX;
    ctxt->xpathCtxt->opLimit = XPATH_STEPS_MAX;
    result = xsltApplyStylesheetUser(sheet, doc, NULL, NULL, NULL, ctxt);
    if (result == NULL || ctxt->state != XSLT_STATE_OK)
        return ended(&words, GW_TRANSFORM_EXIT_FAILED);
    return save(result, sheet, max, &words);
} /* and then the process ends: nobody uses words any more */

static int work(const char *name, const char *max)
{
    xmlDoc *doc = NULL;
    struct error err = {0};
    int code = GW_TRANSFORM_EXIT_OTHER;
    xsltStylesheet *sheet = sheet_read(name, &code);

    if (sheet == NULL)
        return code;
    if (lseek(DOCUMENT_FD, 0, SEEK_SET) < 0)
        return GW_TRANSFORM_EXIT_GOOD;
    if (doc_read(DOCUMENT_FD, GW_TRANSFORM_XML_MAX, &doc, &err) != ST_OK)
        return ended_by(&err, GW_TRANSFORM_EXIT_DOCUMENT);
    return apply(sheet, doc, strtoull(max, NULL, 10));
}

/* What was allocated goes with the process, and nobody counts it. */
int main(int argc, char **argv)
{
    if (argc != 3 || !confine() || xmlMemSetup(free, must_malloc, must_realloc, must_strdup) != 0)
        _exit(GW_TRANSFORM_EXIT_OTHER);
    xmlSetGenericErrorFunc(NULL, silence);
    xsltInit();
    xsltSetLoaderFunc(load_nothing);
    _exit(work(argv[1], argv[2]));
}
