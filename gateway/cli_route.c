/* The verbs routes and route test: the table that is in force, and where a file would go. */
#include "gateway/cli_route.h"

#include <fcntl.h>
#include <string.h>
#include <sysexits.h>

#include "gateway/inbound.h"
#include "gateway/pattern.h"
#include "gateway/rule_json.h"
#include "gateway/tenancy.h"
#include "gateway/transform.h"

enum { ARENA_MAX = 32 * 1024 * 1024, LINE_MAX_BYTES = 16 * 1024 };

int cli_config(struct gw_cli *cli, const char *path, const struct gw_config **config)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(buf_deinit) struct buf text = {0};
    struct error err = {0};

    gw_config_report_init(&report);
    if (gw_config_peek(path, config, &report, &err) == ST_OK)
        return EX_OK;
    buf_init(&text, 1024 * 1024);
    gw_config_report_text(&report, cli->lang, &text);
    (void)fputs(buf_cstr(&text), cli->io->err);
    return err.reason == GW_R_CONFIG_UNREADABLE ? EX_NOINPUT : EX_CONFIG;
}

/* ---- deciding ---- */

/* Whose message it is, as far as that is known. */
static const char *tenant_of(const struct gw_config *config, const struct gw_facts *facts)
{
    const char *name = facts->of[facts->inbound ? GW_FACT_PEER : GW_FACT_ENDPOINT];
    const struct gw_endpoint_conf *e;

    if (name == NULL)
        return NULL;
    if (facts->inbound)
        return gw_config_destination_tenant(config, name);
    e = gw_config_endpoint(config, name);
    return e == NULL ? NULL : e->tenant;
}

/* The doors let nothing through to another tenant. */
static enum status tenant_check(const struct gw_config *config, const struct gw_facts *facts,
                                const char *to, struct error *err)
{
    const char *tenant = tenant_of(config, facts);
    struct gw_rule_target target;

    if (tenant == NULL || to == NULL || gw_rule_target_of(config, to, &target) != GW_NAMED_ONE)
        return ST_OK;
    return gw_tenancy_check(config, tenant, gw_rule_target_tenant(config, &target), err);
}

/* As the doors do where no row of the table holds. */
static enum status otherwise(const struct gw_config *config, const struct gw_facts *facts,
                             struct gw_route_content *content, struct arena *arena,
                             struct cli_verdict *v, struct error *err)
{
    const struct gw_endpoint_conf *endpoint = NULL;
    const char *named = facts->of[GW_FACT_RECIPIENT], *reader = facts->of[GW_FACT_READER];
    const char *tenant = tenant_of(config, facts);
    const struct gw_route_conf *route;

    if (!facts->inbound && named != NULL) {
        v->to = named;
        v->by = "recipient";
        return ST_OK;
    }
    if (!facts->inbound) {
        endpoint = gw_config_endpoint(config, facts->of[GW_FACT_ENDPOINT]);
        v->by = "endpoint";
        return gw_route_endpoint(config, endpoint, facts->of[GW_FACT_FILE], content, arena, &route,
                                 &v->to, err);
    }
    if (reader != NULL)
        endpoint = gw_config_party_of(config, tenant, span_str(reader));
    v->by = endpoint != NULL ? "reader" : "receives";
    if (endpoint == NULL)
        endpoint = gw_inbound_endpoint(config, tenant, span_str(facts->of[GW_FACT_MESSAGE_TYPE]));
    if (endpoint == NULL)
        return error_set(err, ST_DENIED, GW_R_NO_ENDPOINT_FOR_TYPE, "%s",
                         facts->of[GW_FACT_MESSAGE_TYPE] == NULL ? ""
                                                                 : facts->of[GW_FACT_MESSAGE_TYPE]);
    v->to = endpoint->name;
    return ST_OK;
}

int cli_decide(struct gw_cli *cli, const struct gw_config *config, const struct gw_facts *facts,
               struct gw_route_content *content, struct arena *arena, struct cli_verdict *v)
{
    struct gw_rule_target target;
    struct error err = {0};
    enum status st = gw_rule_decide(config, facts, content, arena, &v->decision, &err);

    if (st == ST_OK && v->decision.unknown)
        return EX_OK;
    if (st == ST_OK && v->decision.rule != NULL) {
        v->by = "route";
        if (gw_rule_target_of(config, v->decision.rule->to[0], &target) == GW_NAMED_ONE)
            v->to = target.name;
        st = tenant_check(config, facts, v->decision.rule->to[0], &err);
    } else if (st == ST_OK) {
        st = otherwise(config, facts, content, arena, v, &err);
        if (st == ST_OK)
            st = tenant_check(config, facts, v->to, &err);
    }
    if (st == ST_LIMIT)
        return gw_cli_fail(cli, err.reason, NULL, 0);
    if (st != ST_OK) {
        v->by = v->to = NULL;
        v->why = err;
    }
    return EX_OK;
}

/* ---- route test: the file and what is said of it ---- */

struct testing {
    struct gw_cli *cli;
    const struct gw_config *config;
    const char *path;
    struct gw_file_source payload;
    struct arena arena;
    struct gw_routing said; /* by NAME.meta.yaml and on the command line */
    struct gw_facts facts;
    struct cli_verdict verdict;
    struct outcome {
        bool wanted; /* the row has a stylesheet for such a name */
        struct buf name;
        uint64_t size;
        struct error why; /* that there is none */
    } outcome;
    json_t *table; /* of the daemon, with the state of destinations; NULL: it does not answer */
};

static void testing_deinit(struct testing *t)
{
    gw_file_source_deinit(&t->payload);
    buf_deinit(&t->outcome.name);
    arena_deinit(&t->arena);
    json_decref(t->table);
    gw_config_free(t->config);
}

static int file_fail(struct testing *t, const struct error *err)
{
    const struct gw_explain_field fields[] = {{"path", t->path}, {"detail", err->text}};

    return gw_cli_fail(t->cli, GW_R_CLI_FILE, fields, ARRAY_LEN(fields));
}

/* FILE.meta.yaml, where there is one. */
static int meta_read(struct testing *t)
{
    AUTO(buf_deinit) struct buf path = {0}, yaml = {0};
    const struct gw_explain_field fields[] = {{"file", t->path}, {"detail", NULL}};
    struct gw_explain_field row[2] = {fields[0], fields[1]};
    struct error err = {0};
    enum status st;

    buf_init(&path, GW_PATH_SIZE);
    buf_init(&yaml, GW_META_MAX + 1);
    buf_printf(&path, "%s.meta.yaml", t->path);
    st = gw_file_read(AT_FDCWD, buf_cstr(&path), &yaml, &err);
    if (st == ST_NOT_FOUND)
        return EX_OK;
    if (st == ST_OK)
        st = gw_route_meta_facts(buf_span(&yaml), &t->arena, &t->said, &err);
    if (st == ST_OK)
        return EX_OK;
    row[1].value = err.text;
    return gw_cli_fail(t->cli, GW_R_SPOOL_BAD_META, row, ARRAY_LEN(row));
}

/* "KEY=VALUE", a fact. */
static int word_read(struct testing *t, const char *word)
{
    const char *equals = strchr(word, '=');
    enum gw_fact fact;

    if (equals == NULL || equals[1] == '\0' ||
        !gw_fact_of(span_of(word, (size_t)(equals - word)), &fact))
        return gw_cli_usage(t->cli, word);
    t->said.facts.of[fact] = equals + 1;
    return EX_OK;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

/* An endpoint sends it, unless a peer or a sender is named. */
static int facts_make(struct testing *t)
{
    struct gw_facts *f = &t->said.facts;

    if (t->cli->opt.endpoint != NULL)
        f->of[GW_FACT_ENDPOINT] = t->cli->opt.endpoint;
    f->inbound = f->of[GW_FACT_PEER] != NULL || f->of[GW_FACT_SENDER] != NULL;
    if (!f->inbound && f->of[GW_FACT_ENDPOINT] == NULL && t->config->endpoints_count == 1)
        f->of[GW_FACT_ENDPOINT] = t->config->endpoints[0].name;
    if (!f->inbound && f->of[GW_FACT_ENDPOINT] == NULL)
        return gw_cli_form(t->cli, "route test FILE --endpoint NAME [KEY=VALUE...]");
    if (!f->inbound && gw_config_endpoint(t->config, f->of[GW_FACT_ENDPOINT]) == NULL) {
        const struct gw_explain_field field = {"endpoint", f->of[GW_FACT_ENDPOINT]};

        return gw_cli_fail(t->cli, GW_R_ENDPOINT_UNKNOWN, &field, 1);
    }
    if (f->of[GW_FACT_FILE] == NULL)
        f->of[GW_FACT_FILE] = base_name(t->path);
    if (f->inbound && f->of[GW_FACT_MESSAGE_TYPE] == NULL)
        f->of[GW_FACT_MESSAGE_TYPE] = f->of[GW_FACT_SUBJECT];
    f->size = t->payload.base.len;
    gw_facts_complete(f);
    t->facts = *f;
    return EX_OK;
}

/* The states of destinations are told where the daemon answers; without it everything else is. */
static void states_get(struct testing *t)
{
    struct error ignored = {0};

    if (gw_cli_connect(t->cli) == EX_OK &&
        gw_api_get(t->cli->api, "/v1/routes", &t->table, &ignored) != ST_OK)
        t->table = NULL;
}

/* "up", "down" or "unknown" for the n-th target of a row. */
static const json_t *target_state(const struct testing *t, const char *route, size_t n)
{
    const json_t *routes = json_object_get(t->table, "routes");

    for (size_t i = 0; i < json_array_size(routes); i++)
        if (strcmp(cli_str(json_array_get(routes, i), "name"), route) == 0)
            return json_array_get(json_object_get(json_array_get(routes, i), "to"), n);
    return NULL;
}

/* ---- route test: what the row's stylesheet makes of it ---- */

struct counting {
    struct sink base;
    uint64_t size;
};

static enum status count_write(struct sink *self, struct span bytes, struct error *err)
{
    (void)err;
    ((struct counting *)self)->size += bytes.len;
    return ST_OK;
}

static void outcome_find(struct testing *t)
{
    const struct gw_rule_conf *rule = t->verdict.decision.rule;
    const struct gw_transform_conf *conf = rule == NULL ? NULL : rule->transform;
    AUTO(gw_transform_drop) struct gw_transform *transform = NULL;
    struct counting counting = {.base = {count_write}};
    struct outcome *o = &t->outcome;

    buf_init(&o->name, GW_PATH_SIZE);
    if (conf == NULL || !gw_glob_match(conf->files, t->facts.of[GW_FACT_FILE]))
        return;
    o->wanted = true;
    buf_printf(&o->name, "%s%s", t->facts.of[GW_FACT_FILE], conf->suffix);
    if (gw_transform_new(conf->stylesheet, &transform, &o->why) == ST_OK &&
        gw_transform_run(transform, &t->payload.base,
                         (uint64_t)t->config->limits.message_max_mb << 20, &counting.base,
                         &o->why) == ST_OK)
        o->size = counting.size;
}

static json_t *outcome_json(const struct testing *t)
{
    const struct outcome *o = &t->outcome;
    const char *sheet = t->verdict.decision.rule->transform->stylesheet;
    struct buf name = o->name;

    if (!o->wanted)
        return json_pack("{s:s}", "stylesheet", sheet);
    if (o->why.status != ST_OK)
        return json_pack("{s:s, s:s, s:o, s:s}", "stylesheet", sheet, "name", buf_cstr(&name),
                         "code", gw_json_code(GW_R_TRANSFORM_OUT), "detail", o->why.text);
    return json_pack("{s:s, s:s, s:I}", "stylesheet", sheet, "name", buf_cstr(&name), "size",
                     (json_int_t)o->size);
}

static void outcome_print(const struct testing *t)
{
    const struct gw_cli *cli = t->cli;
    const struct gw_transform_conf *conf = t->verdict.decision.rule->transform;
    const struct outcome *o = &t->outcome;
    struct buf name = o->name;

    if (!o->wanted)
        (void)fprintf(cli->io->out,
                      CLI_TEXT(cli, "wird nicht umgeformt: %s gilt für %s\n",
                               "is not transformed: %s is for %s\n"),
                      conf->stylesheet, conf->files);
    else if (o->why.status == ST_OK)
        (void)fprintf(cli->io->out,
                      CLI_TEXT(cli, "wird umgeformt: %s, %llu Bytes, neben dem Original\n",
                               "is transformed: %s, %llu bytes, beside the original\n"),
                      buf_cstr(&name), (unsigned long long)o->size);
    else
        (void)fprintf(cli->io->out,
                      conf->when_impossible == GW_UNTRANSFORMED_HOLD
                          ? CLI_TEXT(cli, "lässt sich nicht umformen und wird angehalten: %s\n",
                                     "cannot be transformed, and is held: %s\n")
                          : CLI_TEXT(cli,
                                     "lässt sich nicht umformen, das Original geht allein: %s\n",
                                     "cannot be transformed, the original goes alone: %s\n"),
                      o->why.text);
}

/* ---- route test: what is said about it ---- */

static json_t *facts_json(const struct gw_facts *facts)
{
    json_t *json = json_object();

    for (size_t i = 0; i < GW_FACT_COUNT; i++)
        if (facts->of[i] != NULL)
            gw_json_put(&json, gw_fact_name((enum gw_fact)i), gw_json_text(facts->of[i]));
    gw_json_put(&json, "size", json_integer((json_int_t)facts->size));
    return json;
}

static json_t *targets_json(const struct testing *t)
{
    const struct gw_rule_conf *rule = t->verdict.decision.rule;
    json_t *all = json_array();

    for (unsigned i = 0; rule != NULL && i < rule->to_count; i++) {
        const json_t *known = target_state(t, rule->name, i);
        const char *state = cli_str(known, "state");
        json_t *json = json_object();

        gw_json_put(&json, "name", gw_json_text(rule->to[i]));
        gw_json_put(&json, "state", json_string(state[0] == '\0' ? "unknown" : state));
        if (cli_str(known, "down_since")[0] != '\0')
            gw_json_put(&json, "down_since", gw_json_text(cli_str(known, "down_since")));
        gw_json_append(&all, json);
    }
    return all;
}

static int json_print(struct testing *t)
{
    AUTO(json_drop) json_t *json = json_object();
    const struct cli_verdict *v = &t->verdict;
    json_t *traces = json_array();

    for (size_t i = 0; i < v->decision.trace_count; i++)
        gw_json_append(&traces, gw_rule_trace_json(&v->decision.traces[i]));
    gw_json_put(&json, "direction", json_string(t->facts.inbound ? "in" : "out"));
    gw_json_put(&json, "metadata", facts_json(&t->facts));
    gw_json_put(&json, "trace", traces);
    gw_json_put(&json, "decided_by", gw_json_text(v->by));
    gw_json_put(&json, "route",
                gw_json_text(v->decision.rule == NULL ? NULL : v->decision.rule->name));
    gw_json_put(&json, "to", gw_json_text(v->to));
    gw_json_put(&json, "targets", targets_json(t));
    if (v->decision.rule != NULL && v->decision.rule->transform != NULL)
        gw_json_put(&json, "transform", outcome_json(t));
    if (v->to == NULL)
        gw_json_put(&json, "code", v->why.reason == 0 ? json_null() : gw_json_code(v->why.reason));
    return json == NULL ? gw_cli_fail(t->cli, GW_R_MEMORY, NULL, 0) : gw_cli_json(t->cli, json);
}

/* A condition as people call it. */
static const char *condition_text(const struct gw_cli *cli, const char *condition)
{
    enum gw_fact fact;

    if (strcmp(condition, "from") == 0)
        return CLI_TEXT(cli, "Herkunft", "from");
    if (strcmp(condition, "larger_kb") == 0 || strcmp(condition, "smaller_kb") == 0)
        return CLI_TEXT(cli, "Größe", "size");
    if (gw_fact_of(span_str(condition), &fact))
        return gw_fact_text(fact, cli->lang == GW_LANG_DE);
    return CLI_TEXT(cli, "Inhalt", "content");
}

static void trace_cells(struct gw_cli *cli, struct cli_table *t, const struct gw_rule_trace *trace)
{
    bool named = trace->wanted != NULL && trace->wanted[0] == '\0';

    cli_row(t);
    cli_cell(t, trace->rule->name, NULL);
    cli_cell(t,
             trace->held == GW_HELD ? CLI_TEXT(cli, "gilt", "holds")
                                    : CLI_TEXT(cli, "gilt nicht", "does not hold"),
             trace->held == GW_HELD ? "green" : NULL);
    if (trace->held == GW_HELD) {
        for (int i = 0; i < 3; i++)
            cli_cell(t, "", NULL);
        return;
    }
    cli_cell(t, condition_text(cli, trace->condition), NULL);
    cli_cell(t,
             named ? CLI_TEXT(cli, "(nicht für Nachrichten, die ihren Empfänger nennen)",
                              "(not for messages that name their recipient)")
                   : trace->wanted,
             NULL);
    cli_cell(t, trace->found == NULL ? CLI_TEXT(cli, "(nichts)", "(nothing)") : trace->found, NULL);
}

static int trace_print(struct testing *t)
{
    static const struct cli_column columns[] = {
        {"Route", "route", false, true},          {"Ergebnis", "result", false, false},
        {"Bedingung", "condition", false, false}, {"verlangt", "wanted", false, true},
        {"gefunden", "found", false, true},
    };
    AUTO(cli_table_drop) struct cli_table *table = NULL;

    if (t->verdict.decision.trace_count == 0)
        return EX_OK;
    table = cli_table_new(t->cli, columns, ARRAY_LEN(columns));
    if (table == NULL)
        return gw_cli_fail(t->cli, GW_R_MEMORY, NULL, 0);
    for (size_t i = 0; i < t->verdict.decision.trace_count; i++)
        trace_cells(t->cli, table, &t->verdict.decision.traces[i]);
    return cli_table_print(table);
}

static void target_print(const struct testing *t, const struct gw_rule_conf *rule, unsigned n)
{
    const struct gw_cli *cli = t->cli;
    const json_t *known = target_state(t, rule->name, n);
    const char *state = cli_str(known, "state");
    char since[CLI_TEXT_MAX];

    (void)fprintf(cli->io->out, "  %u. %s: ", n + 1, rule->to[n]);
    if (strcmp(state, "down") == 0)
        (void)fprintf(cli->io->out, CLI_TEXT(cli, "ausgefallen seit %s", "down since %s"),
                      cli_time_text(cli, cli_time(known, "down_since"), true, since));
    else
        (void)fputs(strcmp(state, "up") == 0
                        ? CLI_TEXT(cli, "nicht gestört", "not disturbed")
                        : CLI_TEXT(cli, "Zustand nicht bekannt", "state not known"),
                    cli->io->out);
    if (n > 0)
        (void)fprintf(cli->io->out,
                      CLI_TEXT(cli, "; gilt, wenn das davor %lld s ausgefallen ist",
                               "; holds once the one before has been down for %lld s"),
                      (long long)rule->after_seconds);
    (void)fputc('\n', cli->io->out);
}

static const char *by_text(const struct gw_cli *cli, const char *by)
{
    static const struct gw_word texts[] = {
        {"recipient", "die Nachricht nennt ihn selbst", "the message names it itself"},
        {"endpoint", "eine Route des Verfahrens", "a route of the endpoint"},
        {"reader", "die Kennung des Lesers", "the reader's party"},
        {"receives", "receives des Verfahrens", "receives of the endpoint"},
    };

    return gw_word_text(texts, ARRAY_LEN(texts), by, cli->lang, "");
}

static int verdict_print(struct testing *t)
{
    const struct cli_verdict *v = &t->verdict;
    const struct gw_rule_conf *rule = v->decision.rule;
    const struct gw_explain_field fields[] = {{"file", t->facts.of[GW_FACT_FILE]},
                                              {"endpoint", t->facts.of[GW_FACT_ENDPOINT]},
                                              {"detail", v->why.text},
                                              {"xpath", v->why.text},
                                              {"address", v->why.text},
                                              {"message_type", v->why.text}};

    if (v->to == NULL)
        return gw_cli_fail(t->cli, v->why.reason, fields, ARRAY_LEN(fields));
    if (rule == NULL) {
        (void)fprintf(t->cli->io->out, CLI_TEXT(t->cli, "geht an %s: %s\n", "goes to %s: %s\n"),
                      v->to, by_text(t->cli, v->by));
        return EX_OK;
    }
    (void)fprintf(t->cli->io->out,
                  CLI_TEXT(t->cli, "geht an %s, nach der Route %s\n", "goes to %s, by route %s\n"),
                  v->to, rule->name);
    for (unsigned i = 0; i < rule->to_count; i++)
        target_print(t, rule, i);
    if (rule->transform != NULL)
        outcome_print(t);
    return EX_OK;
}

static int test(struct testing *t)
{
    AUTO(gw_route_content_deinit) struct gw_route_content content = {0};
    int rc;

    gw_route_content_init(&content, &t->payload.base);
    if ((rc = cli_decide(t->cli, t->config, &t->facts, &content, &t->arena, &t->verdict)) != EX_OK)
        return rc;
    outcome_find(t);
    states_get(t);
    if (t->cli->opt.json)
        rc = json_print(t);
    else if ((rc = trace_print(t)) == EX_OK)
        rc = verdict_print(t);
    return rc == EX_OK && (t->verdict.to == NULL || t->outcome.why.status != ST_OK) ? EX_DATAERR
                                                                                    : rc;
}

static int route_test(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(testing_deinit) struct testing t = {.cli = cli, .payload = {.fd = -1}};
    struct error err = {0};
    int rc;

    if (argc < 1 || cli->opt.config == NULL)
        return gw_cli_form(cli, "route test FILE --config FILE [--endpoint NAME] [KEY=VALUE...]");
    t.path = argv[0];
    arena_init(&t.arena, ARENA_MAX);
    if ((rc = cli_config(cli, cli->opt.config, &t.config)) != EX_OK)
        return rc;
    if (gw_file_source_open(&t.payload, AT_FDCWD, t.path, &err) != ST_OK)
        return file_fail(&t, &err);
    if ((rc = meta_read(&t)) != EX_OK)
        return rc;
    for (int i = 1; i < argc; i++)
        if ((rc = word_read(&t, argv[i])) != EX_OK)
            return rc;
    return (rc = facts_make(&t)) != EX_OK ? rc : test(&t);
}

int gw_cli_route(struct gw_cli *cli, int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "test") == 0)
        return route_test(cli, argc - 1, argv + 1);
    if (argc > 0 && strcmp(argv[0], "rehearse") == 0)
        return cli_route_rehearse(cli, argc - 1, argv + 1);
    return gw_cli_form(cli, "route test FILE | route rehearse FILE");
}

/* ---- routes ---- */

static void list_add(struct buf *b, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        buf_printf(b, "%s%s", i > 0 ? ", " : "", json_string_value(json_array_get(list, i)));
}

/* "ags: 0917*, 0918*; content: ..." */
static void when_text(struct buf *b, json_t *when)
{
    const char *key;
    json_t *value;

    buf_reset(b);
    json_object_foreach(when, key, value)
    {
        buf_printf(b, "%s%s: ", b->len > 0 ? "; " : "", key);
        if (json_is_integer(value))
            buf_printf(b, "%lld", (long long)json_integer_value(value));
        else if (json_is_string(json_array_get(value, 0)))
            list_add(b, value);
        else
            for (size_t i = 0; i < json_array_size(value); i++) {
                AUTO(free_drop) char *text = gw_json_dump(json_array_get(value, i), 0);

                buf_printf(b, "%s%s", i > 0 ? ", " : "", text == NULL ? "" : text);
            }
    }
}

static void to_text(struct buf *b, const json_t *to)
{
    buf_reset(b);
    for (size_t i = 0; i < json_array_size(to); i++) {
        const json_t *target = json_array_get(to, i);

        buf_printf(b, "%s%s%s", i > 0 ? ", " : "", cli_str(target, "name"),
                   strcmp(cli_str(target, "state"), "down") == 0 ? " (!)" : "");
    }
}

static int routes_print(struct gw_cli *cli, const json_t *routes)
{
    static const struct cli_column columns[] = {
        {"Nr.", "no.", true, false},  {"Route", "route", false, true},
        {"von", "from", false, true}, {"wenn", "when", false, true},
        {"nach", "to", false, true},  {"umgeformt", "transformed", false, true},
    };
    AUTO(cli_table_drop) struct cli_table *t = cli_table_new(cli, columns, ARRAY_LEN(columns));
    AUTO(buf_deinit) struct buf b = {0};

    if (t == NULL)
        return gw_cli_fail(cli, GW_R_MEMORY, NULL, 0);
    buf_init(&b, LINE_MAX_BYTES);
    for (size_t i = 0; i < json_array_size(routes); i++) {
        const json_t *r = json_array_get(routes, i);

        cli_row(t);
        buf_reset(&b);
        buf_printf(&b, "%zu", i + 1);
        cli_cell(t, buf_cstr(&b), NULL);
        cli_cell(t, cli_str(r, "name"), NULL);
        buf_reset(&b);
        list_add(&b, json_object_get(r, "from"));
        cli_cell(t, buf_cstr(&b), NULL);
        when_text(&b, json_object_get(r, "when"));
        cli_cell(t, buf_cstr(&b), NULL);
        to_text(&b, json_object_get(r, "to"));
        cli_cell(t, buf_cstr(&b), strstr(buf_cstr(&b), " (!)") != NULL ? "red" : NULL);
        cli_cell(t, base_name(cli_str(json_object_get(r, "transform"), "stylesheet")), NULL);
    }
    return cli_table_print(t);
}

int gw_cli_routes(struct gw_cli *cli, int argc, char **argv)
{
    AUTO(json_drop) json_t *answer = NULL;
    const json_t *routes;
    int rc;

    (void)argv;
    if (argc > 0)
        return gw_cli_form(cli, "routes");
    if ((rc = gw_cli_connect(cli)) != EX_OK || (rc = gw_cli_get(cli, "/v1/routes", &answer)) != 0)
        return rc;
    if (cli->opt.json)
        return gw_cli_json(cli, answer);
    routes = json_object_get(answer, "routes");
    if (json_array_size(routes) > 0)
        return routes_print(cli, routes);
    (void)fprintf(
        cli->io->out, "%s\n",
        CLI_TEXT(cli, "keine Routen eingetragen (routes)", "no routes are configured (routes)"));
    return EX_OK;
}
