/* The verb route rehearse: where the messages of the past would go by other settings. */
#include <string.h>
#include <sysexits.h>

#include "gateway/cli_route.h"

enum { ARENA_MAX = 32 * 1024 * 1024, MESSAGES_MAX = 1000000, PATH_MAX_BYTES = 4096 };

/* What a message would do. */
enum outcome {
    SAME,     /* goes where it went */
    CHANGED,  /* goes elsewhere */
    NOWHERE,  /* would be refused, or put aside */
    UNKNOWN,  /* a condition on content that is not there any more */
    NO_FACTS, /* it is older than the metadata that are kept */
    OUTCOMES
};

static const struct outcome_text {
    const char *key, *de, *en, *color;
} outcomes[OUTCOMES] = {
    [SAME] = {"unchanged", "unverändert", "unchanged", NULL},
    [CHANGED] = {"changed", "geändert", "changed", "yellow"},
    [NOWHERE] = {"nowhere", "ohne Ziel", "nowhere", "red"},
    [UNKNOWN] = {"unknown", "nicht bekannt", "unknown", "yellow"},
    [NO_FACTS] = {"no_metadata", "ohne Metadaten", "no metadata", NULL},
};

struct rehearsal {
    struct gw_cli *cli;
    const struct gw_config *config;
    size_t counts[OUTCOMES];
    json_t *changes; /* those that are not SAME or NO_FACTS */
};

/* What came in and went on has two messages; the inbound one is looked at. Answers and replies
 * belong to what they answer. */
static bool is_copy(const json_t *m)
{
    const json_t *facts = json_object_get(m, "metadata");

    return strcmp(cli_str(m, "box"), "outbox") == 0 && json_object_get(facts, "peer") != NULL;
}

static enum status facts_of(const json_t *m, struct arena *arena, struct gw_facts *facts,
                            struct error *err)
{
    AUTO(free_drop) char *text = gw_json_dump(json_object_get(m, "metadata"), JSON_COMPACT);

    TRY_ALLOC(text, err);
    TRY(gw_facts_read(text, arena, facts, err));
    facts->inbound = strcmp(cli_str(m, "box"), "inbox") == 0;
    gw_facts_complete(facts);
    return ST_OK;
}

/* The file that conditions on content look into; NULL: there is none any more. */
static const json_t *payload_of(const json_t *message)
{
    const json_t *files = json_object_get(message, "files"), *first = NULL;

    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        struct span name = span_str(cli_str(file, "name"));

        if (strcmp(cli_str(file, "kind"), "payload") != 0)
            continue;
        if (name.len > 4 && span_eq_nocase(span_from(name, name.len - 4), SPAN(".xml")))
            return file;
        if (first == NULL)
            first = file;
    }
    return first;
}

/* Its bytes are the API's until the next request. False: not to be had. */
static bool payload_get(struct rehearsal *r, const char *id, struct span *bytes)
{
    AUTO(json_drop) json_t *message = NULL;
    AUTO(buf_deinit) struct buf path = {0};
    const json_t *file;
    struct error ignored = {0};

    buf_init(&path, PATH_MAX_BYTES);
    buf_printf(&path, "/v1/messages/%s", id);
    if (gw_api_get(r->cli->api, buf_cstr(&path), &message, &ignored) != ST_OK)
        return false;
    file = payload_of(message);
    if (file == NULL || cli_int(file, "size") > GW_ROUTE_XML_MAX)
        return false;
    buf_str(&path, "/files/");
    gw_api_query(&path, cli_str(file, "name"));
    return gw_api_bytes(r->cli->api, buf_cstr(&path), bytes, &ignored) == ST_OK;
}

/* With what is known of it, and its content where only that can tell. */
static int decide(struct rehearsal *r, const char *id, const struct gw_facts *facts,
                  struct arena *arena, struct cli_verdict *v)
{
    AUTO(gw_route_content_deinit) struct gw_route_content content = {0};
    struct source_span source;
    struct span bytes;
    int rc;

    gw_route_content_init(&content, NULL);
    rc = cli_decide(r->cli, r->config, facts, &content, arena, v);
    if (rc != EX_OK || (!v->decision.unknown && v->to != NULL) || !payload_get(r, id, &bytes))
        return rc;
    gw_route_content_deinit(&content);
    gw_route_content_init(&content, source_span_init(&source, bytes));
    *v = (struct cli_verdict){0};
    return cli_decide(r->cli, r->config, facts, &content, arena, v);
}

/* Where it went: the endpoint that has it, or whom it was, or is to be, sent to. */
static const char *target_of(const json_t *m)
{
    bool in = strcmp(cli_str(m, "box"), "inbox") == 0;

    return cli_str(m, in ? "endpoint" : "recipient");
}

/* Is it one of the row's destinations? It may have gone to an alternative. */
static bool leads_to(const struct rehearsal *r, const struct cli_verdict *v, const char *target)
{
    const struct gw_rule_conf *rule = v->decision.rule;
    struct gw_rule_target to;

    for (unsigned i = 0; rule != NULL && i < rule->to_count; i++)
        if (gw_rule_target_of(r->config, rule->to[i], &to) == GW_NAMED_ONE &&
            strcmp(to.name, target) == 0)
            return true;
    return v->to != NULL && strcmp(v->to, target) == 0;
}

/* What went on has no endpoint; where it went says the message that it went on as. */
static bool same(const struct rehearsal *r, const json_t *m, const struct cli_verdict *v)
{
    const char *target = target_of(m), *route = cli_str(m, "route");

    if (target[0] == '\0')
        return v->decision.rule != NULL && strcmp(v->decision.rule->name, route) == 0;
    return leads_to(r, v, target);
}

static void change_add(struct rehearsal *r, const json_t *m, const struct cli_verdict *v,
                       enum outcome outcome)
{
    const struct gw_rule_conf *rule = v->decision.rule;
    json_t *json = json_object();

    gw_json_put(&json, "id", gw_json_text(cli_str(m, "id")));
    gw_json_put(&json, "created_at", gw_json_text(cli_str(m, "created_at")));
    gw_json_put(&json, "outcome", json_string(outcomes[outcome].key));
    gw_json_put(&json, "name", gw_json_text(cli_message_name(m)));
    gw_json_put(&json, "from", gw_json_text(target_of(m)));
    gw_json_put(&json, "to", gw_json_text(outcome == UNKNOWN ? NULL : v->to));
    gw_json_put(&json, "route", gw_json_text(rule == NULL ? NULL : rule->name));
    gw_json_append(&r->changes, json);
}

static int message_rehearse(struct rehearsal *r, const json_t *m)
{
    AUTO(arena_deinit) struct arena arena = {.max = ARENA_MAX};
    struct gw_facts facts = {0};
    struct cli_verdict v = {0};
    struct error err = {0};
    enum outcome outcome;
    int rc;

    if (is_copy(m))
        return EX_OK;
    if (!json_is_object(json_object_get(m, "metadata"))) {
        r->counts[NO_FACTS]++;
        return EX_OK;
    }
    if (facts_of(m, &arena, &facts, &err) != ST_OK)
        return gw_cli_fail(r->cli, GW_R_MEMORY, NULL, 0);
    if ((rc = decide(r, cli_str(m, "id"), &facts, &arena, &v)) != EX_OK)
        return rc;
    outcome = v.decision.unknown ? UNKNOWN
              : v.to == NULL     ? NOWHERE
              : same(r, m, &v)   ? SAME
                                 : CHANGED;
    r->counts[outcome]++;
    if (outcome != SAME)
        change_add(r, m, &v, outcome);
    return EX_OK;
}

/* ---- what is said about it ---- */

static const struct outcome_text *outcome_of(const json_t *change)
{
    for (size_t i = 0; i < OUTCOMES; i++)
        if (strcmp(cli_str(change, "outcome"), outcomes[i].key) == 0)
            return &outcomes[i];
    return &outcomes[UNKNOWN];
}

static int changes_print(struct rehearsal *r)
{
    static const struct cli_column columns[] = {
        {"Nummer", "id", false, false},       {"angelegt", "created", false, false},
        {"Bezeichnung", "name", false, true}, {"bisher", "so far", false, true},
        {"dann", "then", false, true},        {"Route", "route", false, true},
        {"Ergebnis", "result", false, false},
    };
    AUTO(cli_table_drop) struct cli_table *t = cli_table_new(r->cli, columns, ARRAY_LEN(columns));
    char text[CLI_TEXT_MAX];

    if (t == NULL)
        return gw_cli_fail(r->cli, GW_R_MEMORY, NULL, 0);
    for (size_t i = 0; i < json_array_size(r->changes); i++) {
        const json_t *c = json_array_get(r->changes, i);
        const struct outcome_text *o = outcome_of(c);

        cli_row(t);
        cli_cell(t, cli_id_text(cli_str(c, "id")), NULL);
        cli_cell(t, cli_time_text(r->cli, cli_time(c, "created_at"), false, text), NULL);
        cli_cell(t, cli_str(c, "name"), NULL);
        cli_cell(t, cli_str(c, "from"), NULL);
        cli_cell(t, cli_str(c, "to"), NULL);
        cli_cell(t, cli_str(c, "route"), NULL);
        cli_cell(t, CLI_TEXT(r->cli, o->de, o->en), o->color);
    }
    return cli_table_print(t);
}

static int summary_print(struct rehearsal *r)
{
    int rc = json_array_size(r->changes) == 0 ? EX_OK : changes_print(r);

    for (size_t i = 0; i < OUTCOMES; i++)
        (void)fprintf(r->cli->io->out, "%s%s: %zu", i > 0 ? ", " : "",
                      CLI_TEXT(r->cli, outcomes[i].de, outcomes[i].en), r->counts[i]);
    (void)fputc('\n', r->cli->io->out);
    return rc;
}

static int json_print(struct rehearsal *r)
{
    AUTO(json_drop) json_t *json = json_object();

    for (size_t i = 0; i < OUTCOMES; i++)
        gw_json_put(&json, outcomes[i].key, json_integer((json_int_t)r->counts[i]));
    gw_json_put(&json, "messages", json_incref(r->changes));
    return json == NULL ? gw_cli_fail(r->cli, GW_R_MEMORY, NULL, 0) : gw_cli_json(r->cli, json);
}

static int rehearse(struct rehearsal *r)
{
    AUTO(json_drop) json_t *all = NULL;
    int rc;

    if ((rc = gw_cli_connect(r->cli)) != EX_OK ||
        (rc = gw_cli_messages(r->cli, NULL, false, MESSAGES_MAX, &all)) != EX_OK)
        return rc;
    for (size_t i = 0; rc == EX_OK && i < json_array_size(all); i++)
        rc = message_rehearse(r, json_array_get(all, i));
    if (rc != EX_OK)
        return rc;
    return r->cli->opt.json ? json_print(r) : summary_print(r);
}

static void rehearsal_deinit(struct rehearsal *r)
{
    json_decref(r->changes);
    gw_config_free(r->config);
}

int cli_route_rehearse(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(rehearsal_deinit) struct rehearsal r = {.cli = cli, .changes = json_array()};
    int rc;

    if (argc != 1)
        return gw_cli_form(cli, "route rehearse FILE [--since TIME]");
    return (rc = cli_config(cli, argv[0], &r.config)) != EX_OK ? rc : rehearse(&r);
}
