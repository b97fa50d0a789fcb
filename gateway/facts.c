#include "gateway/facts.h"

#include <assert.h>
#include <stdlib.h>

#include <jansson.h>

#include "gateway/explain.h"
#include "gateway/message_json.h"

static const struct fact_names {
    const char *name, *en, *de;
} names[GW_FACT_COUNT] = {
    [GW_FACT_ENDPOINT] = {"endpoint", "endpoint", "Fachverfahren"},
    [GW_FACT_PEER] = {"peer", "peer", "Gegenstelle"},
    [GW_FACT_SENDER] = {"sender", "sender", "Absender"},
    [GW_FACT_RECIPIENT] = {"recipient", "recipient", "Empfänger"},
    [GW_FACT_AUTHOR] = {"author", "author", "Autor"},
    [GW_FACT_READER] = {"reader", "reader", "Leser"},
    [GW_FACT_AGS] = {"ags", "AGS", "AGS"},
    [GW_FACT_LEITWEG_ID] = {"leitweg_id", "Leitweg-ID", "Leitweg-ID"},
    [GW_FACT_PROCESS_ID] = {"process_id", "process id", "Prozess-Id"},
    [GW_FACT_SERVICE] = {"service", "service", "Dienst"},
    [GW_FACT_MESSAGE_TYPE] = {"message_type", "message type", "Nachrichtentyp"},
    [GW_FACT_SUBJECT] = {"subject", "subject", "Betreff"},
    [GW_FACT_CLERK] = {"clerk", "clerk", "Sachbearbeiter"},
    [GW_FACT_FILE] = {"file", "file", "Datei"},
};

const char *gw_fact_name(enum gw_fact fact)
{
    assert(fact < GW_FACT_COUNT);
    return names[fact].name;
}

const char *gw_fact_text(enum gw_fact fact, bool german)
{
    assert(fact < GW_FACT_COUNT);
    return german ? names[fact].de : names[fact].en;
}

bool gw_fact_of(struct span name, enum gw_fact *fact)
{
    for (size_t i = 0; i < GW_FACT_COUNT; i++)
        if (span_is(name, names[i].name)) {
            *fact = (enum gw_fact)i;
            return true;
        }
    return false;
}

/* What follows the prefix of this kind of party; NULL: it is of another kind. */
static const char *party_of_kind(const char *party, struct span prefix)
{
    struct span s = span_str(party);

    return s.len > prefix.len && span_eq_nocase(span_sub(s, 0, prefix.len), prefix)
               ? party + prefix.len
               : NULL;
}

void gw_facts_complete(struct gw_facts *facts)
{
    const char *reader = facts->of[GW_FACT_READER];

    if (reader == NULL)
        return;
    if (facts->of[GW_FACT_AGS] == NULL)
        facts->of[GW_FACT_AGS] = party_of_kind(reader, SPAN("ags:"));
    if (facts->of[GW_FACT_LEITWEG_ID] == NULL)
        facts->of[GW_FACT_LEITWEG_ID] = party_of_kind(reader, SPAN("leitweg-id:"));
}

static void json_end(json_t **json)
{
    json_decref(*json);
}

static void text_end(char **text)
{
    free(*text);
}

enum status gw_facts_write(const struct gw_facts *facts, struct arena *arena, const char **out,
                           struct error *err)
{
    AUTO(json_end) json_t *json = json_object();
    AUTO(text_end) char *text = NULL;

    for (size_t i = 0; i < GW_FACT_COUNT; i++)
        if (facts->of[i] != NULL)
            gw_json_put(&json, names[i].name, gw_json_text(facts->of[i]));
    gw_json_put(&json, "size", json_integer((json_int_t)facts->size));
    text = gw_json_dump(json, JSON_COMPACT);
    TRY_ALLOC(text, err);
    if (strlen(text) > GW_FACTS_MAX)
        return error_set(err, ST_LIMIT, GW_R_LIMIT, "more than %d bytes of metadata", GW_FACTS_MAX);
    *out = arena_str(arena, span_str(text));
    TRY_ALLOC(*out, err);
    return ST_OK;
}

enum status gw_facts_read(const char *text, struct arena *arena, struct gw_facts *facts,
                          struct error *err)
{
    AUTO(json_end) json_t *json = text == NULL ? NULL : json_loads(text, 0, NULL);
    json_int_t size;

    if (!json_is_object(json))
        return error_set(err, ST_INVALID, 0, "no JSON object");
    for (size_t i = 0; i < GW_FACT_COUNT; i++) {
        const char *value = json_string_value(json_object_get(json, names[i].name));

        if (value == NULL)
            continue;
        facts->of[i] = arena_str(arena, span_str(value));
        TRY_ALLOC(facts->of[i], err);
    }
    size = json_integer_value(json_object_get(json, "size"));
    facts->size = size < 0 ? 0 : (uint64_t)size;
    return ST_OK;
}
