/*
 * What the table cannot say: what must hold between settings. config_files.c looks outside. A value
 * that is missing or wrong was reported by the reader; here NULL is passed over.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/config_schema.h"
#include "gateway/files.h"
#include "gateway/scan_impl.h"
#include "gateway/token.h"

#define FIND(r, at, code, ...)                                                                     \
    do {                                                                                           \
        const struct gw_explain_field fields_[] = {__VA_ARGS__};                                   \
        gw_config_find((r)->report, gw_config_line_of((r), (at)), (code), false, fields_,          \
                       ARRAY_LEN(fields_));                                                        \
    } while (0)

/* Texts that may occur once each, or once in each tenant, with the places they stand at. */
struct seen {
    const char *text;
    const char *tenant; /* "": whoever's */
    const void *at;
    size_t order;
};

struct seen_set {
    struct seen *items;
    size_t count, cap;
};

static void seen_add_of(struct seen_set *set, const char *tenant, const char *text, const void *at)
{
    if (text == NULL)
        return;
    if (set->count == set->cap) {
        size_t cap = set->cap == 0 ? 32 : set->cap * 2;
        struct seen *items = realloc(set->items, cap * sizeof *items);

        if (items == NULL)
            return; /* the next allocation fails as well and is reported */
        set->items = items;
        set->cap = cap;
    }
    set->items[set->count] = (struct seen){text, tenant == NULL ? "" : tenant, at, set->count};
    set->count++;
}

static void seen_add(struct seen_set *set, const char *text, const void *at)
{
    seen_add_of(set, NULL, text, at);
}

static int seen_order(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    int by_text = strcmp(x->text, y->text), by_tenant = strcmp(x->tenant, y->tenant);

    return by_text != 0     ? by_text
           : by_tenant != 0 ? by_tenant
                            : (x->order > y->order) - (x->order < y->order);
}

/* Reports what occurs twice under this key, and empties the set. */
static void seen_close(struct gw_config_reader *r, struct seen_set *set, const char *key)
{
    char first[16];

    if (set->count > 0)
        qsort(set->items, set->count, sizeof *set->items, seen_order);
    for (size_t i = 1; i < set->count; i++) {
        const struct seen *one = &set->items[i - 1], *two = &set->items[i];

        if (strcmp(one->text, two->text) != 0 || strcmp(one->tenant, two->tenant) != 0)
            continue;
        (void)snprintf(first, sizeof first, "%d", gw_config_line_of(r, one->at));
        FIND(r, two->at, GW_R_CONFIG_DUPLICATE_NAME, {"key", key}, {"value", two->text},
             {"first", first});
    }
    free(set->items);
    memset(set, 0, sizeof *set);
}

static void token_find(struct gw_config_reader *r, const char *const *at, const char *key,
                       const char *detail)
{
    FIND(r, at, GW_R_CONFIG_TOKEN, {"key", key}, {"value", *at}, {"detail", detail});
}

static void token_check(struct gw_config_reader *r, const struct gw_pair_conf *pair,
                        const char *const *at, const char *key)
{
    struct error err = {0};
    size_t len = strlen(key);

    if (!gw_token_is(*at))
        return;
    if (len >= 3 && strcmp(key + len - 3, "tls") == 0)
        token_find(r, at, key, "keys for TLS must be files");
    else if (gw_token_uri_check(*at, &err) != ST_OK)
        token_find(r, at, key, err.text);
    else if (pair->module == NULL)
        FIND(r, pair, GW_R_CONFIG_MISSING, {"key", "module"});
}

void gw_config_check_pair(struct gw_config_reader *r, const struct gw_pair_conf *pair,
                          const char *key)
{
    bool pem = pair->certificate != NULL && pair->key != NULL;
    bool any_pem = pair->certificate != NULL || pair->key != NULL;

    if (gw_config_was_read(r, pair) && (pair->pkcs12 != NULL ? any_pem : !pem))
        FIND(r, pair, GW_R_CONFIG_PAIR, {"key", key});
    token_check(r, pair, &pair->key, key);
    if (!gw_token_is(pair->key)) /* once is enough */
        token_check(r, pair, &pair->certificate, key);
}

static void identity_check(struct gw_config_reader *r, const struct gw_identity_conf *identity)
{
    gw_config_check_pair(r, &identity->signature, "identity.signature");
    gw_config_check_pair(r, &identity->cipher, "identity.cipher");
    for (unsigned i = 0; i < identity->older_ciphers_count; i++)
        gw_config_check_pair(r, &identity->older_ciphers[i], "older_ciphers");
    gw_config_check_next_identity(r, identity);
}

/* http:// or https://, then a host, without blanks or control characters. */
static bool url_is_good(const char *url)
{
    const char *host = strncmp(url, "https://", 8) == 0  ? url + 8
                       : strncmp(url, "http://", 7) == 0 ? url + 7
                                                         : "";

    if (*host == '\0' || *host == '/' || *host == ':')
        return false;
    for (const char *c = host; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return false;
    return true;
}

/* And a path: "http://host" as a beginning would hold for http://host.of.others, too. */
static bool url_has_path(const char *url)
{
    return url_is_good(url) && strchr(strstr(url, "://") + 3, '/') != NULL;
}

static void intermediaries_check(struct gw_config_reader *r, const struct gw_config *config)
{
    struct seen_set names = {0};

    for (unsigned i = 0; i < config->intermediaries_count; i++) {
        const struct gw_intermediary_conf *im = &config->intermediaries[i];

        seen_add(&names, im->name, &im->name);
        if (im->url != NULL && !url_is_good(im->url))
            FIND(r, &im->url, GW_R_CONFIG_URL, {"key", "url"}, {"value", im->url});
        if (im->tls != NULL)
            gw_config_check_pair(r, im->tls, "tls");
    }
    for (unsigned i = 0; i < config->xta_servers_count; i++) /* both are destinations */
        seen_add(&names, config->xta_servers[i].name, &config->xta_servers[i].name);
    seen_close(r, &names,
               config->xta_servers_count == 0 ? "intermediaries.name"
                                              : "intermediaries.name, xta_servers.name");
}

/* HTTPS and nothing else; need: the port is used. */
static void xta_url_check(struct gw_config_reader *r, const struct gw_xta_peer_conf *x,
                          const char *const *url, const char *key, bool need)
{
    if (*url == NULL && need)
        FIND(r, x, GW_R_CONFIG_MISSING, {"key", key});
    if (*url != NULL && (!url_is_good(*url) || strncmp(*url, "https://", 8) != 0))
        FIND(r, url, GW_R_CONFIG_URL, {"key", key}, {"value", *url});
}

static bool endpoint_is_there(const struct gw_config *config, const char *name)
{
    for (unsigned i = 0; i < config->endpoints_count; i++)
        if (config->endpoints[i].name != NULL && strcmp(config->endpoints[i].name, name) == 0)
            return true;
    return false;
}

static void xta_parties_check(struct gw_config_reader *r, const struct gw_config *config,
                              const struct gw_xta_peer_conf *x)
{
    struct seen_set endpoints = {0};
    bool has_default = false;

    for (unsigned i = 0; i < x->parties_count; i++) {
        const struct gw_xta_party_conf *party = &x->parties[i];

        if (party->endpoint == NULL && has_default)
            FIND(r, party, GW_R_CONFIG_MISSING, {"key", "xta_servers.parties.endpoint"});
        has_default |= party->endpoint == NULL;
        seen_add(&endpoints, party->endpoint, &party->endpoint);
        if (party->endpoint != NULL && !endpoint_is_there(config, party->endpoint))
            FIND(r, &party->endpoint, GW_R_CONFIG_REFERENCE, {"key", "endpoint"},
                 {"value", party->endpoint}, {"list", "endpoints"});
    }
    seen_close(r, &endpoints, "xta_servers.parties.endpoint");
}

static void xta_servers_check(struct gw_config_reader *r, const struct gw_config *config)
{
    for (unsigned i = 0; i < config->xta_servers_count; i++) {
        const struct gw_xta_peer_conf *x = &config->xta_servers[i];
        bool v3 = x->version == GW_XTA_VERSION_3;

        xta_url_check(r, x, &x->urls.management, "urls.management", v3);
        xta_url_check(r, x, &x->urls.send, "urls.send", v3);
        xta_url_check(r, x, &x->urls.msgbox, "urls.msgbox", v3 && x->fetch);
        xta_url_check(r, x, &x->urls.base, "urls.base", !v3);
        xta_url_check(r, x, &x->urls.sender, "urls.sender", !v3);
        xta_url_check(r, x, &x->urls.recipient, "urls.recipient", !v3 && x->fetch);
        if (x->tls != NULL)
            gw_config_check_pair(r, x->tls, "tls");
        xta_parties_check(r, config, x);
    }
    if (config->tenants_count == 0 && config->xta_servers_count > 0)
        FIND(r, &config->xta_servers, GW_R_CONFIG_MISSING, {"key", "tenant"});
}

static const struct gw_xta_peer_conf *xta_server_find(const struct gw_config *config,
                                                      const char *name)
{
    for (unsigned i = 0; name != NULL && i < config->xta_servers_count; i++)
        if (config->xta_servers[i].name != NULL && strcmp(config->xta_servers[i].name, name) == 0)
            return &config->xta_servers[i];
    return NULL;
}

static const struct gw_intermediary_conf *intermediary_find(const struct gw_config *config,
                                                            const char *name)
{
    for (unsigned i = 0; name != NULL && i < config->intermediaries_count; i++)
        if (config->intermediaries[i].name != NULL &&
            strcmp(config->intermediaries[i].name, name) == 0)
            return &config->intermediaries[i];
    return NULL;
}

static const struct gw_partner_conf *partner_find(const struct gw_config *config, const char *name)
{
    for (unsigned i = 0; name != NULL && i < config->partners_count; i++)
        if (config->partners[i].name != NULL && strcmp(config->partners[i].name, name) == 0)
            return &config->partners[i];
    return NULL;
}

static const struct gw_endpoint_conf *endpoint_find(const struct gw_config *config,
                                                    const char *name)
{
    for (unsigned i = 0; i < config->endpoints_count; i++)
        if (config->endpoints[i].name != NULL && strcmp(config->endpoints[i].name, name) == 0)
            return &config->endpoints[i];
    return NULL;
}

/* May this partner be reached so? forward and mediate need its URL, mediate an explicit dialog.
 * at: what asks for it. */
static void way_check(struct gw_config_reader *r, const struct gw_config *config,
                      const struct gw_partner_conf *p, enum gw_way way, const void *at)
{
    const struct gw_intermediary_conf *im = intermediary_find(config, p->intermediary);

    if ((way == GW_WAY_FORWARD || way == GW_WAY_MEDIATE) && p->receiver_url == NULL)
        FIND(r, at, GW_R_CONFIG_WAY_URL, {"value", gw_way_name(way)}, {"partner", p->name});
    if (way == GW_WAY_MEDIATE && im != NULL && im->dialog == GW_DIALOG_IMPLICIT)
        FIND(r, at, GW_R_CONFIG_WAY_DIALOG, {"partner", p->name}, {"intermediary", im->name});
}

/* Its way is an intermediary or an XTA server, with what that needs. */
static void partner_way_check(struct gw_config_reader *r, const struct gw_config *config,
                              const struct gw_partner_conf *p)
{
    if (p->intermediary != NULL && p->xta != NULL)
        FIND(r, &p->xta, GW_R_CONFIG_VALUE, {"key", "xta"}, {"value", p->xta},
             {"expected", "xta or intermediary, not both"});
    if (p->intermediary == NULL && p->xta == NULL)
        FIND(r, p, GW_R_CONFIG_MISSING, {"key", "intermediary"});
    if (p->xta == NULL && p->cipher_certificate == NULL)
        FIND(r, p, GW_R_CONFIG_MISSING, {"key", "cipher_certificate"});
    if (p->xta != NULL && p->reader == NULL)
        FIND(r, p, GW_R_CONFIG_MISSING, {"key", "reader"});
    if (p->xta != NULL && p->delivery != GW_DELIVER_STORE)
        FIND(r, &p->delivery, GW_R_CONFIG_VALUE, {"key", "delivery"},
             {"value", gw_way_name((enum gw_way)(p->delivery + 1))}, {"expected", "store"});
    if (p->intermediary != NULL && intermediary_find(config, p->intermediary) == NULL)
        FIND(r, &p->intermediary, GW_R_CONFIG_REFERENCE, {"key", "intermediary"},
             {"value", p->intermediary}, {"list", "intermediaries"});
    if (p->xta != NULL && xta_server_find(config, p->xta) == NULL)
        FIND(r, &p->xta, GW_R_CONFIG_REFERENCE, {"key", "xta"}, {"value", p->xta},
             {"list", "xta_servers"});
}

static void partners_check(struct gw_config_reader *r, const struct gw_config *config)
{
    struct seen_set names = {0}, addresses = {0};

    for (unsigned i = 0; i < config->partners_count; i++) {
        const struct gw_partner_conf *p = &config->partners[i];

        seen_add(&names, p->name, &p->name);
        for (unsigned k = 0; k < p->addresses_count; k++)
            seen_add_of(&addresses, gw_config_partner_tenant(config, p), p->addresses[k],
                        &p->addresses[k]);
        partner_way_check(r, config, p);
        if (p->delivery != GW_DELIVER_STORE && p->xta == NULL)
            way_check(r, config, p, (enum gw_way)(p->delivery + 1), p);
        if (p->receiver_url != NULL && !url_is_good(p->receiver_url))
            FIND(r, &p->receiver_url, GW_R_CONFIG_URL, {"key", "receiver_url"},
                 {"value", p->receiver_url});
    }
    seen_close(r, &names, "partners.name");
    seen_close(r, &addresses, "partners.addresses");
}

/* A route without a partner may lead to each that has addresses. */
static void route_way_check(struct gw_config_reader *r, const struct gw_config *config,
                            const struct gw_route_conf *route)
{
    const struct gw_partner_conf *p = partner_find(config, route->partner);

    if (p != NULL)
        way_check(r, config, p, route->delivery, &route->delivery);
    for (unsigned i = 0; route->partner == NULL && i < config->partners_count; i++)
        if (config->partners[i].addresses_count > 0)
            way_check(r, config, &config->partners[i], route->delivery, &route->delivery);
}

static void route_check(struct gw_config_reader *r, const struct gw_config *config,
                        const struct gw_route_conf *route)
{
    if (route->xpath != NULL && !gw_config_xpath_is_good(route->xpath))
        FIND(r, &route->xpath, GW_R_CONFIG_VALUE, {"key", "xpath"}, {"value", route->xpath},
             {"expected", "an XPath 1.0 expression"});
    if (route->partner == NULL && (route->xpath == NULL || route->equals != NULL))
        FIND(r, route, GW_R_CONFIG_ROUTE, {"key", "partner"});
    else if (route->equals != NULL && route->xpath == NULL)
        FIND(r, &route->equals, GW_R_CONFIG_ROUTE, {"key", "xpath"});
    if (route->partner != NULL && partner_find(config, route->partner) == NULL &&
        gw_config_target(config, route->partner) == NULL)
        FIND(r, &route->partner, GW_R_CONFIG_REFERENCE, {"key", "partner"},
             {"value", route->partner}, {"list", "partners"});
    route_way_check(r, config, route);
}

/* Run without a shell, by its path. */
static void command_check(struct gw_config_reader *r, const char *const *command, unsigned count)
{
    if (count > 0 && command[0] != NULL && command[0][0] != '/')
        FIND(r, &command[0], GW_R_CONFIG_VALUE, {"key", "command"}, {"value", command[0]},
             {"expected", "/..."});
}

/* Requests come through the recipient's door, or as sendMessageSync through that of XTA. */
static void answers_check(struct gw_config_reader *r, const struct gw_config *config,
                          const struct gw_answers_conf *answers)
{
    if (config->osci_recipient == NULL && config->xta_server == NULL)
        FIND(r, answers, GW_R_CONFIG_MISSING, {"key", "osci_recipient"});
    command_check(r, answers->command, answers->command_count);
}

/* It must not look like what is passed over, or like a name of its own. */
static bool marker_is_good(const char *marker)
{
    static const char *const taken[] = {".tmp", ".part", "~", ".meta.yaml", ".meta.xml"};
    size_t len = strlen(marker);

    for (size_t i = 0; i < ARRAY_LEN(taken); i++)
        if (span_ends(span_str(marker), span_str(taken[i])))
            return false;
    return len >= 2 && len <= 32 && marker[0] == '.' && gw_name_is_safe(span_str(marker + 1));
}

/* Does one of its tenant that stands before it receive by default? */
static bool default_before(const struct gw_config *config, const struct gw_endpoint_conf *of)
{
    for (const struct gw_endpoint_conf *e = config->endpoints; e < of; e++)
        if (e->receives.by_default && gw_config_same_tenant(e->tenant, of->tenant))
            return true;
    return false;
}

/* As parties are compared. NULL: no memory, or nothing there. */
static const char *lowered(struct gw_config_reader *r, const char *text)
{
    char *copy = text == NULL ? NULL : arena_str(r->arena, span_str(text));

    for (char *c = copy; c != NULL && *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return copy;
}

/* Without what says nothing in a path: "a//b/./c/" is "a/b/c". NULL as above. */
static const char *tidied(struct gw_config_reader *r, const char *path)
{
    char *copy = path == NULL ? NULL : arena_str(r->arena, span_str(path)), *to = copy;
    struct span rest = span_str(path), part;

    if (copy == NULL)
        return NULL;
    while (span_split(&rest, '/', &part)) {
        if (part.len == 0 || span_is(part, "."))
            continue;
        if (to > copy || path[0] == '/')
            *to++ = '/';
        memmove(to, part.ptr, part.len);
        to += part.len;
    }
    *to = '\0';
    return copy;
}

static void endpoints_check(struct gw_config_reader *r, const struct gw_config *config)
{
    struct seen_set names = {0}, folders = {0}, types = {0}, parties = {0};

    for (unsigned i = 0; i < config->endpoints_count; i++) {
        const struct gw_endpoint_conf *e = &config->endpoints[i];

        seen_add(&names, e->name, &e->name);
        seen_add(&folders, tidied(r, e->folder), &e->folder);
        for (unsigned k = 0; k < e->receives.message_types_count; k++)
            seen_add_of(&types, e->tenant, e->receives.message_types[k],
                        &e->receives.message_types[k]);
        for (unsigned k = 0; k < e->parties_count; k++)
            seen_add(&parties, lowered(r, e->parties[k]), &e->parties[k]);
        if (e->receives.by_default && default_before(config, e))
            FIND(r, &e->receives.by_default, GW_R_CONFIG_TWO_DEFAULTS, {"key", "default"});
        if (e->marker != NULL && !marker_is_good(e->marker))
            FIND(r, &e->marker, GW_R_CONFIG_VALUE, {"key", "marker"}, {"value", e->marker},
                 {"expected", ".ready, .ok, .fertig"});
        if (e->answers != NULL)
            answers_check(r, config, e->answers);
        for (unsigned k = 0; k < e->routes_count; k++)
            route_check(r, config, &e->routes[k]);
    }
    seen_close(r, &names, "endpoints.name");
    seen_close(r, &folders, "endpoints.folder");
    seen_close(r, &types, "receives.message_types");
    seen_close(r, &parties, "endpoints.parties");
    if (config->tenants_count == 0 && config->endpoints_count > 0)
        FIND(r, &config->endpoints, GW_R_CONFIG_MISSING, {"key", "tenant"});
}

static void listeners_check(struct gw_config_reader *r, const struct gw_listener_conf *list,
                            unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct gw_listener_conf *l = &list[i];

        if (l->tls != NULL)
            gw_config_check_pair(r, l->tls, "tls");
        if (l->path != NULL && l->path[0] != '/')
            FIND(r, &l->path, GW_R_CONFIG_VALUE, {"key", "path"}, {"value", l->path},
                 {"expected", "/..."});
    }
}

/* Whose signature certificate is not known may deliver nothing: an error when nobody may. */
static void unpinned_note(struct gw_config_reader *r, const struct gw_intermediary_conf *im,
                          bool others)
{
    const struct gw_explain_field field = {"intermediary", im->name};

    if (im->signature_certificate == NULL && im->signature_certificates_count == 0)
        gw_config_find(r->report, gw_config_line_of(r, im), GW_R_CONFIG_UNPINNED, others, &field,
                       1);
}

/* It takes deliveries for the tenant, and only from intermediaries whose signature we know. */
static void osci_recipient_check(struct gw_config_reader *r, const struct gw_config *config)
{
    const struct gw_osci_recipient_conf *p = config->osci_recipient;
    unsigned pinned = 0, ours = 0;

    listeners_check(r, p->listeners, p->listeners_count);
    if (config->tenants_count == 0)
        FIND(r, p, GW_R_CONFIG_MISSING, {"key", "tenant"});
    for (unsigned i = 0; i < config->intermediaries_count; i++) {
        if (!gw_config_same_tenant(config->intermediaries[i].tenant, p->tenant))
            continue;
        ours++;
        pinned += config->intermediaries[i].signature_certificate != NULL ||
                  config->intermediaries[i].signature_certificates_count > 0;
    }
    if (ours == 0)
        FIND(r, p, GW_R_CONFIG_MISSING, {"key", "intermediaries"});
    for (unsigned i = 0; i < config->intermediaries_count; i++)
        if (gw_config_same_tenant(config->intermediaries[i].tenant, p->tenant))
            unpinned_note(r, &config->intermediaries[i], pinned > 0 || !p->require_signature);
}

static void url_check(struct gw_config_reader *r, const char *const *url)
{
    if (*url != NULL && !url_is_good(*url))
        FIND(r, url, GW_R_CONFIG_URL, {"key", "url"}, {"value", *url});
}

/* The smallest chunk is not larger than the largest. */
static void chunks_check(struct gw_config_reader *r, const struct gw_osci_server_conf *s)
{
    char value[24];

    (void)snprintf(value, sizeof value, "%lld", (long long)s->chunk_max_kb);
    if (s->chunk_max_kb < s->chunk_min_kb)
        FIND(r, &s->chunk_max_kb, GW_R_CONFIG_VALUE, {"key", "osci_server.chunk_max_kb"},
             {"value", value}, {"expected", "chunk_min_kb or more"});
}

/* The block itself, or one of its tenants. */
static void osci_tenant_check(struct gw_config_reader *r, const struct gw_osci_server_conf *s)
{
    struct seen_set names = {0};

    identity_check(r, s->identity);
    url_check(r, &s->url);
    chunks_check(r, s);
    for (unsigned i = 0; i < s->receivers_count; i++) {
        const struct gw_receiver_conf *to = &s->receivers[i];

        if (to->url != NULL && !url_has_path(to->url))
            FIND(r, &to->url, GW_R_CONFIG_URL, {"key", "url"}, {"value", to->url});
        if (to->tls != NULL)
            gw_config_check_pair(r, to->tls, "tls");
    }
    for (unsigned i = 0; i < s->mailboxes_count; i++)
        seen_add(&names, s->mailboxes[i].name, &s->mailboxes[i].name);
    seen_close(r, &names, "mailboxes.name");
    if (!s->self_registering && s->mailboxes_count == 0)
        FIND(r, s, GW_R_CONFIG_MISSING, {"key", "osci_server.mailboxes"});
    if (s->self_registering)
        gw_config_find(r->report, gw_config_line_of(r, &s->self_registering),
                       GW_R_CONFIG_OPEN_MAILBOXES, true, NULL, 0);
}

/* A tenant is found by its path on the common listeners, or has listeners of its own. */
static void osci_tenant_door_check(struct gw_config_reader *r, const struct gw_osci_server_conf *s)
{
    listeners_check(r, s->listeners, s->listeners_count);
    if (s->path == NULL && s->listeners_count == 0)
        FIND(r, s, GW_R_CONFIG_MISSING, {"key", "osci_server.tenants.path"});
    if (s->path != NULL && s->path[0] != '/')
        FIND(r, &s->path, GW_R_CONFIG_VALUE, {"key", "path"}, {"value", s->path},
             {"expected", "/..."});
    if (s->path != NULL && s->listeners_count > 0)
        FIND(r, &s->path, GW_R_CONFIG_VALUE, {"key", "path"}, {"value", s->path},
             {"expected", "path or listeners, not both"});
}

/* The listeners' own paths may be all the same, but no tenant's. */
static void path_taken_check(struct gw_config_reader *r, const struct gw_osci_server_conf *s,
                             const struct gw_osci_server_conf *tenant)
{
    char first[16];

    for (unsigned i = 0; i < s->listeners_count && tenant->path != NULL; i++) {
        const char *const *path = &s->listeners[i].path;

        if (*path == NULL || strcmp(*path, tenant->path) != 0)
            continue;
        (void)snprintf(first, sizeof first, "%d", gw_config_line_of(r, path));
        FIND(r, &tenant->path, GW_R_CONFIG_DUPLICATE_NAME, {"key", "osci_server.tenants.path"},
             {"value", tenant->path}, {"first", first});
        return;
    }
}

static void osci_server_check(struct gw_config_reader *r, const struct gw_osci_server_conf *s)
{
    struct seen_set names = {0}, paths = {0};

    listeners_check(r, s->listeners, s->listeners_count);
    if (s->identity != NULL)
        osci_tenant_check(r, s);
    else if (s->tenants_count == 0)
        FIND(r, s, GW_R_CONFIG_MISSING, {"key", "osci_server.identity"});
    for (unsigned i = 0; i < s->tenants_count; i++) {
        const struct gw_osci_server_conf *t = &s->tenants[i];

        seen_add(&names, t->name, &t->name);
        seen_add(&paths, t->path, &t->path);
        osci_tenant_door_check(r, t);
        path_taken_check(r, s, t);
        if (t->identity != NULL)
            osci_tenant_check(r, t);
    }
    seen_close(r, &names, "osci_server.tenants.name");
    seen_close(r, &paths, "osci_server.tenants.path");
}

/* One scanner, and one that we can ask. */
static void virus_scan_check(struct gw_config_reader *r, const struct gw_virus_scan_conf *scan)
{
    struct sockaddr_storage address;
    socklen_t len;

    command_check(r, scan->command, scan->command_count);
    if (scan->clamd == NULL && scan->command_count == 0)
        FIND(r, scan, GW_R_CONFIG_MISSING, {"key", "virus_scan.clamd"});
    else if (scan->clamd != NULL && scan->command_count > 0)
        FIND(r, &scan->clamd, GW_R_CONFIG_VALUE, {"key", "virus_scan.clamd"},
             {"value", scan->clamd}, {"expected", "nothing, where command is set"});
    else if (scan->clamd != NULL && !gw_scan_address(scan->clamd, &address, &len))
        FIND(r, &scan->clamd, GW_R_CONFIG_VALUE, {"key", "virus_scan.clamd"},
             {"value", scan->clamd},
             {"expected", "the absolute path of a socket, or 127.0.0.1:PORT"});
}

/* ---- XTA ---- */

/* May stand in an URN as it is. */
static bool instance_is_good(const char *instance)
{
    return instance[strspn(instance, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789-._")] == '\0';
}

/* Each port its own. */
static void xta_paths_check(struct gw_config_reader *r, const struct gw_xta_paths_conf *p)
{
    const char *const *const paths[] = {&p->v3.management, &p->v3.send,   &p->v3.msgbox,
                                        &p->v5.base,       &p->v5.sender, &p->v5.recipient,
                                        &p->v5.reader};
    struct seen_set seen = {0};

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        seen_add(&seen, *paths[i], paths[i]);
        if (*paths[i] != NULL && (*paths[i])[0] != '/')
            FIND(r, paths[i], GW_R_CONFIG_VALUE, {"key", "paths"}, {"value", *paths[i]},
                 {"expected", "/..."});
    }
    seen_close(r, &seen, "paths");
}

static void xta_account_check(struct gw_config_reader *r, const struct gw_config *config,
                              const struct gw_xta_account_conf *a)
{
    for (unsigned i = 0; i < a->parties_count; i++)
        if (a->parties[i] != NULL && gw_config_party(config, span_str(a->parties[i])) == NULL)
            FIND(r, &a->parties[i], GW_R_CONFIG_REFERENCE, {"key", "accounts.parties"},
                 {"value", a->parties[i]}, {"list", "endpoints.parties"});
}

/* Without a listener's own list. */
static bool clients_are_believed(const struct gw_config *config)
{
    bool believed = config->trust.tls_count > 0 || config->trust.xta_clients != NULL;

    for (unsigned i = 0; i < config->tenants_count && !believed; i++) {
        const struct gw_trust_conf *own = config->tenants[i].trust;

        believed = own != NULL && (own->tls_count > 0 || own->xta_clients != NULL);
    }
    return believed;
}

static void xta_server_check(struct gw_config_reader *r, const struct gw_config *config)
{
    const struct gw_xta_server_conf *s = config->xta_server;
    struct seen_set names = {0}, certificates = {0};

    if (config->tenants_count == 0)
        FIND(r, s, GW_R_CONFIG_MISSING, {"key", "tenant"});
    if (s->instance != NULL && !instance_is_good(s->instance))
        FIND(r, &s->instance, GW_R_CONFIG_VALUE, {"key", "xta_server.instance"},
             {"value", s->instance}, {"expected", "A-Z a-z 0-9 - . _"});
    url_check(r, &s->url);
    xta_paths_check(r, &s->paths);
    for (unsigned i = 0; i < s->listeners_count; i++) {
        const struct gw_xta_listener_conf *l = &s->listeners[i];

        if (l->tls != NULL)
            gw_config_check_pair(r, l->tls, "tls");
        if (l->paths != NULL)
            xta_paths_check(r, l->paths);
        if (l->client_authorities_count == 0 && !clients_are_believed(config))
            FIND(r, l, GW_R_CONFIG_MISSING, {"key", "client_authorities"});
    }
    for (unsigned i = 0; i < s->accounts_count; i++) {
        const struct gw_xta_account_conf *a = &s->accounts[i];

        seen_add(&names, a->name, &a->name);
        for (unsigned k = 0; k < a->certificates_count; k++)
            seen_add(&certificates, a->certificates[k], &a->certificates[k]);
        xta_account_check(r, config, a);
    }
    seen_close(r, &names, "accounts.name");
    seen_close(r, &certificates, "accounts.certificates");
}

/* The longest wait is no shorter than the first one. */
static void retry_check(struct gw_config_reader *r, const int64_t *at, int64_t first, int64_t max)
{
    char value[24];

    if (max >= first)
        return;
    (void)snprintf(value, sizeof value, "%lld", (long long)max);
    FIND(r, at, GW_R_CONFIG_VALUE, {"key", "retry.max_seconds"}, {"value", value},
         {"expected", "at least retry.first_seconds"});
}

static void own_retry_check(struct gw_config_reader *r, const struct gw_retry_conf *retry,
                            const struct gw_own_retry_conf *own)
{
    if (own->first_seconds > 0 || own->max_seconds > 0)
        retry_check(r, own->max_seconds > 0 ? &own->max_seconds : &own->first_seconds,
                    own->first_seconds > 0 ? own->first_seconds : retry->first_seconds,
                    own->max_seconds > 0 ? own->max_seconds : retry->max_seconds);
}

void gw_config_check(struct gw_config_reader *r, const struct gw_config *config)
{
    if (config->tenants_count == 0 && config->osci_server == NULL && r->report->errors == 0)
        gw_config_find(r->report, 0, GW_R_CONFIG_NO_ROLE, false, NULL, 0);
    for (unsigned i = 0; i < config->tenants_count; i++)
        identity_check(r, &config->tenants[i].identity);
    gw_config_check_tenants(r, config);
    gw_config_check_trust(r, config);
    intermediaries_check(r, config);
    xta_servers_check(r, config);
    gw_config_check_next(r, config);
    partners_check(r, config);
    endpoints_check(r, config);
    gw_config_check_rules(r, config);
    gw_config_check_targets(r, config);
    if (config->osci_server != NULL)
        osci_server_check(r, config->osci_server);
    if (config->osci_recipient != NULL)
        osci_recipient_check(r, config);
    if (config->virus_scan != NULL)
        virus_scan_check(r, config->virus_scan);
    if (config->xta_server != NULL)
        xta_server_check(r, config);
    retry_check(r, &config->retry.max_seconds, config->retry.first_seconds,
                config->retry.max_seconds);
    for (unsigned i = 0; i < config->endpoints_count; i++)
        own_retry_check(r, &config->retry, &config->endpoints[i].retry);
    for (unsigned i = 0; i < config->routes_count; i++)
        own_retry_check(r, &config->retry, &config->routes[i].retry);
    if (config->log.target == GW_LOG_FILE && config->log.file == NULL)
        FIND(r, &config->log, GW_R_CONFIG_MISSING, {"key", "log.file"});
}

/* ---- the directory ---- */

static void service_check(struct gw_config_reader *r, const struct gw_config *config,
                          const struct gw_directory_service *s)
{
    if (s->partner == NULL && s->endpoint == NULL)
        FIND(r, s, GW_R_CONFIG_MISSING, {"key", "partner"});
    if (s->partner != NULL && s->endpoint != NULL)
        FIND(r, &s->endpoint, GW_R_CONFIG_VALUE, {"key", "endpoint"}, {"value", s->endpoint},
             {"expected", "nothing, where partner is set"});
    if (s->partner != NULL && partner_find(config, s->partner) == NULL)
        FIND(r, &s->partner, GW_R_CONFIG_REFERENCE, {"key", "partner"}, {"value", s->partner},
             {"list", "partners"});
    if (s->endpoint != NULL && endpoint_find(config, s->endpoint) == NULL)
        FIND(r, &s->endpoint, GW_R_CONFIG_REFERENCE, {"key", "endpoint"}, {"value", s->endpoint},
             {"list", "endpoints"});
}

void gw_config_check_directory(struct gw_config_reader *r, const struct gw_config *config,
                               const struct gw_directory *directory)
{
    struct seen_set parties = {0};

    if (directory->parties == NULL && r->report->errors == 0)
        FIND(r, directory, GW_R_CONFIG_MISSING, {"key", "parties"});
    for (unsigned i = 0; i < directory->parties_count && r->report->count < GW_CONFIG_FINDINGS_MAX;
         i++) {
        const struct gw_directory_entry *e = &directory->parties[i];
        struct seen_set uris = {0};

        seen_add(&parties, lowered(r, e->party), &e->party);
        for (unsigned k = 0; k < e->services_count; k++) {
            seen_add(&uris, e->services[k].uri, &e->services[k].uri);
            service_check(r, config, &e->services[k]);
        }
        seen_close(r, &uris, "services.uri");
    }
    seen_close(r, &parties, "parties.party");
}
