#include <grp.h>
#include <pwd.h>

#include "gateway/api_call.h"

/* A user's name, or a number that is no name. */
static enum status uid_find(const char *user, uid_t *uid, struct error *err)
{
    const struct passwd *row = getpwnam(user);
    uint64_t number;

    if (row != NULL) {
        *uid = row->pw_uid;
        return ST_OK;
    }
    if (!span_to_u64(span_str(user), &number) || number >= UINT32_MAX)
        return error_set(err, ST_INVALID, GW_R_CONFIG_USER, "there is no user %s", user);
    *uid = (uid_t)number;
    return ST_OK;
}

static enum status gid_find(const char *group, gid_t *gid, struct error *err)
{
    const struct group *row = getgrnam(group);
    uint64_t number;

    if (row != NULL) {
        *gid = row->gr_gid;
        return ST_OK;
    }
    if (!span_to_u64(span_str(group), &number) || number >= UINT32_MAX)
        return error_set(err, ST_INVALID, GW_R_CONFIG_USER, "there is no group %s", group);
    *gid = (gid_t)number;
    return ST_OK;
}

enum status gw_api_owner_load(const struct gw_api_conf *conf, struct gw_http_owner *owner,
                              struct error *err)
{
    *owner = (struct gw_http_owner){(uid_t)-1, (gid_t)-1};
    if (conf->owner != NULL)
        TRY(uid_find(conf->owner, &owner->uid, err));
    if (conf->group != NULL)
        TRY(gid_find(conf->group, &owner->gid, err));
    return ST_OK;
}

static enum status rights_add(struct gw_api_rights *rights, const char *const *users,
                              unsigned count, const struct gw_endpoint_conf *endpoint,
                              struct error *err)
{
    for (unsigned i = 0; i < count; i++) {
        uid_t uid;

        TRY(uid_find(users[i], &uid, err));
        rights->rows[rights->count++] = (struct gw_api_right){uid, endpoint};
    }
    return ST_OK;
}

enum status gw_api_rights_load(struct gw_api_rights *rights, const struct gw_config *conf,
                               struct error *err)
{
    size_t count = 2 + conf->api.admins_count;

    for (unsigned i = 0; i < conf->endpoints_count; i++)
        count += conf->endpoints[i].users_count;
    rights->count = 0;
    rights->rows = calloc(count, sizeof *rights->rows);
    TRY_ALLOC(rights->rows, err);
    rights->rows[rights->count++] = (struct gw_api_right){0, NULL};
    rights->rows[rights->count++] = (struct gw_api_right){geteuid(), NULL};
    TRY(rights_add(rights, conf->api.admins, conf->api.admins_count, NULL, err));
    for (unsigned i = 0; i < conf->endpoints_count; i++)
        TRY(rights_add(rights, conf->endpoints[i].users, conf->endpoints[i].users_count,
                       &conf->endpoints[i], err));
    return ST_OK;
}

void gw_api_rights_deinit(struct gw_api_rights *rights)
{
    free(rights->rows);
    *rights = (struct gw_api_rights){0};
}

bool gw_api_is_admin(const struct gw_api_rights *rights, uid_t uid)
{
    for (size_t i = 0; i < rights->count; i++)
        if (rights->rows[i].uid == uid && rights->rows[i].endpoint == NULL)
            return true;
    return false;
}

bool gw_api_may(const struct gw_api_rights *rights, uid_t uid, const char *endpoint)
{
    for (size_t i = 0; i < rights->count; i++) {
        const struct gw_api_right *row = &rights->rows[i];

        if (row->uid != uid)
            continue;
        if (row->endpoint == NULL ||
            (endpoint != NULL && strcmp(row->endpoint->name, endpoint) == 0))
            return true;
    }
    return false;
}

bool gw_api_may_any(const struct gw_api_rights *rights, uid_t uid)
{
    for (size_t i = 0; i < rights->count; i++)
        if (rights->rows[i].uid == uid)
            return true;
    return false;
}

bool gw_api_may_tenant(const struct gw_api_rights *rights, const struct gw_config *conf, uid_t uid,
                       const char *tenant)
{
    if (conf->tenants_count < 2 || gw_api_is_admin(rights, uid))
        return true;
    for (size_t i = 0; tenant != NULL && i < rights->count; i++)
        if (rights->rows[i].uid == uid &&
            gw_config_same_tenant(rights->rows[i].endpoint->tenant, tenant))
            return true;
    return false;
}

const char *gw_api_endpoint_next(const struct gw_api_rights *rights, uid_t uid, size_t *at)
{
    while (*at < rights->count) {
        const struct gw_api_right *row = &rights->rows[(*at)++];
        bool again = false;

        if (row->uid != uid || row->endpoint == NULL)
            continue;
        for (size_t i = 0; i + 1 < *at; i++) /* named twice: by name and by number, say */
            again =
                again || (rights->rows[i].uid == uid && rights->rows[i].endpoint == row->endpoint);
        if (!again)
            return row->endpoint->name;
    }
    return NULL;
}
