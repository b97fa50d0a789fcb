/* Deliveries that a client sends in chunks. */
#include <stdio.h>
#include <string.h>

#include "conformance/fake_state.h"
#include "osci/chunk.h"

void fake_transfer_reset(struct fake_transfer *t)
{
    for (size_t i = 0; i < CONF_CHUNKS_MAX; i++)
        buf_deinit(&t->chunks[i]);
    *t = (struct fake_transfer){.total = 0};
}

static void begin(struct fake_transfer *t, const char *id, uint64_t total)
{
    fake_transfer_reset(t);
    (void)snprintf(t->id, sizeof t->id, "%s", id);
    t->total = total;
    for (size_t i = 0; i < CONF_CHUNKS_MAX; i++)
        buf_init(&t->chunks[i], CONF_WIRE_MAX);
}

/* The chunk in this order; false: it is there already. */
static bool keep(struct fake_transfer *t, const struct conf_view *v, uint64_t number)
{
    struct buf *chunk = &t->chunks[number - 1];

    if (chunk->len > 0)
        return false;
    buf_add(chunk, v->frame.parts[1].body);
    return true;
}

/* ---- the whole ---- */

/* OSCI-099: under which MessageId the inner message comes. NULL: it is as it should be. */
static const char *inner_look(struct fake_turn *turn, const struct conf_view *inner,
                              const xmlNode **order, struct buf *id)
{
    struct span outer = span_str(turn->fake->transfer.id);

    *order = conf_view_block(inner, "storeDelivery");
    if (*order == NULL)
        return "the chunks together are no storeDelivery";
    conf_node_bytes(conf_node_below(*order, "MessageId"), id);
    if (span_ends(buf_span(id), SPAN(OSCI_CHUNK_ID_SUFFIX)))
        return "the inner message has " OSCI_CHUNK_ID_SUFFIX " behind its MessageId";
    if (!span_eq(buf_span(id), osci_chunk_inner_id(outer)))
        return "the inner message has another MessageId";
    return NULL;
}

/* All chunks are there. */
static void complete(struct fake_turn *turn)
{
    struct conf_fake *f = turn->fake;
    struct fake_transfer *t = &f->transfer;
    AUTO(buf_deinit) struct buf whole = {0}, id = {0};
    AUTO(conf_view_deinit) struct conf_view inner = {0};
    const xmlNode *order = NULL;
    char *text;
    const char *wrong;

    buf_init(&whole, CONF_WIRE_MAX);
    for (size_t i = 0; i < t->total; i++)
        buf_add(&whole, buf_span(&t->chunks[i]));
    wrong = conf_view_open(&inner, buf_span(&whole), NULL, 0);
    if (wrong == NULL)
        wrong = inner_look(turn, &inner, &order, &id);
    (void)conf_check(f->run, 99, wrong == NULL, "%s", wrong == NULL ? "" : wrong);
    t->completed = true;
    f->completed++;
    (void)snprintf(t->inside, sizeof t->inside, "%s", wrong == NULL ? f->inside : "9100");
    text = arena_str(&turn->arena, buf_span(&id));
    if (t->inside[0] != '9' && text != NULL)
        fake_store(turn, text, order, buf_span(&whole));
}

/* ---- the answer ---- */

static bool whole_here(const struct fake_transfer *t)
{
    size_t here = 0;

    for (size_t i = 0; i < t->total; i++)
        here += t->chunks[i].len > 0;
    return t->total > 0 && here == t->total;
}

static enum status received_fill(struct fake_turn *turn, struct error *err)
{
    const struct fake_transfer *t = &turn->fake->transfer;
    struct osci_chunk_set set;
    AUTO(buf_deinit) struct buf text = {0};

    TRY(osci_chunk_set_init(&set, t->total, &turn->arena, err));
    for (size_t i = 0; i < t->total; i++)
        if (t->chunks[i].len > 0)
            (void)osci_chunk_set_add(&set, i + 1);
    buf_init(&text, OSCI_CHUNKS_TEXT_MAX);
    osci_chunk_set_write(&set, &text);
    TRY(buf_check(&text, err));
    turn->answer.chunk.total = t->total;
    turn->answer.chunk.received = arena_span(&turn->arena, buf_span(&text));
    return ST_OK;
}

enum status fake_chunk_take(struct fake_turn *turn, const char **codes, struct error *err)
{
    const xmlNode *order = conf_view_block(turn->view, turn->seen->type);
    const xmlNode *info = conf_node_below(order, "ChunkInformation");
    struct fake_transfer *t = &turn->fake->transfer;
    uint64_t number = conf_node_number(info, "ChunkNumber");
    uint64_t total = conf_node_number(info, "TotalChunkNumbers");
    bool fresh = true;

    turn->answer.chunk = (struct osci_chunk_info){.present = true, .number = number};
    *codes = "9905";
    if (info != NULL &&
        (number < 1 || number > total || total > CONF_CHUNKS_MAX || turn->view->frame.count != 2))
        return ST_OK;
    if (strcmp(t->id, turn->seen->id) != 0 || (info != NULL && t->total != total))
        begin(t, turn->seen->id, total);
    if (info != NULL)
        fresh = keep(t, turn->view, number);
    if (!t->completed && whole_here(t))
        complete(turn);
    *codes = !fresh ? "9900" : turn->session == NULL ? "0800" : "0801";
    if (t->completed && fresh)
        *codes = t->inside[0] == '9' ? "9950" : turn->session == NULL ? "3950 0800" : "3950 0801";
    if (t->completed)
        TRY(fake_feedback(turn, t->inside, &turn->answer.inside_feedback,
                          &turn->answer.inside_feedback_count, err));
    return received_fill(turn, err);
}
