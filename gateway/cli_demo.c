#include "gateway/cli_demo.h"

#include <limits.h>
#include <string.h>
#include <sysexits.h>

#include "certs/demo_pki.h"

enum { VALID_DAYS = 730 };

/* Who gets which certificate; files are pki/FILE.pem and pki/FILE.key. */
static const struct issued {
    const char *file, *organisation;
    enum demo_kind kind;
} issued[] = {
    {"town-a-signature", "Stadt Ahausen", DEMO_SIGNATURE},
    {"town-a-cipher", "Stadt Ahausen", DEMO_CIPHER},
    {"town-b-signature", "Stadt Beheim", DEMO_SIGNATURE},
    {"town-b-cipher", "Stadt Beheim", DEMO_CIPHER},
    {"intermediary-signature", "Demo-Intermediär", DEMO_SIGNATURE},
    {"intermediary-cipher", "Demo-Intermediär", DEMO_CIPHER},
    {"intermediary-tls", "Demo-Intermediär", DEMO_TLS_SERVER},
    {"town-a-tls", "Stadt Ahausen", DEMO_TLS_SERVER},
    {"town-b-tls", "Stadt Beheim", DEMO_TLS_SERVER},
    {"town-a-meldeamt", "Stadt Ahausen", DEMO_TLS_CLIENT},
    {"town-b-meldeamt", "Stadt Beheim", DEMO_TLS_CLIENT},
};

static const char *const folders[] = {
    "pki",          "town-a",        "town-a/state", "town-a/bauamt",      "town-b",
    "town-b/state", "town-b/bauamt", "intermediary", "intermediary/state",
};

static const char *const drop_folders[] = {"out", "sent", "refused", "in", "receipts"};

/* One town: {own}, {other} as in file names, {Own}, {Other} as they are called, {ags} and {to} as
 * XTA knows their parties. */
static const char town_yaml[] =
    "# A demo: {Own}. All keys: depesche.yaml(5).\n"
    "state: {own}/state\n"
    "tenant:\n"
    "  name: {Own}\n"
    "  identity:\n"
    "    signature: {certificate: pki/{own}-signature.pem, key: pki/{own}-signature.key}\n"
    "    cipher: {certificate: pki/{own}-cipher.pem, key: pki/{own}-cipher.key}\n"
    "trust:\n"
    "  osci: [pki/ca.pem]\n"
    "  tls: [pki/ca.pem]\n"
    "api:\n"
    "  socket: {own}/api.sock\n"
    "intermediaries:\n"
    "  - name: demo\n"
    "    url: https://127.0.0.1:{port}/osci\n"
    "    cipher_certificate: pki/intermediary-cipher.pem\n"
    "    signature_certificate: pki/intermediary-signature.pem\n"
    "    poll_seconds: 2\n"
    "    receipt_poll_seconds: 2\n"
    "partners:\n"
    "  - name: {Other}\n"
    "    intermediary: demo\n"
    "    cipher_certificate: pki/{other}-cipher.pem\n"
    "    signature_certificates: [pki/{other}-signature.pem]\n"
    "    addresses: [{address}]\n"
    "endpoints:\n"
    "  - name: bauamt\n"
    "    folder: {own}/bauamt\n"
    "    receives: {default: true}\n"
    "    routes:\n"
    "      # an invoice says itself whom it is for, all else goes to {Other}\n"
    "      - {files: \"*.xml\", xpath: \"//*[local-name()='BuyerReference']\",\n"
    "         message_type: rechnung}\n"
    "      - {partner: {Other}, message_type: datei}\n"
    "  # a program that speaks XTA 2, version 3 or 5\n"
    "  - name: meldeamt\n"
    "    parties: [\"{ags}\"]\n"
    "directory: {own}/directory.yaml\n"
    "xta_server:\n"
    "  instance: {own}\n"
    "  listeners:\n"
    "    - port: {xta}\n"
    "      tls: {certificate: pki/{own}-tls.pem, key: pki/{own}-tls.key}\n"
    "      client_authorities: [pki/ca.pem]\n"
    "  accounts:\n"
    "    - name: meldeamt\n"
    "      certificates: [pki/{own}-meldeamt.pem]\n"
    "      parties: [\"{ags}\"]\n"
    "retry:\n"
    "  first_seconds: 1\n"
    "  max_seconds: 10\n";

static const char directory_yaml[] =
    "# whom our XTA programs may write to, and by which partner he is reached\n"
    "parties:\n"
    "  - party: \"{to}\"\n"
    "    name: {Other}\n"
    "    services:\n"
    "      - uri: urn:depesche:demo:rueckmeldung\n"
    "        partner: {Other}\n"
    "        certificate: ../pki/{other}-cipher.pem\n";

static const char intermediary_yaml[] =
    "# A demo: the intermediary between the towns. All keys: depesche.yaml(5).\n"
    "state: intermediary/state\n"
    "trust:\n"
    "  osci: [pki/ca.pem]\n"
    "api:\n"
    "  socket: intermediary/api.sock\n"
    "osci_server:\n"
    "  identity:\n"
    "    signature:\n"
    "      certificate: pki/intermediary-signature.pem\n"
    "      key: pki/intermediary-signature.key\n"
    "    cipher: {certificate: pki/intermediary-cipher.pem, key: pki/intermediary-cipher.key}\n"
    "  listeners:\n"
    "    - address: 127.0.0.1\n"
    "      port: {port}\n"
    "      tls: {certificate: pki/intermediary-tls.pem, key: pki/intermediary-tls.key}\n"
    "    # OSCI protects itself, so it is spoken over plain HTTP as well\n"
    "    - {address: 127.0.0.1, port: {port2}}\n"
    "  mailboxes:\n"
    "    - {name: Stadt Ahausen, cipher_certificate: pki/town-a-cipher.pem}\n"
    "    - {name: Stadt Beheim, cipher_certificate: pki/town-b-cipher.pem}\n";

struct word {
    const char *name, *value;
};

/* Known {words} are filled in, other braces stay. */
static void fill(struct buf *b, const char *text, const struct word *words, size_t count)
{
    while (*text != '\0') {
        size_t skip = 0;

        for (size_t i = 0; *text == '{' && i < count && skip == 0; i++) {
            size_t len = strlen(words[i].name);

            if (strncmp(text + 1, words[i].name, len) == 0 && text[1 + len] == '}') {
                buf_str(b, words[i].value);
                skip = len + 2;
            }
        }
        if (skip == 0)
            buf_char(b, *text++);
        text += skip;
    }
}

static int yaml_write(struct gw_cli *cli, const char *dir, const char *name, const char *text,
                      const struct word *words, size_t count)
{
    AUTO(buf_deinit) struct buf b = {0};
    char path[PATH_MAX];

    buf_init(&b, 64 * 1024);
    fill(&b, text, words, count);
    (void)snprintf(path, sizeof path, "%s/%s.yaml", dir, name);
    return gw_cli_file_write(cli, path, 0644, buf_span(&b));
}

static int town_write(struct gw_cli *cli, const char *dir, const struct word *words, size_t count)
{
    char path[PATH_MAX];
    int rc;

    (void)snprintf(path, sizeof path, "%s/directory", words[0].value);
    rc = yaml_write(cli, dir, words[0].value, town_yaml, words, count);
    return rc == EX_OK ? yaml_write(cli, dir, path, directory_yaml, words, count) : rc;
}

/* The intermediary takes the first two ports, the towns' XTA servers the fifth and sixth: two are
 * left for what somebody adds. */
static int configs_write(struct gw_cli *cli, const char *dir, unsigned port)
{
    char https[16], http[16], xta_a[16], xta_b[16];
    const struct word ports[] = {{"port", https}, {"port2", http}};
    const struct word a[] = {
        {"own", "town-a"},         {"other", "town-b"},    {"Own", "Stadt Ahausen"},
        {"Other", "Stadt Beheim"}, {"port", https},        {"address", "09999012-BAUAMT-80"},
        {"ags", "ags:09999011"},   {"to", "ags:09999012"}, {"xta", xta_a}};
    const struct word b[] = {
        {"own", "town-b"},          {"other", "town-a"},    {"Own", "Stadt Beheim"},
        {"Other", "Stadt Ahausen"}, {"port", https},        {"address", "09999011-BAUAMT-80"},
        {"ags", "ags:09999012"},    {"to", "ags:09999011"}, {"xta", xta_b}};
    int rc;

    (void)snprintf(https, sizeof https, "%u", port);
    (void)snprintf(http, sizeof http, "%u", port + 1);
    (void)snprintf(xta_a, sizeof xta_a, "%u", port + 4);
    (void)snprintf(xta_b, sizeof xta_b, "%u", port + 5);
    rc = town_write(cli, dir, a, ARRAY_LEN(a));
    if (rc == EX_OK)
        rc = town_write(cli, dir, b, ARRAY_LEN(b));
    return rc == EX_OK
               ? yaml_write(cli, dir, "intermediary", intermediary_yaml, ports, ARRAY_LEN(ports))
               : rc;
}

static int pair_write(struct gw_cli *cli, const char *dir, const char *file,
                      const struct demo_pair *pair)
{
    char path[PATH_MAX];
    int rc;

    (void)snprintf(path, sizeof path, "%s/pki/%s.pem", dir, file);
    rc = gw_cli_file_write(cli, path, 0644, buf_span(&pair->cert_pem));
    (void)snprintf(path, sizeof path, "%s/pki/%s.key", dir, file);
    return rc == EX_OK ? gw_cli_file_write(cli, path, 0600, buf_span(&pair->key_pem)) : rc;
}

static int pki_fail(struct gw_cli *cli, const struct error *err)
{
    const struct gw_explain_field fields[] = {{"detail", err->text}};

    return gw_cli_fail(cli, GW_R_INTERNAL, fields, ARRAY_LEN(fields));
}

static int pki_write(struct gw_cli *cli, const char *dir)
{
    const int64_t day = INT64_C(24) * 3600 * 1000;
    struct demo_spec spec = {.organisation = "Depesche Demo",
                             .name = "Depesche Demo CA",
                             .from = cli->io->now - day,
                             .until = cli->io->now + VALID_DAYS * day};
    AUTO(demo_ca_drop) struct demo_ca *ca = NULL;
    struct rng *rng = rng_system();
    struct error err = {0};
    int rc;

    if (demo_ca_new(&spec, rng, &ca, &err) != ST_OK)
        return pki_fail(cli, &err);
    rc = pair_write(cli, dir, "ca", demo_ca_pair(ca));
    for (size_t i = 0; i < ARRAY_LEN(issued) && rc == EX_OK; i++) {
        AUTO(demo_pair_deinit) struct demo_pair pair = {0};

        spec.kind = issued[i].kind;
        spec.organisation = issued[i].organisation;
        spec.name = NULL;
        if (cli->io->progress)
            (void)fprintf(cli->io->err, "\r\x1b[K%zu / %zu  %s", i + 1, ARRAY_LEN(issued),
                          issued[i].file);
        if (demo_ca_issue(ca, &spec, rng, &pair, &err) != ST_OK)
            return pki_fail(cli, &err);
        rc = pair_write(cli, dir, issued[i].file, &pair);
    }
    if (cli->io->progress)
        (void)fputs("\r\x1b[K", cli->io->err);
    return rc;
}

static int folders_make(struct gw_cli *cli, const char *dir)
{
    char path[PATH_MAX];
    int rc = EX_OK;

    for (size_t i = 0; i < ARRAY_LEN(folders) && rc == EX_OK; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        rc = gw_cli_folder_make(cli, path, 0755);
        for (size_t k = 0; k < ARRAY_LEN(drop_folders) && rc == EX_OK; k++)
            if (strstr(folders[i], "bauamt") != NULL) {
                (void)snprintf(path, sizeof path, "%s/%s/%s", dir, folders[i], drop_folders[k]);
                rc = gw_cli_folder_make(cli, path, 0775);
            }
    }
    return rc;
}

int gw_cli_demo(struct gw_cli *cli, const char *dir, unsigned port)
{
    int rc = folders_make(cli, dir);

    if (rc == EX_OK)
        rc = configs_write(cli, dir, port);
    if (rc == EX_OK)
        rc = pki_write(cli, dir);
    if (rc != EX_OK)
        return rc;
    (void)fprintf(cli->io->out,
                  CLI_TEXT(cli,
                           "%s ist bereit. In drei Terminals:\n"
                           "    depesched --config %s/intermediary.yaml\n"
                           "    depesched --config %s/town-b.yaml\n"
                           "    depesched --config %s/town-a.yaml\n"
                           "Dateien nach %s/town-a/bauamt/out legen; Quittungen:\n"
                           "    depesche --config %s/town-a.yaml receipts\n",
                           "%s is ready. In three terminals:\n"
                           "    depesched --config %s/intermediary.yaml\n"
                           "    depesched --config %s/town-b.yaml\n"
                           "    depesched --config %s/town-a.yaml\n"
                           "Put files into %s/town-a/bauamt/out; their receipts:\n"
                           "    depesche --config %s/town-a.yaml receipts\n"),
                  dir, dir, dir, dir, dir, dir);
    return EX_OK;
}
