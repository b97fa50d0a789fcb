#include "gateway/api_meta.h"

#include <jansson.h>

#include "gateway/explain.h"

#define BROKEN(err, ...) error_set((err), ST_INVALID, GW_R_API_BAD_REQUEST, __VA_ARGS__)

static void json_end(json_t **json)
{
    json_decref(*json);
}

#define FACT(name, fact)                                                                           \
    {                                                                                              \
        (name), offsetof(struct gw_api_meta, facts.of) + (fact) * sizeof(char *), GW_API_NAME_MAX  \
    }

static const struct member {
    const char *name;
    size_t offset, max; /* characters */
} members[] = {
    {"endpoint", offsetof(struct gw_api_meta, endpoint), GW_API_NAME_MAX},
    {"recipient", offsetof(struct gw_api_meta, recipient), GW_API_NAME_MAX},
    {"message_type", offsetof(struct gw_api_meta, message_type), GW_API_NAME_MAX},
    {"subject", offsetof(struct gw_api_meta, subject), GW_API_SUBJECT_MAX},
    {"idempotency_key", offsetof(struct gw_api_meta, idempotency_key), GW_API_KEY_MAX},
    {"deliver_after", offsetof(struct gw_api_meta, deliver_after), GW_API_NAME_MAX},
    {"deliver_until", offsetof(struct gw_api_meta, deliver_until), GW_API_NAME_MAX},
    FACT("ags", GW_FACT_AGS),
    FACT("leitweg_id", GW_FACT_LEITWEG_ID),
    FACT("process_id", GW_FACT_PROCESS_ID),
    FACT("service", GW_FACT_SERVICE),
    FACT("author", GW_FACT_AUTHOR),
    FACT("reader", GW_FACT_READER),
    FACT("clerk", GW_FACT_CLERK),
};

static const struct member *member_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

/* Control characters have no place in names, log lines and mailbox subjects. */
static enum status text_check(const struct member *member, const char *text, struct error *err)
{
    size_t count = 0;

    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c < ' ' || *c == 0x7f)
            return BROKEN(err, "%s has a control character", member->name);
        count += (*c & 0xc0) != 0x80;
    }
    if (count == 0)
        return BROKEN(err, "%s is empty", member->name);
    if (count > member->max)
        return BROKEN(err, "%s has more than %zu characters", member->name, member->max);
    return ST_OK;
}

static enum status member_read(const struct member *member, const json_t *value,
                               struct arena *arena, struct gw_api_meta *meta, struct error *err)
{
    const char *text = json_string_value(value);
    const char *copy;

    if (json_is_null(value))
        return ST_OK;
    if (text == NULL)
        return BROKEN(err, "%s is not a string", member->name);
    TRY(text_check(member, text, err));
    copy = arena_str(arena, span_str(text));
    TRY_ALLOC(copy, err);
    memcpy((char *)meta + member->offset, &copy, sizeof copy);
    return ST_OK;
}

static enum status members_read(struct span text, struct arena *arena, struct gw_api_meta *meta,
                                struct error *err)
{
    AUTO(json_end) json_t *json = NULL;
    json_error_t why;
    const char *name;
    json_t *value;

    if (text.len > GW_API_META_MAX)
        return BROKEN(err, "meta has more than %d bytes", GW_API_META_MAX);
    json = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &why);
    if (json == NULL)
        return BROKEN(err, "meta, line %d: %.200s", why.line, why.text);
    if (!json_is_object(json))
        return BROKEN(err, "meta is not an object");
    json_object_foreach(json, name, value)
    {
        const struct member *member = member_find(name);

        if (member == NULL)
            return BROKEN(err, "meta has an unknown member '%.60s'", name);
        TRY(member_read(member, value, arena, meta, err));
    }
    return ST_OK;
}

enum status gw_api_meta_read(struct span text, struct arena *arena, struct gw_api_meta *meta,
                             struct error *err)
{
    struct gw_api_meta read = {0};

    TRY(members_read(text, arena, &read, err));
    if (read.endpoint == NULL)
        return BROKEN(err, "meta has no endpoint");
    *meta = read;
    return ST_OK;
}

enum status gw_api_answer_meta_read(struct span text, struct arena *arena, struct gw_api_meta *meta,
                                    struct error *err)
{
    struct gw_api_meta read = {0};
    bool more = false;

    TRY(members_read(text, arena, &read, err));
    for (size_t i = 0; i < GW_FACT_COUNT; i++)
        more |= read.facts.of[i] != NULL;
    if (more || read.endpoint != NULL || read.recipient != NULL || read.message_type != NULL ||
        read.idempotency_key != NULL || read.deliver_after != NULL || read.deliver_until != NULL)
        return BROKEN(err, "meta of an answer may have a subject only");
    *meta = read;
    return ST_OK;
}
