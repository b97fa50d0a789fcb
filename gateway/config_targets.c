/* What must hold for targets: one way each, addresses that can be nothing else, and their files. */
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "gateway/config_schema.h"
#include "gateway/files.h"

#define FIND(r, at, code, ...)                                                                     \
    do {                                                                                           \
        const struct gw_explain_field fields_[] = {__VA_ARGS__};                                   \
        gw_config_find((r)->report, gw_config_line_of((r), (at)), (code), false, fields_,          \
                       ARRAY_LEN(fields_));                                                        \
    } while (0)

const struct gw_target_conf *gw_config_target(const struct gw_config *config, const char *name)
{
    for (unsigned i = 0; i < config->targets_count; i++)
        if (config->targets[i].name != NULL && strcmp(config->targets[i].name, name) == 0)
            return &config->targets[i];
    return NULL;
}

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* ---- between settings ---- */

/* Recipients and destinations share one space of names. */
static const void *name_before(const struct gw_config *config, unsigned n)
{
    const char *name = config->targets[n].name;

    for (unsigned i = 0; i < n; i++)
        if (same(config->targets[i].name, name))
            return &config->targets[i].name;
    for (unsigned i = 0; i < config->partners_count; i++)
        if (same(config->partners[i].name, name))
            return &config->partners[i].name;
    for (unsigned i = 0; i < config->intermediaries_count; i++)
        if (same(config->intermediaries[i].name, name))
            return &config->intermediaries[i].name;
    for (unsigned i = 0; i < config->xta_servers_count; i++)
        if (same(config->xta_servers[i].name, name))
            return &config->xta_servers[i].name;
    return NULL;
}

static bool url_part_empty(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool empty = curl_url_get(url, part, &text, 0) != CURLUE_OK || text[0] == '\0';

    curl_free(text);
    return empty;
}

/* Of one of the schemes, with a host; who we are there and what it is asked stand elsewhere. */
static bool url_is_good(const char *text, const char *const *schemes, bool path)
{
    static const CURLUPart unwanted[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS,
                                         CURLUPART_QUERY, CURLUPART_FRAGMENT};
    CURLU *url = curl_url();
    char *scheme = NULL, *found = NULL;
    bool good = false;

    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("\"'\\*", *c) != NULL) {
            curl_url_cleanup(url);
            return false;
        }
    if (url != NULL &&
        curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK) {
        for (; *schemes != NULL && !good; schemes++)
            good = strcmp(scheme, *schemes) == 0;
        good = good && !url_part_empty(url, CURLUPART_HOST);
        for (size_t i = 0; i < ARRAY_LEN(unwanted); i++)
            good = good && url_part_empty(url, unwanted[i]);
        good = good && curl_url_get(url, CURLUPART_PATH, &found, 0) == CURLUE_OK &&
               (path || strcmp(found, "/") == 0);
    }
    curl_free(scheme);
    curl_free(found);
    curl_url_cleanup(url);
    return good;
}

static void url_check(struct gw_config_reader *r, const char *const *at, const char *const *schemes,
                      bool path, const char *expected)
{
    if (*at != NULL && !url_is_good(*at, schemes, path))
        FIND(r, at, GW_R_CONFIG_VALUE, {"key", "url"}, {"value", *at}, {"expected", expected});
}

/* somebody@host, in letters that need no quoting anywhere. */
static bool address_is_good(const char *address)
{
    const char *at = strchr(address, '@');

    if (at == NULL || at == address || at[1] == '\0' || strlen(address) > 254)
        return false;
    for (const char *c = address; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f ||
            strchr("<>()[]\\,;:\"", *c) != NULL || (*c == '@' && c != at))
            return false;
    return true;
}

static void address_check(struct gw_config_reader *r, const char *const *at, const char *key)
{
    if (*at != NULL && !address_is_good(*at))
        FIND(r, at, GW_R_CONFIG_VALUE, {"key", key}, {"value", *at},
             {"expected", "name@example.org"});
}

/* Both or none. */
static void login_check(struct gw_config_reader *r, const void *block, const char *user,
                        const char *password_file)
{
    if ((user == NULL) != (password_file == NULL))
        FIND(r, block, GW_R_CONFIG_MISSING, {"key", user == NULL ? "user" : "password_file"});
}

static void marker_check(struct gw_config_reader *r, const char *const *at)
{
    char name[GW_NAME_SIZE];

    if (*at == NULL)
        return;
    (void)snprintf(name, sizeof name, "x%s", *at);
    if (strlen(*at) > 32 || !gw_name_is_safe(span_str(name)))
        FIND(r, at, GW_R_CONFIG_VALUE, {"key", "marker"}, {"value", *at}, {"expected", ".ok"});
}

static void email_check(struct gw_config_reader *r, const struct gw_email_conf *e)
{
    static const char *const schemes[] = {"smtp", "smtps", NULL};

    url_check(r, &e->url, schemes, false, "smtp://host:587, smtps://host:465");
    address_check(r, &e->from, "from");
    for (unsigned i = 0; i < e->to_count; i++)
        address_check(r, &e->to[i], "to");
    login_check(r, e, e->user, e->password_file);
    if (e->user != NULL && !e->starttls && e->url != NULL && strncmp(e->url, "smtp:", 5) == 0)
        FIND(r, &e->user, GW_R_CONFIG_VALUE, {"key", "user"}, {"value", e->user},
             {"expected", "starttls: true"}); /* no password in clear text */
}

static void sftp_check(struct gw_config_reader *r, const struct gw_sftp_conf *s)
{
    static const char *const schemes[] = {"sftp", NULL};

    url_check(r, &s->url, schemes, true, "sftp://host/folder/");
    if ((s->key == NULL) == (s->password_file == NULL))
        FIND(r, s, GW_R_CONFIG_MISSING, {"key", "key"});
    if (s->passphrase_file != NULL && s->key == NULL)
        FIND(r, &s->passphrase_file, GW_R_CONFIG_MISSING, {"key", "key"});
    marker_check(r, &s->marker);
}

static void webdav_check(struct gw_config_reader *r, const struct gw_webdav_conf *w)
{
    static const char *const schemes[] = {"https", "http", NULL};

    url_check(r, &w->url, schemes, true, "https://host/folder/");
    login_check(r, w, w->user, w->password_file);
    if (w->user != NULL && w->url != NULL && strncmp(w->url, "http:", 5) == 0)
        FIND(r, &w->user, GW_R_CONFIG_VALUE, {"key", "user"}, {"value", w->user},
             {"expected", "https://"});
    marker_check(r, &w->marker);
}

static void target_check(struct gw_config_reader *r, const struct gw_config *config, unsigned n)
{
    const struct gw_target_conf *t = &config->targets[n];
    const void *before = t->name == NULL ? NULL : name_before(config, n);
    int ways =
        (t->command_count > 0) + (t->email != NULL) + (t->sftp != NULL) + (t->webdav != NULL);
    char first[16];

    if (before != NULL) {
        (void)snprintf(first, sizeof first, "%d", gw_config_line_of(r, before));
        FIND(r, &t->name, GW_R_CONFIG_DUPLICATE_NAME, {"key", "targets.name"}, {"value", t->name},
             {"first", first});
    }
    if (ways == 0)
        FIND(r, t, GW_R_CONFIG_MISSING, {"key", "command"});
    if (ways > 1)
        FIND(r, t, GW_R_CONFIG_VALUE, {"key", "targets"}, {"value", t->name},
             {"expected", "one of command, email, sftp, webdav"});
    if (t->command_count > 0 && t->command[0] != NULL && t->command[0][0] != '/')
        FIND(r, &t->command[0], GW_R_CONFIG_VALUE, {"key", "command"}, {"value", t->command[0]},
             {"expected", "/..."});
    if (t->email != NULL)
        email_check(r, t->email);
    if (t->sftp != NULL)
        sftp_check(r, t->sftp);
    if (t->webdav != NULL)
        webdav_check(r, t->webdav);
}

static void calendar_check(struct gw_config_reader *r, const struct gw_config *config)
{
    const char *const *mail = &config->calendar.mail;
    const struct gw_target_conf *target = *mail == NULL ? NULL : gw_config_target(config, *mail);

    if (*mail != NULL && (target == NULL || target->email == NULL))
        FIND(r, mail, GW_R_CONFIG_REFERENCE, {"key", "calendar.mail"}, {"value", *mail},
             {"list", "targets (email)"});
}

void gw_config_check_targets(struct gw_config_reader *r, const struct gw_config *config)
{
    calendar_check(r, config);
    for (unsigned i = 0; i < config->targets_count; i++)
        target_check(r, config, i);
}

/* ---- outside ---- */

static void authorities_files(struct gw_config_reader *r, const char *const *authorities,
                              unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        gw_config_check_certificate(r, &authorities[i], "authorities");
}

void gw_config_check_target_files(struct gw_config_reader *r, const struct gw_config *config)
{
    for (unsigned i = 0; i < config->targets_count; i++) {
        const struct gw_target_conf *t = &config->targets[i];

        gw_config_check_program(r, t->command, t->command_count);
        if (t->email != NULL) {
            authorities_files(r, t->email->authorities, t->email->authorities_count);
            gw_config_check_secret(r, &t->email->password_file, "password_file");
        }
        if (t->sftp != NULL) {
            gw_config_check_file(r, &t->sftp->known_hosts, "known_hosts");
            gw_config_check_secret(r, &t->sftp->key, "key");
            gw_config_check_secret(r, &t->sftp->passphrase_file, "passphrase_file");
            gw_config_check_secret(r, &t->sftp->password_file, "password_file");
        }
        if (t->webdav != NULL) {
            authorities_files(r, t->webdav->authorities, t->webdav->authorities_count);
            gw_config_check_secret(r, &t->webdav->password_file, "password_file");
        }
    }
}
