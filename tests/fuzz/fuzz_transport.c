/*
 * A transport envelope, or what claims to be one, opened with two of the vectors' keys. What was
 * opened is read as a message; nothing may be written where there is no envelope.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "osci/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { OUT_MAX = 4 * 1024 * 1024, PEM_MAX = 20000 };

static struct osci_own_cipher own[2];

static struct span pem_read(const char *name, const char *kind, char text[PEM_MAX])
{
    char path[1024];
    size_t len;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/osci12/keys/%s.%s.pem", TEST_VECTORS, name, kind);
    f = fopen(path, "rb");
    if (f == NULL)
        abort();
    len = fread(text, 1, PEM_MAX, f);
    (void)fclose(f);
    return span_of(text, len);
}

__attribute__((constructor)) static void start(void)
{
    static const char *const names[] = {"intermediary-cipher-2048", "originator-cipher-2048"};
    struct error err = {0};

    if (crypto_init(&err) != ST_OK)
        abort();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct cert *cert = NULL;
        struct key *key = NULL;
        char text[PEM_MAX];

        if (key_from_pem(pem_read(names[i], "key", text), NULL, &key, &err) != ST_OK ||
            cert_from_pem(pem_read(names[i], "cert", text), &cert, &err) != ST_OK)
            abort();
        own[i] = (struct osci_own_cipher){cert, key};
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const struct policy policy = {.read_cbc = len % 2 == 0, .read_rsa15 = len % 2 == 0};
    AUTO(osci_reading_drop) struct osci_reading *reading = NULL;
    AUTO(buf_deinit) struct buf plain = {0};
    struct osci_transport transport;
    struct source_span source;
    struct sink_buf sink;
    struct error err = {0};
    int64_t now = INT64_C(1780000000000);

    buf_init(&plain, OUT_MAX);
    if (osci_transport_open(source_span_init(&source, span_of(bytes, len)), own, ARRAY_LEN(own),
                            &policy, now, NULL, sink_buf_init(&sink, &plain), &transport,
                            &err) != ST_OK) {
        assert(err.status != ST_OK);
        return 0;
    }
    assert(transport.encrypted || plain.len == 0);
    if (transport.encrypted)
        (void)!osci_message_read(source_span_init(&source, buf_span(&plain)), &policy, now, NULL,
                                 NULL, &reading, &err);
    return 0;
}
