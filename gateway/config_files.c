/*
 * What must hold outside the file: certificates and keys can be read, keys not by everybody,
 * folders have a parent, users exist.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/key.h"
#include "crypto/policy.h"
#include "gateway/config_schema.h"
#include "gateway/files.h"
#include "gateway/token.h"

enum { PEM_MAX = 1024 * 1024 };

#define FIND(r, at, code, ...)                                                                     \
    do {                                                                                           \
        const struct gw_explain_field fields_[] = {__VA_ARGS__};                                   \
        gw_config_find((r)->report, gw_config_line_of((r), (at)), (code), false, fields_,          \
                       ARRAY_LEN(fields_));                                                        \
    } while (0)

/* The file named at *at opens for reading; -1 after a finding, or when nothing is named. */
static int file_open(struct gw_config_reader *r, const char *const *at, const char *key,
                     struct stat *info)
{
    int fd;

    if (*at == NULL)
        return -1;
    fd = open(*at, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, info) == 0 && S_ISREG(info->st_mode))
        return fd;
    FIND(r, at, GW_R_CONFIG_FILE_MISSING, {"key", key}, {"path", *at},
         {"detail", fd < 0 ? strerror(errno) : "not a file"});
    if (fd >= 0)
        close(fd);
    return -1;
}

void gw_config_check_file(struct gw_config_reader *r, const char *const *at, const char *key)
{
    struct stat info;
    AUTO(fd_drop) int fd = file_open(r, at, key, &info);

    (void)fd;
}

void gw_config_check_secret(struct gw_config_reader *r, const char *const *at, const char *key)
{
    struct stat info;
    AUTO(fd_drop) int fd = file_open(r, at, key, &info);
    struct gw_key_file_fault fault;

    if (fd < 0 || gw_key_file_good(&r->keeper, &info, &fault))
        return;
    FIND(r, at, GW_R_CONFIG_KEY_MODE, {"key", key}, {"path", *at}, {"owner", fault.owner},
         {"mode", fault.mode}, {"right_owner", fault.right_owner},
         {"right_mode", fault.right_mode});
}

void gw_config_check_certificate(struct gw_config_reader *r, const char *const *at, const char *key)
{
    struct stat info;
    struct error err = {0};
    AUTO(buf_deinit) struct buf pem = {0};
    AUTO(cert_drop) struct cert *cert = NULL;
    AUTO(fd_drop) int fd = file_open(r, at, key, &info);
    uint8_t chunk[8192];
    ssize_t n;

    buf_init(&pem, PEM_MAX);
    if (fd < 0)
        return;
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        buf_add(&pem, span_of(chunk, (size_t)n));
    if (buf_check(&pem, &err) != ST_OK || cert_from_pem(buf_span(&pem), &cert, &err) != ST_OK)
        FIND(r, at, GW_R_CONFIG_CERTIFICATE, {"key", key}, {"path", *at}, {"detail", err.text});
}

static void algorithms_check(struct gw_config_reader *r, const char *const *at)
{
    struct policy_dates dates[POLICY_ROWS_MAX];
    AUTO(buf_deinit) struct buf text = {0};
    struct error err = {0};

    buf_init(&text, POLICY_FILE_MAX);
    if (*at != NULL && (gw_file_read(AT_FDCWD, *at, &text, &err) != ST_OK ||
                        policy_dates_read(buf_span(&text), dates, &err) != ST_OK))
        FIND(r, at, GW_R_CONFIG_ALGORITHMS, {"key", "algorithms"}, {"path", *at},
             {"detail", err.text});
}

void gw_config_check_pair_files(struct gw_config_reader *r, const struct gw_pair_conf *pair)
{
    if (!gw_token_is(pair->certificate))
        gw_config_check_certificate(r, &pair->certificate, "certificate");
    if (!gw_token_is(pair->key))
        gw_config_check_secret(r, &pair->key, "key");
    gw_config_check_file(r, &pair->module, "module");
    gw_config_check_secret(r, &pair->pkcs12, "pkcs12");
    gw_config_check_secret(r, &pair->passphrase_file, "passphrase_file");
}

static void identity_files(struct gw_config_reader *r, const struct gw_identity_conf *identity)
{
    gw_config_check_pair_files(r, &identity->signature);
    gw_config_check_pair_files(r, &identity->cipher);
    for (unsigned i = 0; i < identity->older_ciphers_count; i++)
        gw_config_check_pair_files(r, &identity->older_ciphers[i]);
    gw_config_check_next_identity_files(r, identity);
}

/* The folder itself may be made at start, what it lies in must be there. */
static void folder_check(struct gw_config_reader *r, const char *const *at, const char *key)
{
    struct stat info;
    char parent[1024];
    const char *slash = *at == NULL ? NULL : strrchr(*at, '/');

    if (slash == NULL)
        return;
    if (stat(*at, &info) == 0) {
        if (!S_ISDIR(info.st_mode))
            FIND(r, at, GW_R_CONFIG_FILE_MISSING, {"key", key}, {"path", *at},
                 {"detail", strerror(ENOTDIR)});
        return;
    }
    (void)snprintf(parent, sizeof parent, "%.*s", slash == *at ? 1 : (int)(slash - *at), *at);
    if (stat(parent, &info) != 0 || !S_ISDIR(info.st_mode))
        FIND(r, at, GW_R_CONFIG_FILE_MISSING, {"key", key}, {"path", parent},
             {"detail", strerror(ENOENT)});
}

/* A folder that somebody else fills: it must be there. */
static void folder_need(struct gw_config_reader *r, const char *const *at, const char *key)
{
    struct stat info;

    if (*at != NULL && stat(*at, &info) != 0)
        FIND(r, at, GW_R_CONFIG_FILE_MISSING, {"key", key}, {"path", *at},
             {"detail", strerror(errno)});
    else
        folder_check(r, at, key);
}

static void users_check(struct gw_config_reader *r, const char *const *users, unsigned count,
                        const char *key)
{
    uint64_t uid;

    for (unsigned i = 0; i < count; i++)
        if (users[i] != NULL && !span_to_u64(span_str(users[i]), &uid) &&
            getpwnam(users[i]) == NULL)
            FIND(r, &users[i], GW_R_CONFIG_USER, {"key", key}, {"value", users[i]});
}

/* Whose the socket is to be. */
static void owner_check(struct gw_config_reader *r, const struct gw_api_conf *api)
{
    uint64_t gid;

    users_check(r, &api->owner, 1, "owner");
    if (api->group != NULL && !span_to_u64(span_str(api->group), &gid) &&
        getgrnam(api->group) == NULL)
        FIND(r, &api->group, GW_R_CONFIG_USER, {"key", "group"}, {"value", api->group});
}

static void listeners_files(struct gw_config_reader *r, const struct gw_listener_conf *listeners,
                            unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (listeners[i].tls != NULL)
            gw_config_check_pair_files(r, listeners[i].tls);
        gw_config_check_next_tls_files(r, listeners[i].next_tls, listeners[i].next_tls_count);
    }
}

static void server_files(struct gw_config_reader *r, const struct gw_osci_server_conf *server,
                         const struct gw_tenant_conf *tenant)
{
    if (server->identity != NULL && (tenant == NULL || server->identity != &tenant->identity))
        identity_files(r, server->identity);
    listeners_files(r, server->listeners, server->listeners_count);
    for (unsigned i = 0; i < server->receivers_count; i++) {
        const struct gw_receiver_conf *to = &server->receivers[i];

        for (unsigned k = 0; k < to->authorities_count; k++)
            gw_config_check_certificate(r, &to->authorities[k], "authorities");
        if (to->tls != NULL)
            gw_config_check_pair_files(r, to->tls);
        gw_config_check_next_tls_files(r, to->next_tls, to->next_tls_count);
    }
    for (unsigned i = 0; i < server->mailboxes_count; i++)
        gw_config_check_certificate(r, &server->mailboxes[i].cipher_certificate,
                                    "cipher_certificate");
    for (unsigned i = 0; i < server->tenants_count; i++) /* those have none */
        server_files(r, &server->tenants[i], NULL);
}

static void recipient_files(struct gw_config_reader *r,
                            const struct gw_osci_recipient_conf *recipient)
{
    listeners_files(r, recipient->listeners, recipient->listeners_count);
}

static void xta_files(struct gw_config_reader *r, const struct gw_xta_server_conf *server)
{
    for (unsigned i = 0; i < server->listeners_count; i++) {
        const struct gw_xta_listener_conf *l = &server->listeners[i];

        if (l->tls != NULL)
            gw_config_check_pair_files(r, l->tls);
        gw_config_check_next_tls_files(r, l->next_tls, l->next_tls_count);
        for (unsigned k = 0; k < l->client_authorities_count; k++)
            gw_config_check_certificate(r, &l->client_authorities[k], "client_authorities");
    }
    folder_need(r, &server->crls, "xta_server.crls");
    for (unsigned i = 0; i < server->accounts_count; i++)
        for (unsigned k = 0; k < server->accounts[i].certificates_count; k++)
            gw_config_check_certificate(r, &server->accounts[i].certificates[k], "certificates");
}

/* The program is there and may be run. */
void gw_config_check_program(struct gw_config_reader *r, const char *const *command, unsigned count)
{
    struct stat info;

    if (count == 0 || command[0] == NULL || command[0][0] != '/')
        return;
    errno = EACCES;
    if (stat(command[0], &info) != 0 || !S_ISREG(info.st_mode) || access(command[0], X_OK) != 0)
        FIND(r, &command[0], GW_R_CONFIG_FILE_MISSING, {"key", "command"}, {"path", command[0]},
             {"detail", strerror(errno)});
}

static void answers_files(struct gw_config_reader *r, const struct gw_answers_conf *answers)
{
    folder_check(r, &answers->directory, "directory");
    gw_config_check_program(r, answers->command, answers->command_count);
}

void gw_config_check_files(struct gw_config_reader *r, const struct gw_config *config)
{
    gw_key_keeper_of(config, &r->keeper);
    folder_check(r, &config->state, "state");
    owner_check(r, &config->api);
    users_check(r, &config->security.user, 1, "security.user");
    algorithms_check(r, &config->security.algorithms);
    users_check(r, config->api.admins, config->api.admins_count, "api.admins");
    for (unsigned i = 0; i < config->tenants_count; i++)
        identity_files(r, &config->tenants[i].identity);
    folder_need(r, &config->trust.crls, "trust.crls");
    for (unsigned i = 0; i < config->intermediaries_count; i++) {
        const struct gw_intermediary_conf *im = &config->intermediaries[i];

        gw_config_check_certificate(r, &im->cipher_certificate, "cipher_certificate");
        gw_config_check_certificate(r, &im->signature_certificate, "signature_certificate");
        if (im->tls != NULL)
            gw_config_check_pair_files(r, im->tls);
    }
    for (unsigned i = 0; i < config->xta_servers_count; i++) {
        const struct gw_xta_peer_conf *x = &config->xta_servers[i];

        for (unsigned k = 0; k < x->authorities_count; k++)
            gw_config_check_certificate(r, &x->authorities[k], "authorities");
        if (x->tls != NULL)
            gw_config_check_pair_files(r, x->tls);
    }
    for (unsigned i = 0; i < config->partners_count; i++) {
        const struct gw_partner_conf *p = &config->partners[i];

        gw_config_check_certificate(r, &p->cipher_certificate, "cipher_certificate");
        for (unsigned k = 0; k < p->signature_certificates_count; k++)
            gw_config_check_certificate(r, &p->signature_certificates[k], "signature_certificates");
        for (unsigned k = 0; k < p->readers_count; k++)
            gw_config_check_certificate(r, &p->readers[k], "readers");
    }
    for (unsigned i = 0; i < config->endpoints_count; i++) {
        folder_check(r, &config->endpoints[i].folder, "folder");
        users_check(r, config->endpoints[i].users, config->endpoints[i].users_count, "users");
        if (config->endpoints[i].answers != NULL)
            answers_files(r, config->endpoints[i].answers);
        for (unsigned k = 0; k < config->endpoints[i].authors_count; k++)
            gw_config_check_pair_files(r, &config->endpoints[i].authors[k]);
    }
    if (config->osci_server != NULL)
        server_files(r, config->osci_server, gw_config_sole_tenant(config));
    if (config->osci_recipient != NULL)
        recipient_files(r, config->osci_recipient);
    if (config->virus_scan != NULL)
        gw_config_check_program(r, config->virus_scan->command, config->virus_scan->command_count);
    if (config->xta_server != NULL)
        xta_files(r, config->xta_server);
    gw_config_check_next_files(r, config);
    gw_config_check_target_files(r, config);
    gw_config_check_rule_files(r, config);
    gw_config_check_trust_files(r, config);
}

void gw_config_check_directory_files(struct gw_config_reader *r,
                                     const struct gw_directory *directory)
{
    for (unsigned i = 0; i < directory->parties_count; i++)
        for (unsigned k = 0; k < directory->parties[i].services_count; k++)
            gw_config_check_certificate(r, &directory->parties[i].services[k].certificate,
                                        "certificate");
}
