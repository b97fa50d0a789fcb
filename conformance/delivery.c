#include "conformance/delivery.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { ARENA_MAX = 8 * 1024 * 1024, PACKAGE_MAX = 96 * 1024 * 1024, POLL_MS = 100, DEPTH_MAX = 16 };
#define MARK "Inhalt "
#define INLINE_NAME "inhalt.txt"
#define ATTACHMENT_NAME "anhang.bin"

void conf_marker(struct conf_run *run, char marker[CONF_MARKER_SIZE])
{
    uint8_t chance[12] = {0};
    struct error err = {0};
    AUTO(buf_deinit) struct buf hex = {0};

    if (rng_bytes(run->rng, chance, sizeof chance, &err) != ST_OK)
        abort();
    buf_init(&hex, 64);
    buf_hex(&hex, span_of(chance, sizeof chance));
    (void)snprintf(marker, CONF_MARKER_SIZE, "conf%s", buf_cstr(&hex));
}

void conf_time(char text[CONF_TIME_SIZE])
{
    time_t now = (time_t)(conf_now() / 1000);
    struct tm tm;

    if (gmtime_r(&now, &tm) == NULL ||
        strftime(text, CONF_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        text[0] = '\0';
}

/* ---- contents ---- */

static enum status cert_add(struct conf_delivery *d, enum osci_role role, struct cert *cert,
                            struct error *err)
{
    struct osci_cert *c = &d->certs[d->msg.cert_count++];

    if (cert == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "no certificate for a %s among the keys",
                         role >= OSCI_CIPHER_INTERMEDIARY ? "intermediary" : "party");
    *c = (struct osci_cert){.role = role, .cert = cert};
    return osci_cert_id(role, 0, cert, &d->arena, &c->id, err);
}

/* The marker, and then whatever makes it long enough. */
static void payload_make(const struct conf_delivery *d, uint64_t len, struct buf *out)
{
    buf_printf(out, MARK "%s\n", d->marker);
    while (out->len < len && !out->failed)
        buf_printf(out, "%08zx Zeile eines Anhangs, die gelesen werden kann\n", out->len);
}

static enum status contents_seal(struct conf_run *run, struct conf_delivery *d,
                                 const struct conf_delivery_want *want, struct error *err)
{
    struct source_span sources[2];
    struct sink_buf sink;
    struct osci_cert readers[2];
    AUTO(buf_deinit) struct buf text = {0}, octets = {0};
    struct osci_seal_content contents[2] = {
        {.name = SPAN(INLINE_NAME)},
        {.name = SPAN(ATTACHMENT_NAME), .attachment = true},
    };
    struct osci_signer author;
    struct osci_seal_container container = {.contents = contents,
                                            .count = want->no_attachment ? 1 : 2,
                                            .authors = &author,
                                            .readers = readers};
    struct osci_seal in = {.containers = &container,
                           .count = 1,
                           .policy = &run->policy,
                           .now = conf_now(),
                           .rng = run->rng};

    for (size_t i = 0; i < d->msg.cert_count; i++) {
        enum osci_role role = d->certs[i].role;

        if (!want->clear && (role == OSCI_CIPHER_ADDRESSEE || role == OSCI_CIPHER_OTHER_READER))
            readers[container.reader_count++] = d->certs[i];
        if (!want->unsigned_content && role == OSCI_SIGNATURE_ORIGINATOR) {
            author = (struct osci_signer){want->originator->signature_key,
                                          want->originator->signature, d->certs[i].id};
            container.author_count = 1;
        }
    }
    buf_init(&text, PACKAGE_MAX);
    buf_init(&octets, CONF_WIRE_MAX);
    payload_make(d, 0, &text);
    payload_make(d, want->attachment_bytes, &octets);
    contents[0].bytes = source_span_init(&sources[0], buf_span(&text));
    contents[1].bytes = source_span_init(&sources[1], buf_span(&octets));
    contents[1].sealed = sink_buf_init(&sink, &d->sealed);
    TRY(osci_seal(&in, &d->arena, &d->package, err));
    d->msg.has_package = true;
    d->msg.package = buf_span(&d->package);
    if (want->no_attachment)
        return ST_OK;
    d->attachment = (struct osci_attachment){
        .cid = contents[1].cid, .len = contents[1].sealed_len, .digest = contents[1].sealed_digest};
    d->attachment.body = source_span_init(&d->body, buf_span(&d->sealed));
    d->msg.attachments = &d->attachment;
    d->msg.attachment_count = 1;
    return ST_OK;
}

/* ---- the message ---- */

static bool brought(enum osci_type type)
{
    return type == OSCI_ACCEPT_DELIVERY || type == OSCI_PROCESS_DELIVERY;
}

static enum status certs_fill(struct conf_delivery *d, const struct conf_delivery_want *want,
                              struct error *err)
{
    bool from_intermediary = brought(want->type) || osci_type_is_answer(want->type);

    d->msg.certs = d->certs;
    TRY(cert_add(d, OSCI_CIPHER_ORIGINATOR, want->originator->cipher, err));
    TRY(cert_add(d, OSCI_CIPHER_ADDRESSEE, want->addressee->cipher, err));
    if (want->reader != NULL)
        TRY(cert_add(d, OSCI_CIPHER_OTHER_READER, want->reader->cipher, err));
    TRY(cert_add(d, OSCI_SIGNATURE_ORIGINATOR, want->originator->signature, err));
    if (brought(want->type))
        TRY(cert_add(d, OSCI_CIPHER_INTERMEDIARY, want->intermediary->cipher, err));
    if (from_intermediary)
        TRY(cert_add(d, OSCI_SIGNATURE_INTERMEDIARY, want->intermediary->signature, err));
    return ST_OK;
}

static void card_fill(struct conf_delivery *d, const struct conf_delivery_want *want)
{
    d->card = (struct osci_card){
        .message_id = span_str(d->marker),
        .recent_modification = span_str(d->time),
        .creation = {.text = span_str(d->time)},
        .subject = span_str(want->subject == NULL ? "Konformit\xc3\xa4t" : want->subject)};
    if (brought(want->type) || want->type == OSCI_RSP_FETCH_DELIVERY)
        d->card.forwarding = d->card.creation;
    d->msg.cards = &d->card;
    d->msg.card_count = 1;
}

enum status conf_delivery_make(struct conf_run *run, struct conf_delivery *d,
                               const struct conf_delivery_want *want, struct error *err)
{
    *d = (struct conf_delivery){.msg = {.type = want->type}};
    arena_init(&d->arena, ARENA_MAX);
    buf_init(&d->package, PACKAGE_MAX);
    buf_init(&d->sealed, CONF_WIRE_MAX);
    conf_marker(run, d->marker);
    conf_marker(run, d->challenge);
    conf_time(d->time);
    d->msg.languages = SPAN("de en");
    d->msg.control.challenge = span_str(d->challenge);
    if (brought(want->type) || want->type == OSCI_RSP_FETCH_DELIVERY)
        card_fill(d, want);
    else
        d->msg.message_id = span_str(d->marker);
    TRY(certs_fill(d, want, err));
    return contents_seal(run, d, want, err);
}

void conf_delivery_deinit(struct conf_delivery *d)
{
    arena_deinit(&d->arena);
    buf_deinit(&d->package);
    buf_deinit(&d->sealed);
}

/* ---- what was handed over ---- */

static bool file_has(const char *path, const char *word)
{
    FILE *f = fopen(path, "rb");
    AUTO(buf_deinit) struct buf text = {0};
    uint8_t piece[64 * 1024];
    size_t n;

    if (f == NULL)
        return false;
    buf_init(&text, CONF_WIRE_MAX);
    while ((n = fread(piece, 1, sizeof piece, f)) > 0)
        buf_add(&text, span_of(piece, n));
    (void)fclose(f);
    return span_find(buf_span(&text), span_str(word)) != SIZE_MAX;
}

/* What begins with a dot is still being written. */
static size_t count_below(const char *folder, const char *word, int depth)
{
    DIR *dir = depth > DEPTH_MAX ? NULL : opendir(folder);
    const struct dirent *e;
    char path[4096];
    size_t count = 0;
    struct stat st;

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (stat(path, &st) != 0)
            continue;
        count += S_ISDIR(st.st_mode) ? count_below(path, word, depth + 1) : file_has(path, word);
    }
    if (dir != NULL)
        (void)closedir(dir);
    return count;
}

size_t conf_found(const char *folder, const char *marker)
{
    char word[CONF_MARKER_SIZE + 8];

    (void)snprintf(word, sizeof word, MARK "%s", marker);
    return count_below(folder, word, 0);
}

size_t conf_found_within(const char *folder, const char *marker, size_t count, unsigned ms)
{
    size_t found = conf_found(folder, marker);

    for (unsigned waited = 0; found < count && waited < ms; waited += POLL_MS) {
        conf_sleep(POLL_MS);
        found = conf_found(folder, marker);
    }
    return found;
}
