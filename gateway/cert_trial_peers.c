/* A message to a partner and one back, over an intermediary: three daemons in a folder of their
 * own. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "certs/demo_pki.h"
#include "gateway/api_client.h"
#include "gateway/cert_trial.h"
#include "gateway/files.h"
#include "gateway/trust.h"

enum { OWN, PEER, INTERMEDIARY, DAEMONS };
enum { TEMP_MAX = 50 /* so that sockets' names fit their addresses */ };
enum {
    PATIENCE_MS = 60 * 1000,
    OPENED_MS = 10 * 1000,
    PAUSE_MS = 200,
    PATH_BYTES = 4200,
    YAML_MAX = 256 * 1024
};

static const char *const names[DAEMONS] = {"own", "peer", "intermediary"};
static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

struct peers {
    const struct gw_trial_run *run;
    char dir[TEMP_MAX + 32];
    unsigned port;
    pid_t pids[DAEMONS]; /* 0: not started */
    struct gw_api *apis[DAEMONS];
};

/* ---- files ---- */

static const char *path_in(const struct peers *p, char path[static PATH_BYTES], const char *name,
                           const char *end)
{
    (void)snprintf(path, PATH_BYTES, "%s/%s%s", p->dir, name, end);
    return path;
}

static enum status file_write(const struct peers *p, const char *name, const char *end,
                              struct span bytes, struct error *err)
{
    char path[PATH_BYTES];
    AUTO(fd_drop)
    int fd = open(path_in(p, path, name, end), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                  0600);

    if (fd < 0 || write(fd, bytes.ptr, bytes.len) != (ssize_t)bytes.len)
        return error_set(err, ST_RETRY, 0, "%s cannot be written", path);
    return ST_OK;
}

/* As PEM: others know ours by it. */
static enum status cert_write(const struct peers *p, const char *name, const struct cert *cert,
                              struct error *err)
{
    AUTO(buf_deinit) struct buf pem = {0};

    buf_init(&pem, YAML_MAX);
    cert_to_pem(cert_der(cert), &pem);
    TRY(buf_check(&pem, err));
    return file_write(p, name, ".pem", buf_span(&pem), err);
}

static enum status issue(const struct peers *p, const struct demo_ca *ca, const char *name,
                         enum demo_kind kind, struct error *err)
{
    const struct demo_spec spec = {.kind = kind,
                                   .organisation = name,
                                   .rsa_bits = 2048,
                                   .from = p->run->conf->now - day_ms,
                                   .until = p->run->conf->now + day_ms};
    AUTO(demo_pair_deinit) struct demo_pair pair = {0};

    TRY(demo_ca_issue(ca, &spec, rng_system(), &pair, err));
    TRY(file_write(p, name, ".pem", buf_span(&pair.cert_pem), err));
    return file_write(p, name, ".key", buf_span(&pair.key_pem), err);
}

static enum status pki_make(const struct peers *p, struct error *err)
{
    const struct demo_spec spec = {.organisation = "depesche certs rehearse",
                                   .rsa_bits = 2048,
                                   .from = p->run->conf->now - day_ms,
                                   .until = p->run->conf->now + day_ms};
    AUTO(demo_ca_drop) struct demo_ca *ca = NULL;

    TRY(demo_ca_new(&spec, rng_system(), &ca, err));
    TRY(file_write(p, "ca", ".pem", buf_span(&demo_ca_pair(ca)->cert_pem), err));
    TRY(issue(p, ca, "peer-signature", DEMO_SIGNATURE, err));
    TRY(issue(p, ca, "peer-cipher", DEMO_CIPHER, err));
    TRY(issue(p, ca, "intermediary-signature", DEMO_SIGNATURE, err));
    TRY(issue(p, ca, "intermediary-cipher", DEMO_CIPHER, err));
    TRY(cert_write(p, "own-signature", p->run->next->signature.cert, err));
    return cert_write(p, "own-cipher", p->run->next->cipher.cert, err);
}

/* ---- settings ---- */

/* A path as YAML, whatever is in it. */
static void quote(struct buf *b, const char *text)
{
    buf_char(b, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            buf_char(b, '\'');
        buf_char(b, *text);
    }
    buf_char(b, '\'');
}

static void pair_yaml(struct buf *b, const struct gw_pair_conf *pair)
{
    const struct {
        const char *key, *value;
    } parts[] = {{"certificate", pair->certificate},
                 {"key", pair->key},
                 {"pkcs12", pair->pkcs12},
                 {"module", pair->module},
                 {"passphrase_file", pair->passphrase_file}};
    const char *between = "{";

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].value == NULL)
            continue;
        buf_printf(b, "%s%s: ", between, parts[i].key);
        quote(b, parts[i].value);
        between = ", ";
    }
    buf_str(b, "}");
}

static void identity_yaml(struct buf *b, const char *name)
{
    buf_printf(b,
               "    signature: {certificate: %s-signature.pem, key: %s-signature.key}\n"
               "    cipher: {certificate: %s-cipher.pem, key: %s-cipher.key}\n",
               name, name, name, name);
}

static void own_identity_yaml(struct buf *b, const struct gw_trial_run *run)
{
    const struct gw_identity_conf *now = &run->conf->tenant->identity;

    buf_str(b, "    signature: ");
    pair_yaml(b, run->signs ? &run->conf->pair : &now->signature);
    buf_str(b, "\n    cipher: ");
    pair_yaml(b, run->enciphers ? &run->conf->pair : &now->cipher);
    if (run->enciphers) {
        buf_str(b, "\n    older_ciphers: [");
        pair_yaml(b, &now->cipher);
        buf_str(b, "]");
    }
    buf_str(b, "\n");
}

struct believed {
    struct buf *b;
    const char *tenant;
};

/* Whatever issuers the tenant believes, for whichever purpose: here all are of one house. */
static void believed_see(void *ctx, const struct gw_trust_setting *setting)
{
    const struct believed *l = ctx;

    if (setting->name != NULL && strcmp(setting->name, l->tenant) != 0)
        return;
    for (unsigned i = 0; i < setting->store->authorities_count; i++) {
        if ((setting->purposes & CERT_FOR_OSCI) == 0)
            continue;
        buf_str(l->b, ", ");
        quote(l->b, setting->store->authorities[i]);
    }
}

static void trust_yaml(struct buf *b, const struct gw_trial_run *run)
{
    const struct gw_config *config = run->conf->config;
    struct believed believed = {b, run->conf->tenant->name};

    buf_str(b, "trust:\n  osci: [ca.pem");
    gw_trust_settings(config, believed_see, &believed);
    buf_str(b, "]\n");
    if (config->security.algorithms != NULL) {
        buf_str(b, "security: {algorithms: ");
        quote(b, config->security.algorithms);
        buf_str(b, "}\n");
    }
}

/* Us, or the partner, whose partner is the other. */
static void town_yaml(struct buf *b, const struct peers *p, int which)
{
    const char *own = names[which], *other = names[which == OWN ? PEER : OWN];

    buf_printf(b, "tenant:\n  name: %s\n  identity:\n", own);
    if (which == OWN)
        own_identity_yaml(b, p->run);
    else
        identity_yaml(b, own);
    buf_printf(b,
               "intermediaries:\n"
               "  - {name: way, url: 'http://127.0.0.1:%u/osci',"
               " cipher_certificate: intermediary-cipher.pem,"
               " signature_certificate: intermediary-signature.pem,"
               " poll_seconds: 1, receipt_poll_seconds: 1}\n"
               "partners:\n"
               "  - {name: %s, intermediary: way, cipher_certificate: %s-cipher.pem,"
               " signature_certificates: [%s-signature.pem]}\n"
               "endpoints:\n"
               "  - {name: trial, receives: {default: true}}\n",
               p->port, other, other, other);
}

static void intermediary_yaml(struct buf *b, const struct peers *p)
{
    buf_str(b, "osci_server:\n  identity:\n");
    identity_yaml(b, names[INTERMEDIARY]);
    buf_printf(b,
               "  listeners: [{address: 127.0.0.1, port: %u}]\n"
               "  self_registering: true\n",
               p->port);
}

/* Whose key files ours may be is judged by whose the state is (gateway/key_file.h): root tries for
 * the service user. */
static void owner_keep(const struct peers *p, const char *folder)
{
    struct stat info;

    if (geteuid() == 0 && stat(p->run->conf->config->state, &info) == 0)
        (void)!chown(folder, info.st_uid, info.st_gid);
}

static enum status settings_write(const struct peers *p, int which, struct error *err)
{
    AUTO(buf_deinit) struct buf yaml = {0};
    char path[PATH_BYTES];

    if (mkdir(path_in(p, path, names[which], ""), 0700) != 0)
        return error_set(err, ST_RETRY, 0, "%s cannot be made", path);
    if (which == OWN)
        owner_keep(p, path);
    buf_init(&yaml, YAML_MAX);
    buf_printf(&yaml, "state: %s\napi: {socket: %s.sock}\n", names[which], names[which]);
    trust_yaml(&yaml, p->run);
    if (which == INTERMEDIARY)
        intermediary_yaml(&yaml, p);
    else
        town_yaml(&yaml, p, which);
    TRY(buf_check(&yaml, err));
    return file_write(p, names[which], ".yaml", buf_span(&yaml), err);
}

/* ---- daemons ---- */

/* One that is free now. */
static enum status port_find(unsigned *port, struct error *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    AUTO(fd_drop) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof at;

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return error_set(err, ST_RETRY, 0, "no port on loopback is free");
    *port = ntohs(at.sin_port);
    return ST_OK;
}

/* Its words go to a file in the folder. */
/* In the child. Whatever ends the command takes its daemons with it. */
static _Noreturn void daemon_become(char *const argv[], const char *log, const char *program,
                                    pid_t parent)
{
    int in = open("/dev/null", O_RDONLY), out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent && in >= 0 && out >= 0 &&
        dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(1, 2) == 2)
        (void)execv(program, argv);
    _exit(127);
}

static enum status daemon_start(struct peers *p, int which, struct error *err)
{
    char config[PATH_BYTES], log[PATH_BYTES];
    char *argv[] = {(char *)(uintptr_t) "depesched", (char *)(uintptr_t) "--config", config, NULL};
    const pid_t parent = getpid();

    (void)path_in(p, config, names[which], ".yaml");
    (void)path_in(p, log, names[which], ".log");
    p->pids[which] = access(p->run->conf->daemon, X_OK) == 0 ? fork() : -1;
    if (p->pids[which] == 0)
        daemon_become(argv, log, p->run->conf->daemon, parent);
    return p->pids[which] > 0 ? ST_OK
                              : error_set(err, ST_RETRY, 0, "%s cannot be started: %s",
                                          p->run->conf->daemon, strerror(errno));
}

static void pause_ms(void)
{
    const struct timespec time = {0, PAUSE_MS * 1000000L};

    (void)nanosleep(&time, NULL);
}

/* What it said, if it has ended: the first line that is no event, or the last event. */
static enum status alive_check(struct peers *p, int which, struct error *err)
{
    AUTO(buf_deinit) struct buf log = {0};
    struct error ignored = {0};
    struct span text, line, said = {0};
    char path[PATH_BYTES];
    int status;

    if (waitpid(p->pids[which], &status, WNOHANG) != p->pids[which])
        return ST_OK;
    p->pids[which] = 0;
    buf_init(&log, YAML_MAX);
    (void)!gw_file_read(AT_FDCWD, path_in(p, path, names[which], ".log"), &log, &ignored);
    text = buf_span(&log);
    while (span_split(&text, '\n', &line)) {
        if (span_trim(line).len > 0)
            said = span_trim(line);
        if (said.len > 0 && span_find(said, SPAN("event=")) == SIZE_MAX)
            break;
    }
    return error_set(err, ST_RETRY, 0, "the daemon %s has ended: %.*s", names[which],
                     SPAN_FMT(span_sub(said, 0, 400)));
}

/* Until it answers. */
static enum status daemon_reach(struct peers *p, int which, struct error *err)
{
    char socket[PATH_BYTES];

    TRY(gw_api_new(path_in(p, socket, names[which], ".sock"), GW_LANG_EN, &p->apis[which], err));
    for (int ms = 0; ms < PATIENCE_MS; ms += PAUSE_MS) {
        json_t *status = NULL;
        struct error why = {0};
        enum status st = gw_api_get(p->apis[which], "/v1/status", &status, &why);

        json_decref(status);
        if (st == ST_OK)
            return ST_OK;
        TRY(alive_check(p, which, err));
        pause_ms();
    }
    return error_set(err, ST_RETRY, 0, "the daemon %s does not answer", names[which]);
}

static enum status daemons_start(struct peers *p, struct error *err)
{
    TRY(port_find(&p->port, err));
    for (int i = 0; i < DAEMONS; i++)
        TRY(settings_write(p, i, err));
    for (int i = 0; i < DAEMONS; i++)
        TRY(daemon_start(p, i, err));
    for (int i = 0; i < DAEMONS; i++)
        TRY(daemon_reach(p, i, err));
    return ST_OK;
}

static void daemons_end(struct peers *p)
{
    for (int i = 0; i < DAEMONS; i++)
        if (p->pids[i] > 0)
            (void)kill(p->pids[i], SIGTERM);
    for (int i = 0; i < DAEMONS; i++) {
        if (p->pids[i] > 0)
            (void)waitpid(p->pids[i], NULL, 0);
        gw_api_free(p->apis[i]);
    }
}

/* ---- messages ---- */

static enum status probe_send(struct peers *p, int from, struct span content, char id[64],
                              struct error *err)
{
    AUTO(json_drop) json_t *meta = NULL, *answer = NULL;
    char path[PATH_BYTES], name[32];
    const char *files[] = {path};

    (void)snprintf(name, sizeof name, "from-%s", names[from]);
    TRY(file_write(p, name, ".txt", content, err));
    (void)path_in(p, path, name, ".txt");
    meta = json_pack("{ssssss}", "endpoint", "trial", "recipient", names[from == OWN ? PEER : OWN],
                     "message_type", "trial");
    TRY_ALLOC(meta, err);
    TRY(gw_api_send(p->apis[from], meta, NULL, files, 1, NULL, NULL, &answer, err));
    (void)snprintf(id, 64, "%s", json_string_value(json_object_get(answer, "id")));
    return ST_OK;
}

/* What is known about the message now; good: it is delivered. */
static enum status sent_look(struct peers *p, int from, const char *id, bool *good,
                             struct error *err)
{
    AUTO(json_drop) json_t *message = NULL;
    const char *state, *why;
    char path[128];

    (void)snprintf(path, sizeof path, "/v1/messages/%s", id);
    TRY(gw_api_get(p->apis[from], path, &message, err));
    state = json_string_value(json_object_get(message, "state"));
    why = json_string_value(json_object_get(json_object_get(message, "last_error"), "en"));
    *good = state != NULL && strcmp(state, "delivered") == 0;
    if (state != NULL && !*good &&
        (strcmp(state, "failed") == 0 || strcmp(state, "quarantined") == 0))
        return error_set(err, ST_DENIED, 0, "%s", why == NULL ? state : why);
    (void)snprintf(err->text, sizeof err->text, "%s", why == NULL ? "" : why); /* if it stays so */
    return ST_OK;
}

/* The content as the other side has it. It is fetched before it is opened. */
static enum status taken_look(struct peers *p, int at, struct span content, struct error *err)
{
    AUTO(json_drop) json_t *list = NULL;
    const json_t *first;
    struct span bytes;
    char path[256];

    TRY(gw_api_get(p->apis[at], "/v1/messages?box=inbox", &list, err));
    first = json_array_get(json_object_get(list, "messages"), 0);
    if (first == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "it is called delivered, but %s has nothing",
                         names[at]);
    (void)snprintf(path, sizeof path, "/v1/messages/%s/files/1",
                   json_string_value(json_object_get(first, "id")));
    TRY(gw_api_bytes(p->apis[at], path, &bytes, err));
    return span_eq(bytes, content)
               ? ST_OK
               : error_set(err, ST_INVALID, 0, "%s has got other bytes", names[at]);
}

static enum status taken_check(struct peers *p, int at, struct span content, struct error *err)
{
    struct error why = {0};

    for (int ms = 0; ms < OPENED_MS; ms += PAUSE_MS) {
        why = (struct error){0};
        if (taken_look(p, at, content, &why) == ST_OK)
            return ST_OK;
        pause_ms();
    }
    *err = why;
    return err->status;
}

static enum status message_go(struct peers *p, int from, struct error *err)
{
    char id[64], content[96];
    struct error why = {0};
    bool good = false;

    (void)snprintf(content, sizeof content, "depesche certs rehearse, from %s, %lld\n", names[from],
                   (long long)p->run->conf->now);
    TRY(probe_send(p, from, span_str(content), id, err));
    for (int ms = 0; ms < PATIENCE_MS && !good; ms += PAUSE_MS) {
        pause_ms();
        for (int i = 0; i < DAEMONS; i++)
            TRY(alive_check(p, i, err));
        TRY(sent_look(p, from, id, &good, &why) == ST_OK ? ST_OK : (*err = why, why.status));
    }
    if (!good)
        return error_set(err, ST_RETRY, 0, "not delivered within %d seconds%s%s",
                         PATIENCE_MS / 1000, why.text[0] == '\0' ? "" : ": ", why.text);
    return taken_check(p, from == OWN ? PEER : OWN, span_str(content), err);
}

/* ---- both ---- */

static void row_set(struct gw_trial_row *row, enum status st, const struct error *err)
{
    row->result = st == ST_OK ? GW_TRIAL_GOOD : GW_TRIAL_FAILED;
    if (st != ST_OK)
        (void)snprintf(row->detail, sizeof row->detail, "%s", err->text);
}

static enum status folder_make(struct peers *p, struct error *err)
{
    const char *temp = getenv("TMPDIR");

    if (temp == NULL || temp[0] != '/' || strlen(temp) > TEMP_MAX)
        temp = "/tmp";
    (void)snprintf(p->dir, sizeof p->dir, "%s/depesche-rehearse.XXXXXX", temp);
    if (mkdtemp(p->dir) == NULL) {
        p->dir[0] = '\0';
        return error_set(err, ST_RETRY, 0, "no folder can be made in %s", temp);
    }
    TRY(pki_make(p, err));
    return daemons_start(p, err);
}

void gw_trial_peers(const struct gw_trial_run *run, struct gw_trial_row *there,
                    struct gw_trial_row *back)
{
    struct peers p = {.run = run};
    struct error err = {0}, ignored = {0};
    enum status st = folder_make(&p, &err);

    if (st == ST_OK)
        st = message_go(&p, OWN, &err);
    row_set(there, st, &err);
    if (st == ST_OK)
        row_set(back, message_go(&p, PEER, &err), &err);
    daemons_end(&p);
    if (p.dir[0] != '\0')
        (void)!gw_dir_remove(AT_FDCWD, p.dir, &ignored);
}
