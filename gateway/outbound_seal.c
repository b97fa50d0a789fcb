#include "gateway/outbound.h"

#include <stdio.h>

#include "osci/content.h"
#include "osci/custom.h"

enum { INLINE_MAX = 64 * 1024, PACKAGE_MAX = 96 * 1024 * 1024, CONTENTS = 2000 };

/* Opens its file in the stage with the first byte: contents are sealed one after the other. */
struct stage_sink {
    struct sink base;
    struct gw_stage *stage;
    const char *name, *ref;
    struct sink *open;
};

static enum status stage_write(struct sink *self, struct span bytes, struct error *err)
{
    struct stage_sink *s = (struct stage_sink *)self;

    if (s->open == NULL)
        TRY(gw_stage_add(s->stage, GW_FILE_ATTACHMENT, s->name, NULL, s->ref, &s->open, err));
    return sink_write(s->open, bytes, err);
}

/* Closes the file before when the next begins reading: the only sign that it is complete. */
struct chained_source {
    struct source base;
    struct gw_file_source file;
    struct stage_sink *before;
};

static enum status chained_read(struct source *self, uint64_t offset, void *bytes, size_t cap,
                                size_t *got, struct error *err)
{
    struct chained_source *s = (struct chained_source *)self;

    if (s->before != NULL && s->before->open != NULL) {
        s->before->open = NULL;
        TRY(gw_stage_close(s->before->stage, err));
    }
    s->before = NULL;
    return source_read(&s->file.base, offset, bytes, cap, got, err);
}

struct sealing {
    struct arena arena;
    struct osci_seal_content *contents;
    struct chained_source *sources;
    struct stage_sink *sinks;
    size_t count;
};

enum status gw_outbound_payload(const struct gw_runtime *rt, const struct gw_file_row *file,
                                struct gw_file_source *source, struct error *err)
{
    enum status st = gw_payload_open(rt->store, file, source, err);

    if (st != ST_NOT_FOUND)
        return st;
    err->reason = GW_R_STORE_DAMAGED;
    return err->status = ST_DENIED;
}

static bool name_taken(const struct sealing *s, struct span name)
{
    for (size_t i = 0; i < s->count; i++)
        if (span_eq(s->contents[i].name, name))
            return true;
    return false;
}

/* Each content needs a name of its own (docs/decisions/0003); a file may have none, or that of
 * another. The same every time: what is sealed anew is called as before. */
static enum status name_choose(struct sealing *s, const struct gw_file_row *file, const char **name,
                               struct error *err)
{
    AUTO(buf_deinit) struct buf text = {.max = 64 * 1024};
    const char *given = file->name == NULL || file->name[0] == '\0' ? "content" : file->name;

    buf_str(&text, given);
    for (size_t n = 2; name_taken(s, buf_span(&text)); n++) {
        buf_reset(&text);
        buf_printf(&text, "%zu-%s", n, given);
    }
    TRY(buf_check(&text, err));
    *name = arena_str(&s->arena, buf_span(&text));
    TRY_ALLOC(*name, err);
    return ST_OK;
}

static enum status content_add(const struct gw_runtime *rt, struct sealing *s,
                               const struct gw_file_row *file, struct gw_stage *stage,
                               struct error *err)
{
    size_t i = s->count;
    struct osci_seal_content *c = &s->contents[i];
    struct chained_source *source = &s->sources[i];
    struct stage_sink *sink = &s->sinks[i];
    const char *name;
    struct span cid;

    TRY(name_choose(s, file, &name, err));
    source->file.fd = -1;
    s->count++;
    TRY(gw_outbound_payload(rt, file, &source->file, err));
    source->base = (struct source){.read = chained_read, .len = source->file.base.len};
    source->before = i > 0 ? &s->sinks[i - 1] : NULL;
    TRY(osci_name_encode(span_str(name), &s->arena, &cid, err));
    *sink = (struct stage_sink){.base.write = stage_write, .stage = stage, .name = name};
    sink->ref = arena_str(&s->arena, cid);
    TRY_ALLOC(sink->ref, err);
    *c = (struct osci_seal_content){.name = span_str(name),
                                    .bytes = &source->base,
                                    .attachment = file->len > INLINE_MAX,
                                    .sealed = &sink->base,
                                    .sha256 = span_of(file->sha256, sizeof file->sha256)};
    return ST_OK;
}

/* A payload that rotted is a matter of our store. */
static enum status sealing_failed(const struct sealing *s, struct error *err)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->contents[i].changed) {
            err->reason = GW_R_STORE_DAMAGED;
            return err->status = ST_DENIED;
        }
    return err->status;
}

static enum status seal(const struct gw_runtime *rt, const struct gw_parties *parties,
                        const struct gw_file_list *files, struct sealing *s, struct gw_stage *stage,
                        struct error *err)
{
    struct osci_seal_container container = {.authors = parties->authors,
                                            .author_count = parties->author_count,
                                            .readers = parties->readers,
                                            .reader_count = parties->reader_count};
    struct osci_seal in = {.containers = &container,
                           .count = 1,
                           .policy = &rt->policy,
                           .now = gw_now_ms(),
                           .rng = rt->rng};
    AUTO(buf_deinit) struct buf package = {0};

    for (size_t i = 0; i < files->count; i++)
        if (files->rows[i].kind == GW_FILE_PAYLOAD)
            TRY(content_add(rt, s, &files->rows[i], stage, err));
    container.contents = s->contents;
    container.count = s->count;
    buf_init(&package, PACKAGE_MAX);
    if (osci_seal(&in, &s->arena, &package, err) != ST_OK)
        return sealing_failed(s, err);
    for (size_t i = 0; i < s->count; i++)
        if (s->sinks[i].open != NULL)
            TRY(gw_stage_close(stage, err));
    return gw_stage_add_bytes(stage, GW_FILE_SEALED, "package.xml", "text/xml", parties->ref,
                              buf_span(&package), err);
}

enum status gw_outbound_seal(const struct gw_runtime *rt, const struct gw_parties *parties,
                             const struct gw_file_list *files, struct gw_stage *stage,
                             struct error *err)
{
    struct sealing s = {0};
    enum status st;

    if (files->count > CONTENTS)
        return error_set(err, ST_LIMIT, GW_R_LIMIT, "more than %d files in one message", CONTENTS);
    arena_init(&s.arena, 8 * 1024 * 1024);
    s.contents = arena_array(&s.arena, sizeof *s.contents, files->count + 1);
    s.sources = arena_array(&s.arena, sizeof *s.sources, files->count + 1);
    s.sinks = arena_array(&s.arena, sizeof *s.sinks, files->count + 1);
    st = s.contents == NULL || s.sources == NULL || s.sinks == NULL
             ? error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory")
             : seal(rt, parties, files, &s, stage, err);
    for (size_t i = 0; i < s.count; i++)
        gw_file_source_deinit(&s.sources[i].file);
    arena_deinit(&s.arena);
    return st;
}

/* ---- and out again ---- */

void gw_sealed_deinit(struct gw_sealed *d)
{
    for (size_t i = 0; i < d->count; i++)
        gw_file_source_deinit(&d->sources[i]);
    buf_deinit(&d->package);
}

static enum status package_check(const struct gw_file_row *file, struct span bytes,
                                 struct error *err)
{
    struct digest_value value;

    TRY(digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST), bytes, &value, err));
    if (span_eq(digest_span(&value), span_of(file->sha256, sizeof file->sha256)))
        return ST_OK;
    return error_set(err, ST_DENIED, GW_R_STORE_DAMAGED, "%s has changed on disk", file->path);
}

/* Small, whole, and as it was accepted. */
static enum status small_load(const struct gw_runtime *rt, const struct gw_file_row *file,
                              struct buf *bytes, struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};

    TRY(gw_outbound_payload(rt, file, &source, err));
    TRY(source_read_all(&source.base, bytes, err));
    return package_check(file, buf_span(bytes), err);
}

static enum status custom_load(const struct gw_runtime *rt, const struct gw_file_row *file,
                               struct arena *arena, struct gw_sealed *d, struct error *err)
{
    AUTO(buf_deinit) struct buf bytes = {0};
    struct osci_custom *custom = &d->customs[d->custom_count];

    buf_init(&bytes, 4 * OSCI_CUSTOM_BYTES_MAX);
    TRY(small_load(rt, file, &bytes, err));
    custom->id = span_str(file->ref);
    custom->xml = arena_span(arena, buf_span(&bytes));
    TRY_ALLOC(custom->xml.ptr, err);
    d->custom_count++;
    return ST_OK;
}

enum status gw_sealed_load(const struct gw_runtime *rt, const struct gw_file_list *files,
                           struct arena *arena, struct gw_sealed *d, struct error *err)
{
    const struct alg *sha256 = alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST);

    buf_init(&d->package, PACKAGE_MAX);
    d->attachments = arena_array(arena, sizeof *d->attachments, files->count + 1);
    d->sources = arena_array(arena, sizeof *d->sources, files->count + 1);
    d->customs = arena_array(arena, sizeof *d->customs, files->count + 1);
    TRY_ALLOC(d->attachments, err);
    TRY_ALLOC(d->sources, err);
    TRY_ALLOC(d->customs, err);
    for (size_t i = 0; i < files->count; i++) {
        const struct gw_file_row *file = &files->rows[i];
        struct gw_file_source *source = &d->sources[d->count];
        struct osci_attachment *part = &d->attachments[d->count];

        if (file->kind == GW_FILE_SEALED)
            TRY(small_load(rt, file, &d->package, err));
        if (file->kind == GW_FILE_HEADER)
            TRY(custom_load(rt, file, arena, d, err));
        if (file->kind != GW_FILE_ATTACHMENT)
            continue;
        source->fd = -1;
        d->count++;
        TRY(gw_outbound_payload(rt, file, source, err));
        *part = (struct osci_attachment){
            .cid = span_str(file->ref), .len = file->len, .body = &source->base};
        part->digest.alg = sha256;
        part->digest.len = GW_SHA256_BYTES;
        memcpy(part->digest.bytes, file->sha256, GW_SHA256_BYTES);
    }
    return ST_OK;
}
