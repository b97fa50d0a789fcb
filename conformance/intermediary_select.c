/*
 * What an addressee and an originator get to see: selection rules, their echo, and deliveries as
 * they were sent.
 */
#include "conformance/role_intermediary.h"

#include <stdio.h>

#include "crypto/base/xml.h"

/* A party whose mailbox nobody else in this run sends to. */
#define MAILBOX "selector"
enum { STORED = 3 };

/* ---- selection ---- */

struct pile {
    struct conf_client sender, reader; /* in dialogs */
    struct conf_delivery deliveries[STORED];
    char begin[CONF_TIME_SIZE];
};

static void pile_deinit(struct pile *p)
{
    for (size_t i = 0; i < STORED; i++)
        conf_delivery_deinit(&p->deliveries[i]);
}

static enum status pile_make(struct conf_run *run, struct pile *p, struct error *err)
{
    TRY(conf_client_init(&p->sender, run, "originator", err));
    TRY(conf_client_init(&p->reader, run, MAILBOX, err));
    conf_time(p->begin);
    for (size_t i = 0; i < STORED; i++) {
        AUTO(conf_got_deinit) struct conf_got got = {0};

        TRY(conf_client_store(&p->sender, MAILBOX, NULL, &p->deliveries[i], &got, err));
    }
    TRY(conf_client_open(&p->sender, err));
    return conf_client_open(&p->reader, err);
}

static enum status ask(struct conf_client *c, enum osci_type type,
                       const struct osci_selection *selection, struct conf_got *got,
                       struct error *err)
{
    struct osci_message msg;

    TRY(conf_client_order(c, type, &msg, err));
    msg.selection = *selection;
    return conf_client_send(c, &msg, NULL, got, err);
}

/* Has the answer a card of that delivery? */
static bool has_card(const struct conf_got *got, const struct conf_delivery *d)
{
    const xmlNode *root = got->readable ? xmlDocGetRootElement(got->view.doc) : NULL;
    const xmlNode *body = root == NULL ? NULL : conf_view_body(&got->view);
    const xmlNode *answer = conf_node_below(body, "responseToFetchProcessCard");

    if (answer == NULL)
        return false;
    for (const xmlNode *n = answer->children; n != NULL; n = n->next) {
        AUTO(buf_deinit) struct buf id = {0};

        if (n->type != XML_ELEMENT_NODE || strcmp((const char *)n->name, "ProcessCardBundle") != 0)
            continue;
        conf_node_bytes(conf_node_below(n, "MessageId"), &id);
        if (span_eq(buf_span(&id), d->msg.message_id))
            return true;
    }
    return false;
}

/* One row: who asks, by what, and which of the three deliveries' cards are to come. */
static enum status cards(struct conf_client *c, const struct pile *p, const char *name,
                         const struct osci_selection *s, const char *wanted, struct error *err)
{
    AUTO(conf_got_deinit) struct conf_got got = {0};

    TRY(ask(c, OSCI_FETCH_PROCESS_CARD, s, &got, err));
    for (size_t i = 0; i < STORED; i++)
        (void)conf_check(c->run, 80, has_card(&got, &p->deliveries[i]) == (wanted[i] == '+'),
                         "%s: card %zu %s (%s)", name, i + 1,
                         wanted[i] == '+' ? "is missing" : "should not be there", got.what);
    return ST_OK;
}

static enum status process_cards(struct conf_run *run, struct error *err)
{
    static const char future[] = "2099-01-01T00:00:00Z";
    struct span two[2];
    AUTO(pile_deinit) struct pile p = {0};
    AUTO(conf_got_deinit) struct conf_got fetched = {0};
    struct osci_selection s = {.by = OSCI_SELECT_IDS, .ids = two, .id_count = 2};

    TRY(pile_make(run, &p, err));
    two[0] = p.deliveries[0].msg.message_id;
    two[1] = p.deliveries[2].msg.message_id;
    TRY(cards(&p.sender, &p, "two MessageIds", &s, "+-+", err));
    s = (struct osci_selection){.by = OSCI_SELECT_RECEPTION, .date = span_str(p.begin)};
    TRY(cards(&p.sender, &p, "ReceptionOfDelivery", &s, "+++", err));
    TRY(cards(&p.reader, &p, "ReceptionOfDelivery, by the addressee", &s, "+++", err));
    s.role = SPAN("Addressee");
    TRY(cards(&p.reader, &p, "Role Addressee", &s, "+++", err));
    TRY(cards(&p.sender, &p, "Role Addressee, by the originator", &s, "---", err));
    s.role = SPAN("Originator");
    TRY(cards(&p.reader, &p, "Role Originator, by the addressee", &s, "---", err));
    s = (struct osci_selection){.by = OSCI_SELECT_RECEPTION, .date = SPAN(future)};
    TRY(cards(&p.sender, &p, "ReceptionOfDelivery in the future", &s, "---", err));
    s = (struct osci_selection){.by = OSCI_SELECT_MODIFIED, .date = span_str(p.begin)};
    TRY(cards(&p.sender, &p, "RecentModification", &s, "+++", err));
    /* the second is fetched, and its reception proven by the next order */
    TRY(conf_fetch(&p.reader, p.deliveries[1].msg.message_id, &fetched, err));
    s.no_reception = true;
    TRY(cards(&p.reader, &p, "RecentModification with NoReception", &s, "+-+", err));
    s.by = OSCI_SELECT_RECEPTION;
    TRY(cards(&p.sender, &p, "ReceptionOfDelivery with NoReception", &s, "+-+", err));
    TRY(conf_client_close(&p.reader, err));
    return conf_client_close(&p.sender, err);
}

static bool has_code(const struct conf_got *got, const char *code)
{
    return strstr(got->codes, code) != NULL;
}

static enum status more_waits(struct conf_run *run, struct error *err)
{
    AUTO(pile_deinit) struct pile p = {0};
    AUTO(conf_got_deinit) struct conf_got listed = {0};
    AUTO(conf_got_deinit) struct conf_got first = {0};
    struct osci_selection s = {.by = OSCI_SELECT_RECEPTION, .has_limit = true, .limit = 1};

    TRY(pile_make(run, &p, err));
    s.date = span_str(p.begin);
    TRY(ask(&p.sender, OSCI_FETCH_PROCESS_CARD, &s, &listed, err));
    (void)conf_check(run, 79, has_code(&listed, "3801"), "Limit 1: %s without 3801", listed.what);
    (void)conf_check(run, 79,
                     conf_node_count(conf_view_body(&listed.view), "ProcessCardBundle") == 1,
                     "Limit 1: not one card");
    TRY(conf_fetch(&p.reader, SPAN_NONE, &first, err));
    (void)conf_check(run, 79, has_code(&first, "3800"), "more wait: %s without 3800", first.what);
    for (int i = 0; i < 20; i++) { /* the rest, of scenarios before as well */
        AUTO(conf_got_deinit) struct conf_got next = {0};

        TRY(conf_fetch(&p.reader, SPAN_NONE, &next, err));
        if (has_code(&next, "3800"))
            continue;
        (void)conf_check(run, 79, conf_delivered(&next), "the last one: %s", next.what);
        break;
    }
    TRY(conf_client_close(&p.reader, err));
    return conf_client_close(&p.sender, err);
}

/* The order's element once more in the answer, with what selected. */
static void look_echo(struct conf_run *run, const struct conf_got *got, const char *order,
                      const struct osci_selection *s)
{
    const xmlNode *root = got->readable ? xmlDocGetRootElement(got->view.doc) : NULL;
    const xmlNode *echo = root == NULL ? NULL : conf_node_below(root, order);
    const xmlNode *rule = conf_node_below(echo, "SelectionRule");
    char text[128];

    if (!conf_check(run, 81, rule != NULL, "%s is not repeated in its answer", order))
        return;
    if (s->by == OSCI_SELECT_IDS) {
        AUTO(buf_deinit) struct buf id = {0};

        conf_node_bytes(conf_node_below(rule, "MessageId"), &id);
        (void)conf_check(run, 81, span_eq(buf_span(&id), s->ids[0]),
                         "%s: another MessageId is repeated", order);
        return;
    }
    (void)conf_node_text(conf_node_below(rule, "ReceptionOfDelivery"), text, sizeof text);
    (void)conf_check(run, 81, span_is(s->date, text), "%s: \"%s\" is repeated", order, text);
    if (s->has_limit) {
        (void)conf_node_attr(conf_node_below(echo, "Quantity"), "Limit", text, sizeof text);
        (void)conf_check(run, 81, atoi(text) == (int)s->limit, "Limit \"%s\" is repeated", text);
    }
}

static enum status echo(struct conf_run *run, struct error *err)
{
    AUTO(pile_deinit) struct pile p = {0};
    struct osci_selection by_id = {.by = OSCI_SELECT_IDS, .id_count = 1};
    struct osci_selection by_date = {.by = OSCI_SELECT_RECEPTION};

    TRY(pile_make(run, &p, err));
    by_id.ids = &p.deliveries[0].msg.message_id;
    by_date.date = span_str(p.begin);
    for (size_t i = 0; i < 4; i++) {
        enum osci_type type = i < 2 ? OSCI_FETCH_PROCESS_CARD : OSCI_FETCH_DELIVERY;
        const struct osci_selection *s = i % 2 == 0 ? &by_id : &by_date;
        AUTO(conf_got_deinit) struct conf_got got = {0};

        by_date.has_limit = type == OSCI_FETCH_PROCESS_CARD;
        by_date.limit = 2;
        TRY(ask(&p.reader, type, s, &got, err));
        look_echo(run, &got, osci_type_name(type), s);
    }
    TRY(conf_client_close(&p.reader, err));
    return conf_client_close(&p.sender, err);
}

/* The same id in base64 of another look: a line end in the middle. */
static enum status odd_base64(struct conf_run *run, struct error *err)
{
    struct conf_client sender;
    struct osci_message msg;
    char odd[CONF_CONTROL_MAX * 2];
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(conf_got_deinit) struct conf_got stored = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};
    AUTO(buf_deinit) struct buf text = {0};
    struct conf_edit edits[2] = {{0}};
    const struct conf_forge forge = {.before = edits};
    struct osci_selection s = {.by = OSCI_SELECT_IDS, .id_count = 1};

    TRY(conf_client_init(&sender, run, "originator", err));
    TRY(conf_client_open(&sender, err));
    TRY(conf_client_store(&sender, MAILBOX, NULL, &d, &stored, err));
    buf_init(&text, CONF_CONTROL_MAX * 2);
    buf_base64(&text, d.msg.message_id, 0);
    (void)snprintf(odd, sizeof odd, "%.4s\n %s", buf_cstr(&text), buf_cstr(&text) + 4);
    edits[0] = (struct conf_edit){buf_cstr(&text), odd, false};
    TRY(conf_client_order(&sender, OSCI_FETCH_PROCESS_CARD, &msg, err));
    s.ids = &d.msg.message_id;
    msg.selection = s;
    TRY(conf_client_send(&sender, &msg, &forge, &got, err));
    (void)conf_check(run, 52, has_card(&got, &d), "MessageId with a line end in its base64: %s",
                     got.what);
    return conf_client_close(&sender, err);
}

/* ---- deliveries as they were sent ---- */

static void look_certs(struct conf_run *run, const struct conf_view *sent,
                       const struct conf_view *got)
{
    const xmlNode *from = conf_view_block(sent, "NonIntermediaryCertificates");
    const xmlNode *to = conf_view_block(got, "NonIntermediaryCertificates");

    for (const xmlNode *n = from == NULL ? NULL : from->children; n != NULL; n = n->next) {
        const char *name = (const char *)n->name;
        const xmlNode *same = n->type == XML_ELEMENT_NODE ? conf_node_below(to, name) : NULL;
        char a[256], b[256];
        AUTO(buf_deinit) struct buf x = {0};
        AUTO(buf_deinit) struct buf y = {0};

        if (n->type != XML_ELEMENT_NODE)
            continue;
        conf_node_bytes(conf_node_below(n, "X509Certificate"), &x);
        conf_node_bytes(conf_node_below(same, "X509Certificate"), &y);
        (void)conf_check(run, 82, span_eq(buf_span(&x), buf_span(&y)), "%s is another one", name);
        (void)conf_check(run, 82,
                         strcmp(conf_node_attr(n, "Id", a, sizeof a),
                                conf_node_attr(same, "Id", b, sizeof b)) == 0,
                         "%s has the Id %s instead of %s", name, b, a);
    }
}

static void look_parts(struct conf_run *run, const struct conf_view *sent,
                       const struct conf_view *got)
{
    (void)conf_check(run, 82, sent->frame.count == got->frame.count, "%zu parts instead of %zu",
                     got->frame.count, sent->frame.count);
    for (size_t i = 1; i < sent->frame.count && i < got->frame.count; i++) {
        const struct conf_frame_part *a = &sent->frame.parts[i], *b = &got->frame.parts[i];

        (void)conf_check(run, 82, span_eq(a->id, b->id), "attachment %.*s came as %.*s",
                         SPAN_FMT(a->id), SPAN_FMT(b->id));
        (void)conf_check(run, 82, span_eq(a->body, b->body), "attachment %.*s has other octets",
                         SPAN_FMT(a->id));
    }
}

static void look_same(struct conf_run *run, unsigned number, const xmlNode *a, const xmlNode *b,
                      const char *what)
{
    AUTO(buf_deinit) struct buf x = {0};
    AUTO(buf_deinit) struct buf y = {0};

    if (!conf_check(run, number, a != NULL && b != NULL, "%s is missing", what))
        return;
    conf_canonical(a, &x);
    conf_canonical(b, &y);
    (void)conf_check(run, number, span_eq(buf_span(&x), buf_span(&y)),
                     "%s has another canonical form", what);
}

#define NOTE                                                                                       \
    "<n:Note xmlns:ds=\"" DS_NS "\" xmlns:n=\"urn:conformance\" xmlns:osci=\"" OSCI_NS             \
    "\" xmlns:soap=\"" SOAP_NS "\" xmlns:xenc=\"" XENC_NS "\" xmlns:xsi=\"" XSI_NS                 \
    "\" Id=\"note\">&lt;x&gt; \xc3\xbc</n:Note>"

void conf_look_delivery(struct conf_run *run, const struct conf_view *sent, struct conf_view *got)
{
    const xmlNode *a = conf_node_below(conf_view_body(sent), "ContentPackage");
    const xmlNode *b = conf_node_below(conf_view_body(got), "ContentPackage");
    const xmlNode *x = a == NULL ? NULL : xml_first(a), *y = b == NULL ? NULL : xml_first(b);

    (void)conf_check(run, 82, x != NULL && y != NULL, "no content");
    for (; x != NULL && y != NULL; x = xml_next(x), y = xml_next(y))
        look_same(run, 82, x, y, (const char *)x->name);
    (void)conf_check(run, 82, x == NULL && y == NULL, "more or fewer contents");
    look_certs(run, sent, got);
    look_parts(run, sent, got);
}

static enum status unchanged(struct conf_run *run, struct error *err)
{
    struct conf_client sender, reader;
    char id[CONF_CONTROL_MAX];
    struct osci_custom note = {.id = SPAN("note"), .xml = SPAN(NOTE)};
    struct conf_forge forge = {0};
    const char *wrong;
    AUTO(conf_delivery_deinit) struct conf_delivery d = {0};
    AUTO(conf_got_deinit) struct conf_got stored = {0};
    AUTO(conf_got_deinit) struct conf_got got = {0};
    AUTO(conf_view_deinit) struct conf_view sent = {0};
    AUTO(buf_deinit) struct buf plain = {0};

    TRY(conf_client_init(&sender, run, "originator", err));
    TRY(conf_client_init(&reader, run, MAILBOX, err));
    TRY(conf_client_id(&sender, id, err));
    TRY(conf_client_delivery(&sender, OSCI_STORE_DELIVERY, MAILBOX, id, &d, err));
    d.msg.customs = &note;
    d.msg.custom_count = 1;
    buf_init(&plain, CONF_WIRE_MAX);
    forge.inner = &plain;
    TRY(conf_client_send(&sender, &d.msg, &forge, &stored, err));
    wrong = conf_view_open(&sent, buf_span(&plain), NULL, 0);
    if (wrong != NULL)
        return error_set(err, ST_INTERNAL, 0, "our own message: %s", wrong);
    TRY(conf_client_open(&reader, err));
    TRY(conf_fetch(&reader, d.msg.message_id, &got, err));
    if (!conf_delivered(&got))
        return error_set(err, ST_RETRY, 0, "the delivery does not come: %s", got.what);
    conf_look_delivery(run, &sent, &got.view);
    look_same(run, 13, conf_view_block(&sent, "Note"), conf_view_block(&got.view, "Note"),
              "the foreign header block");
    /* the order's signature covers ciphertext: digest, and no clear octets in the part */
    wrong = conf_view_signature(&got.view, sender.peer->signature);
    (void)conf_check(run, 26, wrong == NULL, "%s", wrong != NULL ? wrong : "");
    (void)conf_check(run, 26,
                     got.view.frame.count == 2 &&
                         span_find(got.view.frame.parts[1].body, span_str(d.marker)) == SIZE_MAX,
                     "the attachment is not enciphered");
    (void)conf_check(run, 42, strstr(got.view.cipher, "-gcm") != NULL, "answered with %s",
                     got.view.cipher);
    return conf_client_close(&reader, err);
}

struct conf_scenario_list conf_intermediary_selections(void)
{
    static const struct conf_scenario scenarios[] = {
        {"process-cards", process_cards, {80}},
        {"more-waits", more_waits, {79}},
        {"echo", echo, {81}},
        {"odd-base64", odd_base64, {52}},
        {"unchanged", unchanged, {13, 26, 42, 82}},
    };

    return (struct conf_scenario_list){scenarios, ARRAY_LEN(scenarios)};
}
