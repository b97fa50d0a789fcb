/* The verb audit: what people did, and whether anybody has changed the history. */
#include <string.h>
#include <sysexits.h>

#include "gateway/audit.h"
#include "gateway/card.h"
#include "gateway/cli_view.h"

enum { ACTS_MAX = 1000 }; /* of one answer */

static void query_add(struct buf *b, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_printf(b,
               "%s%s=", b->ptr != NULL && span_find(buf_span(b), SPAN("?")) != SIZE_MAX ? "&" : "?",
               name);
    gw_api_query(b, value);
}

static int ask_daemon(struct gw_cli *cli, json_t **answer)
{
    AUTO(buf_deinit) struct buf path = {0};
    int rc = gw_cli_connect(cli);

    buf_init(&path, 16384);
    buf_str(&path, "/v1/audit");
    query_add(&path, "tenant", cli->opt.tenant);
    query_add(&path, "since", cli->opt.since);
    query_add(&path, "head", cli->opt.head);
    return rc != EX_OK ? rc : gw_cli_get(cli, buf_cstr(&path), answer);
}

/* The state folder of a daemon that does not run: looked at and left as it is. */
static int look(struct gw_cli *cli, json_t **answer)
{
    const struct gw_store_conf conf = {.dir = cli->opt.state, .rng = rng_system(), .look = true};
    struct gw_audit_ask ask = {.tenant = cli->opt.tenant, .head = cli->opt.head};
    AUTO(gw_store_drop) struct gw_store *store = NULL;
    struct error err = {0};
    const struct gw_explain_field fields[] = {{"path", cli->opt.state}, {"detail", err.text}};
    enum status st;

    if (cli->opt.since != NULL && !gw_card_time_ms(span_str(cli->opt.since), &ask.since))
        return gw_cli_form(cli, "audit verify --since 2026-05-04T08:00:00Z");
    st = gw_store_open(&conf, cli->io->now, &store, NULL, &err);
    if (st == ST_OK)
        st = gw_audit_run(store, &ask, answer, &err);
    if (st == ST_INVALID)
        return gw_cli_form(cli, "audit verify --head 64-HEX");
    if (st == ST_OK)
        return EX_OK;
    (void)gw_cli_fail(cli, st == ST_DENIED ? GW_R_STORE_LOCKED : GW_R_STORE_DAMAGED, fields,
                      ARRAY_LEN(fields));
    return EX_NOINPUT;
}

static const char *what_text(const struct gw_cli *cli, const char *what)
{
    static const struct {
        const char *what, *de, *en;
    } texts[] = {
        {"changed", "wurde verändert", "has been changed"},
        {"missing", "fehlt", "is missing"},
        {"inserted", "wurde eingefügt", "has been inserted"},
        {"reordered", "steht nicht an seinem Platz", "is not in its place"},
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (strcmp(texts[i].what, what) == 0)
            return CLI_TEXT(cli, texts[i].de, texts[i].en);
    return what;
}

static void broken_print(struct gw_cli *cli, const json_t *broken)
{
    const char *what = cli_str(broken, "what");
    char text[CLI_TEXT_MAX], line[128];

    (void)snprintf(line, sizeof line, "%s %lld %s", CLI_TEXT(cli, "Glied", "link"),
                   (long long)cli_int(broken, "link"), what_text(cli, what));
    if (cli_int(broken, "missing") > 1)
        (void)snprintf(
            line, sizeof line,
            CLI_TEXT(cli, "ab Glied %lld fehlen %lld", "from link %lld on %lld are gone"),
            (long long)cli_int(broken, "link"), (long long)cli_int(broken, "missing"));
    cli_pair(cli, CLI_TEXT(cli, "  gebrochen", "  broken"), line);
    if (cli_int(broken, "seq") != 0) {
        (void)snprintf(line, sizeof line, "%lld", (long long)cli_int(broken, "seq"));
        cli_pair(cli, CLI_TEXT(cli, "  Ereignis", "  event"), line);
    }
    cli_pair(cli, CLI_TEXT(cli, "  Nachricht", "  message"), cli_str(broken, "id"));
    cli_pair(cli,
             strcmp(what, "missing") == 0 ? CLI_TEXT(cli, "  nach", "  after")
                                          : CLI_TEXT(cli, "  Zeit", "  time"),
             cli_time_text(cli, cli_time(broken, "at"), true, text));
}

static void chain_print(struct gw_cli *cli, const json_t *chain)
{
    const json_t *broken = json_object_get(chain, "broken");
    const char *tenant = cli_str(chain, "tenant");
    char line[128];

    cli_pair(cli, CLI_TEXT(cli, "Mandant", "tenant"),
             tenant[0] != '\0' ? tenant : CLI_TEXT(cli, "(das Gateway)", "(the gateway)"));
    (void)snprintf(line, sizeof line,
                   CLI_TEXT(cli, "%lld Ereignisse, bis Glied %lld (Ereignis %lld)",
                            "%lld events, up to link %lld (event %lld)"),
                   (long long)cli_int(chain, "events"), (long long)cli_int(chain, "link"),
                   (long long)cli_int(chain, "seq"));
    cli_pair(cli, CLI_TEXT(cli, "  heil", "  whole"), line);
    cli_pair(cli, CLI_TEXT(cli, "  Wert", "  value"), cli_str(chain, "value"));
    if (json_is_object(broken))
        broken_print(cli, broken);
}

/* Who did what, and who was turned away. */
static int acts(struct gw_cli *cli)
{
    AUTO(json_drop) json_t *answer = NULL;
    AUTO(buf_deinit) struct buf path = {0};
    size_t limit = cli_limit(cli);
    const json_t *all;
    int rc;

    if (limit == 0)
        return EX_USAGE;
    buf_init(&path, 1024);
    buf_printf(&path, "/v1/events?audit=true&limit=%zu", limit < ACTS_MAX ? limit : ACTS_MAX);
    if ((rc = gw_cli_connect(cli)) != EX_OK ||
        (rc = gw_cli_get(cli, buf_cstr(&path), &answer)) != EX_OK)
        return rc;
    all = json_object_get(answer, "events");
    return cli->opt.json ? gw_cli_json(cli, all) : cli_events_print(cli, all);
}

int gw_cli_audit(struct gw_cli *cli, int argc, char **argv)
{
    const bool verifies = cli->opt.state != NULL || cli->opt.head != NULL ||
                          cli->opt.tenant != NULL || cli->opt.since != NULL;
    AUTO(json_drop) json_t *answer = NULL;
    const json_t *chains;
    int rc;

    if (argc == 0 && !verifies)
        return acts(cli);
    if (argc != 1 || strcmp(argv[0], "verify") != 0 || cli->opt.limit != NULL)
        return gw_cli_form(cli, argc == 0 ? "audit [--limit N]" : "audit verify");
    rc = cli->opt.state != NULL ? look(cli, &answer) : ask_daemon(cli, &answer);
    if (rc != EX_OK)
        return rc;
    rc = json_is_true(json_object_get(answer, "whole")) ? EX_OK : EX_DATAERR;
    if (cli->opt.json) {
        int printed = gw_cli_json(cli, answer);

        return printed != EX_OK ? printed : rc;
    }
    chains = json_object_get(answer, "chains");
    for (size_t i = 0; i < json_array_size(chains); i++)
        chain_print(cli, json_array_get(chains, i));
    if (json_is_false(json_object_get(answer, "head_found")))
        (void)fprintf(cli->io->out, "%s\n",
                      CLI_TEXT(cli,
                               "Der gesuchte Wert kommt in keiner Kette vor: Die Geschichte wurde "
                               "neu geschrieben oder ihr Ende abgeschnitten.",
                               "The value asked for is in none of the chains: the history was "
                               "written anew, or its end was cut off."));
    return rc;
}
