#include "gateway/encoding.h"
#include "gateway/xta_client.h"

#include <stdio.h>
#include <strings.h>

#include "gateway/outbound.h"
#include "gateway/xta_header.h"

enum { XML_MAX = 16 * 1024 * 1024 };

static struct span text(const char *s)
{
    return s == NULL ? SPAN_NONE : span_str(s);
}

static uint64_t size_of(const struct gw_file_list *files)
{
    uint64_t size = 0;

    for (size_t i = 0; i < files->count; i++)
        if (files->rows[i].kind == GW_FILE_PAYLOAD)
            size += files->rows[i].len;
    return size;
}

/* ---- metadata ---- */

static enum status file_read(const struct gw_xta_server_talk *talk, const struct gw_file_row *file,
                             struct buf *bytes, struct error *err)
{
    AUTO(gw_file_source_deinit) struct gw_file_source source = {.fd = -1};

    TRY(gw_outbound_payload(talk->rt, file, &source, err));
    return source_read_all(&source.base, bytes, err);
}

static enum status authors_own(const struct gw_xta_server_talk *talk,
                               const struct gw_file_row *file, struct arena *arena,
                               struct xta_metadata *metadata, struct error *err)
{
    AUTO(buf_deinit) struct buf xml = {0};

    buf_init(&xml, XML_MAX);
    TRY(file_read(talk, file, &xml, err));
    return xta_metadata_read(buf_span(&xml), arena, metadata, err);
}

static enum status party_of(const struct gw_xta_server_talk *talk, const struct gw_message_row *row,
                            struct xta_party *party, struct error *err)
{
    const struct gw_xta_party_conf *we = gw_xta_party_conf(talk->peer, row->endpoint);

    if (we == NULL)
        return error_set(err, ST_DENIED, GW_R_XTA_NO_PARTY, "no party at %s for %s",
                         talk->peer->conf->name, row->endpoint == NULL ? "" : row->endpoint);
    *party = gw_xta_party(we);
    return ST_OK;
}

enum status gw_xta_author_of(const struct gw_xta_server_talk *talk,
                             const struct gw_message_row *row, const struct gw_file_list *files,
                             struct arena *arena, struct xta_party *author, struct error *err)
{
    const struct gw_file_row *file = gw_xta_header_file(files, gw_xta_version(talk->peer));
    struct xta_metadata m = {0};

    if (file == NULL)
        return party_of(talk, row, author, err);
    TRY(authors_own(talk, file, arena, &m, err));
    *author = m.author;
    return ST_OK;
}

/* What the settings say of a message that did not come by XTA. */
static enum status from_settings(const struct gw_xta_server_talk *talk,
                                 const struct gw_message_row *row, struct arena *arena,
                                 struct xta_metadata *m, struct error *err)
{
    const struct gw_partner *partner =
        row->recipient == NULL ? NULL : gw_runtime_partner(talk->rt, row->recipient);
    const struct gw_xta_message_conf *conf;

    if (partner == NULL || partner->conf->reader == NULL)
        return error_set(err, ST_DENIED, GW_R_PARTNER_UNKNOWN, "no reader named %s is configured",
                         row->recipient == NULL ? "" : row->recipient);
    TRY(party_of(talk, row, &m->author, err));
    conf = &partner->conf->xta_message;
    m->reader = gw_xta_party(partner->conf->reader);
    m->service = text(conf->service);
    m->subject = text(row->subject);
    if (conf->scenario != NULL)
        m->scenario = (struct xta_code){text(conf->scenario_list), text(conf->scenario_version),
                                        text(conf->scenario), SPAN_NONE};
    else
        m->scenario_undefined = SPAN("none");
    m->message_type = (struct xta_code){text(conf->type_list), text(conf->type_version),
                                        text(conf->type != NULL          ? conf->type
                                             : row->message_type != NULL ? row->message_type
                                                                         : "message"),
                                        SPAN_NONE};
    m->message_schema = text(conf->schema);
    return gw_xta_time(arena, row->created_at, &m->origin, err);
}

enum status gw_xta_metadata_of(const struct gw_xta_server_talk *talk,
                               const struct gw_message_row *row, const struct gw_file_list *files,
                               struct arena *arena, struct xta_metadata *metadata,
                               struct error *err)
{
    enum xta_version version = gw_xta_version(talk->peer);
    const struct gw_file_row *file = gw_xta_header_file(files, version);
    struct xta_metadata m = {.version = version};

    if (file != NULL)
        TRY(authors_own(talk, file, arena, &m, err));
    else
        TRY(from_settings(talk, row, arena, &m, err));
    /* these are the server's to fill */
    m.sender = (struct xta_party){0};
    m.initial_send = m.delivery = m.initial_fetch = m.reception = SPAN_NONE;
    if (m.size == 0)
        m.size = size_of(files);
    if (m.size == 0)
        m.size = 1; /* version 5 wants a positive number */
    if (version == XTA_V5 && m.quality.ptr == NULL && m.quality_undefined.ptr == NULL)
        m.quality_undefined = SPAN("none");
    *metadata = m;
    return ST_OK;
}

/* ---- contents ---- */

void gw_xta_contents_deinit(struct gw_xta_contents *c)
{
    for (size_t i = 0; i < c->count; i++)
        gw_file_source_deinit(&c->sources[i]);
    buf_deinit(&c->encrypted);
    c->count = 0;
}

/* What a program did not say is told by the name's ending. */
static const char *type_of(const struct gw_file_row *file)
{
    static const struct {
        const char *ending, *type;
    } types[] = {{".xml", "text/xml"},
                 {".txt", "text/plain"},
                 {".pdf", "application/pdf"},
                 {".json", "application/json"},
                 {".zip", "application/zip"}};
    const char *ending = file->name == NULL ? NULL : strrchr(file->name, '.');

    if (file->content_type != NULL && file->content_type[0] != '\0')
        return file->content_type;
    for (size_t i = 0; ending != NULL && i < ARRAY_LEN(types); i++)
        if (strcasecmp(ending, types[i].ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}

/* A file that rotted on our disk must not go out. */
static enum status file_open(const struct gw_xta_server_talk *talk, const struct gw_file_row *file,
                             struct gw_file_source *source, struct error *err)
{
    enum status st = gw_payload_verify(talk->rt->store, file, err);

    if (st == ST_NOT_FOUND || st == ST_INVALID) {
        err->reason = GW_R_STORE_DAMAGED;
        return err->status = ST_DENIED;
    }
    TRY(st);
    return gw_outbound_payload(talk->rt, file, source, err);
}

static enum status content_of(const struct gw_xta_server_talk *talk, struct gw_xta_contents *c,
                              const struct gw_file_row *file, const struct gw_xta_part *part,
                              struct arena *arena, struct error *err)
{
    struct xta_content *content = &c->container.contents[c->container.count];
    struct gw_file_source *source = &c->sources[c->count++];
    char id[32], encoding[GW_ENCODING_SIZE];

    source->fd = -1;
    TRY(file_open(talk, file, source, err));
    /* an id of the author's may meet another in the same envelope; ours cannot: XTA-136 */
    (void)snprintf(id, sizeof id, "content-%zu", c->container.count + 1);
    *content = (struct xta_content){.content_type = text(type_of(file)),
                                    .encoding = part->encoding,
                                    .filename = text(file->name),
                                    .description = part->description,
                                    .lang = part->lang,
                                    .announced = file->len,
                                    .len = file->len,
                                    .body = &source->base};
    if (content->encoding.ptr == NULL) {
        TRY(gw_encoding_guess(content->body, content->content_type, encoding, err));
        content->encoding = arena_span(arena, span_str(encoding));
        TRY_ALLOC(content->encoding.ptr, err);
    }
    if (content->filename.ptr == NULL)
        content->filename = SPAN("message");
    content->id = arena_span(arena, span_str(id));
    TRY_ALLOC(content->id.ptr, err);
    c->container.count++;
    return ST_OK;
}

/* The Message: what was one, else the first. */
static size_t message_at(const struct gw_file_list *files, struct arena *arena)
{
    size_t first = files->count;

    for (size_t i = 0; i < files->count; i++) {
        struct gw_xta_part part;

        if (files->rows[i].kind != GW_FILE_PAYLOAD)
            continue;
        if (gw_xta_part_read(files->rows[i].ref, arena, &part) && part.kind != GW_XTA_ATTACHMENT)
            return i;
        if (first == files->count)
            first = i;
    }
    return first;
}

/* One by one; in version 3 an encrypted content is the container itself. */
static enum status content_add(const struct gw_xta_server_talk *talk, struct gw_xta_contents *c,
                               const struct gw_file_row *file, struct arena *arena,
                               struct error *err)
{
    struct gw_xta_part part = {0};

    (void)gw_xta_part_read(file->ref, arena, &part);
    if (part.kind != GW_XTA_ENCRYPTED || gw_xta_version(talk->peer) != XTA_V3)
        return content_of(talk, c, file, &part, arena, err);
    buf_init(&c->encrypted, XML_MAX);
    TRY(file_read(talk, file, &c->encrypted, err));
    c->container.encrypted = buf_span(&c->encrypted);
    return ST_OK;
}

enum status gw_xta_contents_of(const struct gw_xta_server_talk *talk,
                               const struct gw_file_list *files, struct arena *arena,
                               struct gw_xta_contents *contents, struct error *err)
{
    size_t first = message_at(files, arena);

    contents->sources = arena_array(arena, sizeof *contents->sources, files->count + 1);
    contents->container.contents =
        arena_array(arena, sizeof *contents->container.contents, files->count + 1);
    TRY_ALLOC(contents->sources, err);
    TRY_ALLOC(contents->container.contents, err);
    if (first == files->count)
        return error_set(err, ST_DENIED, GW_R_STORE_DAMAGED, "the message has no content");
    TRY(content_add(talk, contents, &files->rows[first], arena, err));
    contents->container.has_message = contents->container.encrypted.ptr == NULL;
    for (size_t i = 0; i < files->count; i++)
        if (i != first && files->rows[i].kind == GW_FILE_PAYLOAD)
            TRY(content_add(talk, contents, &files->rows[i], arena, err));
    return ST_OK;
}
