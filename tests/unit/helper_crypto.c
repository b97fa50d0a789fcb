#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/helper_crypto.h"

#include <fts.h>
#include <stdio.h>

#include "crypto/crypto.h"

int helper_crypto_setup(void **state)
{
    struct error err = {0};

    (void)state;
    return crypto_init(&err) == ST_OK ? 0 : -1;
}

int helper_crypto_teardown(void **state)
{
    (void)state;
    crypto_deinit();
    return 0;
}

void helper_vector(const char *path, struct buf *buf)
{
    char full[1024];
    FILE *f;

    if (buf->max == 0)
        buf_init(buf, 64 * 1024 * 1024);
    (void)snprintf(full, sizeof full, "%s/%s", TEST_VECTORS, path);
    f = fopen(full, "rb");
    if (f == NULL)
        fail_msg("no vector %s", full);
    for (;;) {
        uint8_t piece[16384];
        size_t got = fread(piece, 1, sizeof piece, f);

        if (got == 0)
            break;
        buf_add(buf, span_of(piece, got));
    }
    (void)fclose(f);
    assert_false(buf->failed);
}

static void key_file(const char *name, const char *kind, struct buf *buf)
{
    char path[256];

    (void)snprintf(path, sizeof path, "osci12/keys/%s.%s.pem", name, kind);
    helper_vector(path, buf);
}

struct key *helper_key(const char *name)
{
    AUTO(buf_deinit) struct buf pem = {0};
    struct error err = {0};
    struct key *key = NULL;

    key_file(name, "key", &pem);
    assert_int_equal(key_from_pem(buf_span(&pem), NULL, &key, &err), ST_OK);
    return key;
}

struct cert *helper_cert(const char *name)
{
    AUTO(buf_deinit) struct buf pem = {0};
    struct error err = {0};
    struct cert *cert = NULL;

    key_file(name, "cert", &pem);
    assert_int_equal(cert_from_pem(buf_span(&pem), &cert, &err), ST_OK);
    return cert;
}

struct span helper_xml_part(struct span mime)
{
    static const struct span end_tag = SPAN("Envelope>");
    size_t from = span_find(mime, SPAN("<?xml"));
    struct span xml;
    size_t len = 0, next;

    assert_true(from != SIZE_MAX);
    xml = span_from(mime, from);
    next = span_find(xml, SPAN("\r\n--"));
    if (next != SIZE_MAX)
        xml = span_sub(xml, 0, next);
    for (;;) { /* up to the last end tag */
        next = span_find(span_from(xml, len), end_tag);
        if (next == SIZE_MAX)
            return span_sub(xml, 0, len);
        len += next + end_tag.len;
    }
}

size_t helper_each_vector(const char *dir, const char *ending,
                          void (*visit)(const char *path, void *arg), void *arg)
{
    char root[1024];
    char *roots[] = {root, NULL};
    FTS *fts;
    FTSENT *entry;
    size_t count = 0;

    (void)snprintf(root, sizeof root, "%s/%s", TEST_VECTORS, dir);
    fts = fts_open(roots, FTS_NOCHDIR | FTS_PHYSICAL, NULL);
    assert_non_null(fts);
    while ((entry = fts_read(fts)) != NULL) {
        if (entry->fts_info != FTS_F || !span_ends(span_str(entry->fts_path), span_str(ending)))
            continue;
        visit(entry->fts_path + strlen(TEST_VECTORS) + 1, arg);
        count++;
    }
    (void)fts_close(fts);
    return count;
}
