#include "gateway/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "crypto/key_away.h"
#include "gateway/carrier.h"
#include "gateway/certificates.h"
#include "gateway/http_wait.h"
#include "gateway/keys_away.h"
#include "gateway/reason.h"

enum { ROWS_MAX = 2000, SENTENCE_MAX = 4096, FOLDER_MAX = 4096, ANSWER_MAX = 1024 * 1024 };
enum { DISK_LOW_PERCENT = 10, DISK_BAD_PERCENT = 2, REACH_MS = 15000 };

struct look {
    const struct gw_runtime *rt;
    int64_t now;
    struct arena *arena;
    struct gw_doctor_list *list;
    bool no_memory;
};

const char *gw_doctor_subject_name(enum gw_doctor_subject subject)
{
    static const char *const names[] = {"settings", "folder",      "certificate", "clock",
                                        "disk",     "destination", "scanner"};

    return names[subject];
}

const char *gw_doctor_level_name(enum gw_doctor_level level)
{
    static const char *const names[] = {"good", "warning", "bad"};

    return names[level];
}

static const char *kept(struct look *l, const char *text)
{
    const char *copy = arena_str(l->arena, span_str(text));

    l->no_memory = l->no_memory || copy == NULL;
    return copy == NULL ? "" : copy;
}

static struct gw_doctor_row *row_add(struct look *l, enum gw_doctor_subject subject,
                                     const char *name)
{
    struct gw_doctor_row *row = &l->list->rows[l->list->count];

    if (l->list->count == ROWS_MAX)
        return NULL;
    l->list->count++;
    *row = (struct gw_doctor_row){
        .subject = subject, .name = kept(l, name), .action_de = "", .action_en = ""};
    return row;
}

static void good(struct look *l, enum gw_doctor_subject subject, const char *name, const char *de,
                 const char *en)
{
    struct gw_doctor_row *row = row_add(l, subject, name);

    if (row == NULL)
        return;
    row->de = kept(l, de);
    row->en = kept(l, en);
}

static const char *sentence(struct look *l, int reason, enum gw_lang lang, bool action,
                            const struct gw_explain_field *fields, size_t count)
{
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, SENTENCE_MAX);
    if (action)
        gw_explain_action(&b, reason, lang, fields, count);
    else
        gw_explain_what(&b, reason, lang, fields, count);
    return kept(l, buf_cstr(&b));
}

static void trouble(struct look *l, enum gw_doctor_subject subject, enum gw_doctor_level level,
                    const char *name, int reason, const struct gw_explain_field *fields,
                    size_t count)
{
    struct gw_doctor_row *row = row_add(l, subject, name);

    if (row == NULL)
        return;
    row->level = level;
    row->reason = reason;
    row->de = sentence(l, reason, GW_LANG_DE, false, fields, count);
    row->en = sentence(l, reason, GW_LANG_EN, false, fields, count);
    row->action_de = sentence(l, reason, GW_LANG_DE, true, fields, count);
    row->action_en = sentence(l, reason, GW_LANG_EN, true, fields, count);
}

/* ---- settings ---- */

static void settings_look(struct look *l)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(gw_config_drop) const struct gw_config *config = NULL;
    const char *path = l->rt->conf->path;
    struct error err = {0};
    enum status st;

    gw_config_report_init(&report);
    st = gw_config_load(path, &config, &report, &err);
    for (size_t i = 0; i < report.count; i++) {
        const struct gw_config_finding *f = &report.findings[i];
        struct gw_doctor_row *row = row_add(l, GW_DOCTOR_SETTINGS, path);

        if (row == NULL)
            return;
        *row = (struct gw_doctor_row){.subject = GW_DOCTOR_SETTINGS,
                                      .level = f->warning ? GW_DOCTOR_WARNING : GW_DOCTOR_BAD,
                                      .name = kept(l, path),
                                      .reason = f->code,
                                      .de = kept(l, f->de),
                                      .en = kept(l, f->en),
                                      .action_de = kept(l, f->action_de),
                                      .action_en = kept(l, f->action_en)};
    }
    if (st != ST_OK)
        return;
    if (!span_eq(config->text, l->rt->conf->text))
        trouble(l, GW_DOCTOR_SETTINGS, GW_DOCTOR_WARNING, path, GW_R_CONFIG_PENDING, NULL, 0);
    else
        good(l, GW_DOCTOR_SETTINGS, path, "gelesen und in Kraft", "read and in force");
}

/* ---- folders and disk ---- */

static void folder_look(struct look *l, const char *path)
{
    const struct gw_explain_field fields[] = {
        {"folder", path},
        {"detail", access(path, R_OK | W_OK | X_OK) == 0 ? NULL : strerror(errno)}};

    if (fields[1].value == NULL)
        good(l, GW_DOCTOR_FOLDER, path, "lesbar und beschreibbar", "readable and writable");
    else
        trouble(l, GW_DOCTOR_FOLDER, GW_DOCTOR_BAD, path, GW_R_SPOOL_FOLDER, fields,
                ARRAY_LEN(fields));
}

static void disk_look(struct look *l, const char *path)
{
    struct statvfs fs;
    char free_percent[8], de[64], en[64];
    const struct gw_explain_field fields[] = {{"path", path}, {"percent", free_percent}};
    unsigned percent;

    if (statvfs(path, &fs) != 0 || fs.f_blocks == 0)
        return; /* the folder's own row says that it is not there */
    percent = (unsigned)(fs.f_bavail * 100 / fs.f_blocks);
    (void)snprintf(free_percent, sizeof free_percent, "%u", percent);
    (void)snprintf(de, sizeof de, "%u %% frei", percent);
    (void)snprintf(en, sizeof en, "%u %% free", percent);
    if (percent >= DISK_LOW_PERCENT)
        good(l, GW_DOCTOR_DISK, path, de, en);
    else
        trouble(l, GW_DOCTOR_DISK, percent < DISK_BAD_PERCENT ? GW_DOCTOR_BAD : GW_DOCTOR_WARNING,
                path, GW_R_DISK_LOW, fields, ARRAY_LEN(fields));
}

static void folders_look(struct look *l)
{
    static const char *const parts[] = {"out", "sent", "refused", "in", "receipts"};
    const struct gw_config *conf = l->rt->conf;
    char path[FOLDER_MAX];

    folder_look(l, conf->state);
    disk_look(l, conf->state);
    for (unsigned i = 0; conf->tenants_count > 0 && i < conf->endpoints_count; i++) {
        const char *folder = conf->endpoints[i].folder;

        if (folder == NULL)
            continue;
        for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
            (void)snprintf(path, sizeof path, "%s/%s", folder, parts[k]);
            folder_look(l, path);
        }
        disk_look(l, folder);
    }
}

/* ---- clock ---- */

static void clock_look(struct look *l)
{
    struct timex tx = {0};
    int state = adjtimex(&tx);

    if (state == TIME_ERROR || (state >= 0 && (tx.status & STA_UNSYNC) != 0))
        trouble(l, GW_DOCTOR_CLOCK, GW_DOCTOR_WARNING, "", GW_R_CLOCK, NULL, 0);
    else if (state >= 0) /* else we may not ask */
        good(l, GW_DOCTOR_CLOCK, "", "mit einem Zeitserver abgeglichen",
             "synchronised with a time server");
}

/* ---- certificates ---- */

/* "Stadt B, partners.readers: CN=..." */
static void certificate_name(const struct gw_cert_use *use, char *name, size_t cap)
{
    (void)snprintf(name, cap, "%s%s%s: %s", use->name == NULL ? "" : use->name,
                   use->name == NULL ? "" : ", ", use->setting,
                   use->cert != NULL ? cert_subject(use->cert) : use->path);
}

static void certificate_good(struct look *l, const char *name, long long days)
{
    char de[64], en[64];

    (void)snprintf(de, sizeof de, "noch %lld Tage gültig", days);
    (void)snprintf(en, sizeof en, "valid for %lld more days", days);
    good(l, GW_DOCTOR_CERTIFICATE, name, de, en);
}

static void certificate_look(void *ctx, const struct gw_cert_use *use)
{
    struct look *l = ctx;
    char name[512], until[16] = "", from[16] = "";
    int reason = GW_R_CONFIG_CERTIFICATE;
    const struct gw_explain_field fields[] = {
        {"subject", use->cert == NULL ? NULL : cert_subject(use->cert)},
        {"until", until},
        {"from", from},
        {"key", use->setting},
        {"path", use->path},
        {"detail", use->detail}};

    certificate_name(use, name, sizeof name);
    if (use->cert != NULL) {
        reason = gw_cert_finding(use, l->now);
        gw_cert_day(cert_not_after(use->cert), until);
        gw_cert_day(cert_not_before(use->cert), from);
    }
    if (reason == 0 && gw_cert_replaced(use, l->now))
        good(l, GW_DOCTOR_CERTIFICATE, name, "ein anderes tut seinen Dienst",
             "another one does its work");
    else if (reason == 0)
        certificate_good(l, name, gw_cert_days_left(use->cert, l->now));
    else
        trouble(l, GW_DOCTOR_CERTIFICATE,
                reason == GW_R_CERT_EXPIRES_SOON ? GW_DOCTOR_WARNING : GW_DOCTOR_BAD, name, reason,
                fields, ARRAY_LEN(fields));
}

/* Computes with each key that is elsewhere. */
static void away_look(void *ctx, const char *whose, const struct identity_pair *pair)
{
    struct look *l = ctx;
    struct error err = {0};
    char name[512];
    const struct gw_explain_field fields[] = {{"detail", err.text}};

    (void)snprintf(name, sizeof name, "%s: %s", whose, cert_subject(pair->cert));
    if (key_try(pair->key, &err) == ST_OK)
        good(l, GW_DOCTOR_CERTIFICATE, name, "der Schlüssel rechnet, wo er liegt",
             "the key computes where it lies");
    else
        trouble(l, GW_DOCTOR_CERTIFICATE, GW_DOCTOR_BAD, name, gw_reason_of(&err), fields,
                ARRAY_LEN(fields));
}

/* ---- destinations ---- */

/* With what credentials we go there; NULL: those of nobody. */
static const struct gw_tls_client *tls_of(const struct gw_runtime *rt, const char *name)
{
    for (size_t i = 0; i < rt->peer_count; i++)
        if (strcmp(rt->peers[i].conf->name, name) == 0)
            return gw_tls_client_at(&rt->peers[i].tls, &rt->peers[i].next_tls, gw_now_ms());
    for (size_t i = 0; i < rt->xta_peer_count; i++)
        if (strcmp(rt->xta_peers[i].conf->name, name) == 0)
            return gw_tls_client_at(&rt->xta_peers[i].tls, &rt->xta_peers[i].next_tls, gw_now_ms());
    return NULL;
}

/* Whatever it answers to a plain GET: it is there, and TLS is all right. */
static void destination_look(struct look *l, const struct gw_destination *to)
{
    AUTO(gw_http_waited_deinit) struct gw_http_waited waited = {0};
    char host[256], port[256], seconds[16];
    struct error err = {0};
    struct gw_http_call call = {.method = "GET",
                                .url = to->url,
                                .tls = tls_of(l->rt, to->name),
                                .connect_ms = REACH_MS,
                                .total_ms = REACH_MS,
                                .answer_max = ANSWER_MAX};
    const struct gw_explain_field fields[] = {
        {"host", host}, {"port", port}, {"seconds", seconds}, {"detail", err.text}};
    enum status st = gw_http_wait(l->rt, &call, &waited, &err);

    gw_explain_url(to->url, host, port, sizeof host);
    (void)snprintf(seconds, sizeof seconds, "%d", REACH_MS / 1000);
    if (st == ST_OK)
        good(l, GW_DOCTOR_DESTINATION, to->name, "antwortet", "answers");
    else if (err.reason != 0) /* else we are stopping */
        trouble(l, GW_DOCTOR_DESTINATION, GW_DOCTOR_BAD, to->name, err.reason, fields,
                ARRAY_LEN(fields));
}

static void destinations_look(struct look *l)
{
    struct gw_destination to;

    for (size_t i = 0; l->rt->conf->tenants_count > 0 && gw_destination_at(l->rt, i, &to); i++)
        if (strncmp(to.url, "http", 4) == 0)
            destination_look(l, &to);
}

/* ---- the virus scanner ---- */

/* As those found it who asked: one that hangs must not hang us, too. */
static void scanner_look(struct look *l)
{
    const struct gw_virus_scan_conf *conf = l->rt->conf->virus_scan;
    struct error why = {0};
    const struct gw_explain_field fields[] = {{"detail", why.text}};
    const char *name = conf == NULL ? NULL : conf->clamd != NULL ? conf->clamd : conf->command[0];

    if (conf == NULL)
        return;
    if (gw_scan_guard_down_since(l->rt->scan_guard, &why) == 0)
        good(l, GW_DOCTOR_SCANNER, name, "antwortet, soweit gefragt", "answers, as far as asked");
    else
        trouble(l, GW_DOCTOR_SCANNER, GW_DOCTOR_BAD, name, GW_R_SCAN_UNAVAILABLE, fields,
                ARRAY_LEN(fields));
}

enum status gw_doctor_look(const struct gw_runtime *rt, int64_t now, struct arena *arena,
                           struct gw_doctor_list *list, struct error *err)
{
    struct look l = {.rt = rt, .now = now, .arena = arena, .list = list};

    *list = (struct gw_doctor_list){.rows = arena_array(arena, sizeof *list->rows, ROWS_MAX)};
    TRY_ALLOC(list->rows, err);
    settings_look(&l);
    folders_look(&l);
    disk_look(&l, rt->temp_dir);
    gw_certificates(rt, certificate_look, &l);
    gw_keys_away(rt, away_look, &l);
    clock_look(&l);
    destinations_look(&l);
    scanner_look(&l);
    return l.no_memory ? error_set(err, ST_LIMIT, GW_R_MEMORY, "out of memory") : ST_OK;
}
