/*
 * xta_schemas - our schemas and WSDLs from the command line, for tests
 *
 *   xta_schemas check v3|v5 FILE...       each file is an envelope: is it valid by our schemas?
 *   xta_schemas write v3|v5 FOLDER URL    what is handed out at URL?wsdl and URL?xsd=NAME, into
 * files
 *
 * check prints a line for each file that is not, and ends with 1.
 */
#include <stdio.h>

#include "crypto/crypto.h"
#include "xta/schema.h"
#include "xta/wsdl.h"

static enum status read_file(const char *path, struct buf *bytes, struct error *err)
{
    FILE *f = fopen(path, "rb");
    size_t got = 1;

    if (f == NULL)
        return error_set(err, ST_NOT_FOUND, 0, "no such file");
    buf_init(bytes, XML_BYTES_MAX);
    while (got > 0) {
        uint8_t piece[16384];

        got = fread(piece, 1, sizeof piece, f);
        buf_add(bytes, span_of(piece, got));
    }
    (void)fclose(f);
    return buf_check(bytes, err);
}

static enum status check_file(const struct xta_schemas *schemas, enum xta_version version,
                              const char *path, struct error *err)
{
    AUTO(buf_deinit) struct buf bytes = {0};
    AUTO(xml_doc_drop) xmlDoc *doc = NULL;

    TRY(read_file(path, &bytes, err));
    TRY(xml_parse(buf_span(&bytes), &doc, err));
    return xta_schema_check(schemas, version, doc, err);
}

static int check(enum xta_version version, char **paths)
{
    AUTO(xta_schemas_drop) struct xta_schemas *schemas = NULL;
    struct error err = {0};
    int rc = 0;

    if (xta_schemas_new(&schemas, &err) != ST_OK) {
        fprintf(stderr, "xta_schemas: %s\n", err.text);
        return 1;
    }
    for (; *paths != NULL; paths++)
        if (check_file(schemas, version, *paths, &err) != ST_OK) {
            printf("%s: %s\n", *paths, err.text);
            rc = 1;
        }
    return rc;
}

static int write_file(const char *folder, const char *name, const struct buf *bytes)
{
    char path[4096];
    FILE *f;
    bool whole;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "wb");
    if (f == NULL)
        return 1;
    whole = fwrite(bytes->ptr, 1, bytes->len, f) == bytes->len;
    return fclose(f) == 0 && whole ? 0 : 1;
}

/* Each port has the URL and its number: URL0, URL1 ... */
static int write_all(enum xta_version version, const char *folder, const char *url)
{
    struct xta_addresses addresses = {0};
    char urls[XTA_PORT_COUNT][1024];
    AUTO(buf_deinit) struct buf out = {0};
    struct error err = {0};
    const char *name;
    int rc;

    for (int i = 0; i < XTA_PORT_COUNT; i++) {
        (void)snprintf(urls[i], sizeof urls[i], "%s%d", url, i);
        addresses.url[i] = urls[i];
    }
    buf_init(&out, 64 * 1024);
    if (xta_wsdl_write(version, &addresses, &out, &err) != ST_OK)
        return 1;
    rc = write_file(folder, "xta.wsdl", &out);
    for (size_t i = 0; (name = xta_schema_name(version, i)) != NULL; i++) {
        buf_reset(&out);
        if (xta_xsd_write(version, span_str(name), &out, &err) == ST_OK)
            rc |= write_file(folder, name, &out);
    }
    return rc;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    enum xta_version version;

    if (argc < 4 || (strcmp(argv[2], "v3") != 0 && strcmp(argv[2], "v5") != 0)) {
        fprintf(stderr, "usage: xta_schemas check v3|v5 FILE... | write v3|v5 FOLDER URL\n");
        return 64;
    }
    if (crypto_init(&err) != ST_OK)
        return 1;
    version = strcmp(argv[2], "v3") == 0 ? XTA_V3 : XTA_V5;
    if (strcmp(argv[1], "check") == 0)
        return check(version, argv + 3);
    return argc == 5 && strcmp(argv[1], "write") == 0 ? write_all(version, argv[3], argv[4]) : 64;
}
