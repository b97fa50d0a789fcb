/* What every order of a client is looked at for. */
#include <stdio.h>
#include <string.h>

#include "conformance/fake_state.h"
#include "conformance/looks.h"
#include "crypto/base/xml.h"
#include "osci/chunk.h"

/* ---- OSCI-043, 044 ---- */

static const struct conf_seen *before(const struct conf_fake *f, const struct conf_seen *seen)
{
    for (size_t i = f->seen_count; i-- > 0;)
        if (strcmp(f->seen[i].our_conversation, seen->conversation) == 0)
            return &f->seen[i];
    return NULL;
}

static bool challenge_fresh(const struct conf_fake *f, const struct conf_seen *seen)
{
    for (size_t i = 0; i < f->seen_count; i++)
        if (strcmp(f->seen[i].challenge, seen->challenge) == 0)
            return false;
    return seen->challenge[0] != '\0';
}

/* The same bytes again on a new connection, where the one they went out on was dead: that is HTTP's
 * doing, and no order of its own. Orders of other dialogs may have come between. */
static bool repeated(const struct conf_fake *f, const struct conf_seen *seen)
{
    for (size_t i = f->seen_count; i-- > 0;)
        if (strcmp(f->seen[i].conversation, seen->conversation) == 0)
            return strcmp(f->seen[i].challenge, seen->challenge) == 0 &&
                   f->seen[i].sequence == seen->sequence;
    return false;
}

static void dialog_look(struct fake_turn *turn)
{
    struct conf_run *run = turn->fake->run;
    const struct conf_seen *seen = turn->seen, *last;

    if (seen->conversation[0] == '\0') {
        if (strcmp(seen->type, "initDialog") != 0)
            (void)conf_check(run, 43, seen->sequence == 0 && seen->response[0] == '\0',
                             "%s outside a dialog with SequenceNumber %lld and %s Response",
                             seen->type, (long long)seen->sequence,
                             seen->response[0] == '\0' ? "no" : "a");
        return;
    }
    last = before(turn->fake, seen);
    if (last == NULL || repeated(turn->fake, seen))
        return;
    (void)conf_check(run, 44, strcmp(seen->response, last->our_challenge) == 0,
                     "the Response of %s is not our last Challenge", seen->type);
    (void)conf_check(run, 44, seen->sequence == last->sequence + 1,
                     "SequenceNumber %lld of %s after %lld", (long long)seen->sequence, seen->type,
                     (long long)last->sequence);
    (void)conf_check(run, 44, challenge_fresh(turn->fake, seen), "the Challenge of %s is not fresh",
                     seen->type);
}

/* ---- OSCI-052, 054, 055 ---- */

static size_t qualities(const struct conf_view *v, const char *service)
{
    const xmlNode *header = xml_child(xml_root(v->doc), SOAP_NS, "Header");
    size_t count = 0;
    char text[64];

    for (const xmlNode *n = header == NULL ? NULL : xml_first(header); n != NULL; n = xml_next(n))
        if (strcmp((const char *)n->name, "QualityOfTimestamp") == 0)
            count += strcmp(conf_node_attr(n, "Service", text, sizeof text), service) == 0;
    return count;
}

static void delivery_look(struct fake_turn *turn)
{
    struct conf_run *run = turn->fake->run;
    const struct conf_seen *seen = turn->seen;
    const xmlNode *order = conf_view_block(turn->view, seen->type);

    if (strcmp(seen->type, "storeDelivery") == 0) {
        size_t creation = qualities(turn->view, "creation");
        size_t reception = qualities(turn->view, "reception");

        (void)conf_check(run, 54, creation == 1 && reception == 1,
                         "%zu QualityOfTimestamp of creation, %zu of reception", creation,
                         reception);
        (void)conf_check(run, 52, strncmp(seen->id, "n\xc3\xbcmmer-", 8) == 0,
                         "MessageId is not the one given, in base64");
    }
    if (strcmp(seen->type, "mediateDelivery") == 0 && seen->id[0] == '\0')
        (void)conf_check(run, 55,
                         qualities(turn->view, "creation") + qualities(turn->view, "reception") ==
                                 0 &&
                             conf_node_below(order, "Subject") == NULL,
                         "mediateDelivery without MessageId, but with its company");
}

/* ---- OSCI-098, 099 ---- */

static void chunk_look(struct fake_turn *turn)
{
    struct conf_run *run = turn->fake->run;
    const struct conf_seen *seen = turn->seen;

    if (strcmp(seen->type, "partialStoreDelivery") != 0)
        return;
    (void)conf_check(
        run, 98, qualities(turn->view, "creation") == 1 && qualities(turn->view, "reception") == 0,
        "not one QualityOfTimestamp, of creation");
    if (conf_node_below(conf_view_block(turn->view, seen->type), "ChunkInformation") != NULL)
        conf_look_chunk(run, turn->view);
    (void)conf_check(run, 99, span_ends(span_str(seen->id), SPAN(OSCI_CHUNK_ID_SUFFIX)),
                     "a chunk's MessageId without " OSCI_CHUNK_ID_SUFFIX);
    (void)conf_check(run, 99, strncmp(seen->id, "n\xc3\xbcmmer-", 8) == 0,
                     "a chunk's MessageId is not the one given");
}

void fake_order_look(struct fake_turn *turn)
{
    conf_structure_look(turn->fake->run, turn->view, turn->fake->client->signature);
    (void)conf_check(turn->fake->run, 36, turn->seen->encrypted, "%s is not enciphered",
                     turn->seen->type);
    dialog_look(turn);
    delivery_look(turn);
    chunk_look(turn);
}
