/*
 * docs/errors.md, from the catalogue: a section for each code. Written to stdout:
 *
 *   build/release/tests/explain_page >docs/errors.md
 */
#include <stdio.h>

#include "gateway/explain.h"

static const char intro[] =
    "# Codes\n"
    "\n"
    "Every reason that the gateway gives has a code, for good. `depesche why` ends with it, an\n"
    "`.error.txt` names it, the API has it as `code`, the log as `code=`. Codes below D-1000 and "
    "from\n"
    "D-3000 on are those of OSCI-Transport 1.2, the others are ours.\n"
    "\n"
    "Jeder Grund, den das Gateway nennt, hat auf Dauer einen Code. `{name}` steht für eine "
    "Angabe,\n"
    "die im Einzelfall eingesetzt wird.\n"
    "\n"
    "Written by `explain_page` from `gateway/explain_*.c`; a test compares the two.\n";

/* Where a code comes from, by its hundred. */
static const struct {
    int first;
    const char *de, *en;
} sources[] = {
    {0, "Rückmeldung nach OSCI-Transport 1.2", "feedback of OSCI-Transport 1.2"},
    {10000, "Drop-Folder", "drop folder"},
    {10100, "Route und Empfänger", "route and recipient"},
    {10200, "Konfiguration", "configuration"},
    {10300, "Netz, TLS und HTTP", "network, TLS and HTTP"},
    {10400, "Speicher", "storage"},
    {10500, "Zertifikate und Inhalte", "certificates and contents"},
    {10600, "Lauf einer Nachricht", "a message's course"},
    {10700, "Schnittstelle und Befehl", "API and command"},
    {10800, "Anfragen, die eine Antwort erwarten", "requests that want an answer"},
    {10900, "das Gateway selbst", "the gateway itself"},
    {11000, "Virenscanner", "virus scanner"},
    {11100, "XTA-Server", "XTA servers"},
    {11200, "Ziele: Programm, E-Mail, SFTP, WebDAV", "targets: program, e-mail, SFTP, WebDAV"},
    {11300, "Vertrauen, Schlüssel und Algorithmen", "trust, keys and algorithms"},
};

static const char *source_of(int code, enum gw_lang lang)
{
    const char *text = "";

    for (size_t i = 0; i < ARRAY_LEN(sources); i++)
        if (code >= sources[i].first)
            text = lang == GW_LANG_DE ? sources[i].de : sources[i].en;
    return text;
}

static void section_print(const struct gw_explain *row)
{
    char code[GW_CODE_SIZE];

    printf("\n## %s\n\n", gw_explain_code(row->code, code));
    printf("*%s; zuständig: %s*\n\n", source_of(row->code, GW_LANG_DE),
           gw_side_text(row->side, GW_LANG_DE));
    printf("%s **Was tun:** %s\n\n", row->de, row->action_de);
    printf("*%s; it is with %s*\n\n", source_of(row->code, GW_LANG_EN),
           gw_side_text(row->side, GW_LANG_EN));
    printf("%s **What to do:** %s\n", row->en, row->action_en);
}

int main(void)
{
    const struct gw_explain *row;

    (void)fputs(intro, stdout);
    for (size_t i = 0; (row = gw_explain_row(i)) != NULL; i++)
        section_print(row);
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? 0 : 1;
}
