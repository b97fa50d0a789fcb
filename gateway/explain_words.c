#define _GNU_SOURCE /* strerrordesc_np, strcasestr */
#include "gateway/explain_words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/cleanup.h"

void gw_words_add(struct buf *b, const char *value)
{
    for (const char *c = value; *c != '\0'; c++)
        buf_char(b, (unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c);
}

/* What the system says, in German; the frequent ones. */
static const struct {
    int number;
    const char *de;
} system_words[] = {
    {ENOENT, "Datei oder Ordner nicht vorhanden"},
    {EACCES, "keine Berechtigung"},
    {EPERM, "nicht erlaubt"},
    {ENOTDIR, "kein Ordner"},
    {EISDIR, "ein Ordner"},
    {EEXIST, "schon vorhanden"},
    {ENOTEMPTY, "Ordner nicht leer"},
    {ENAMETOOLONG, "Name zu lang"},
    {ELOOP, "zu viele symbolische Verweise"},
    {EXDEV, "anderes Dateisystem"},
    {ENOSPC, "kein Platz mehr auf dem Datenträger"},
    {EDQUOT, "Kontingent auf dem Datenträger erschöpft"},
    {EFBIG, "Datei zu groß"},
    {EROFS, "Dateisystem nur lesbar"},
    {EIO, "Ein- oder Ausgabefehler"},
    {EBUSY, "wird gerade benutzt"},
    {EMFILE, "zu viele offene Dateien"},
    {ENFILE, "zu viele offene Dateien im System"},
    {ENOMEM, "kein Speicher"},
    {ENOEXEC, "kein ausführbares Programm"},
    {EADDRINUSE, "Adresse schon belegt"},
    {EADDRNOTAVAIL, "Adresse auf diesem Rechner nicht vorhanden"},
    {ECONNREFUSED, "Verbindung abgelehnt"},
    {ECONNRESET, "Verbindung von der Gegenstelle abgebrochen"},
    {EPIPE, "Verbindung abgebrochen"},
    {ETIMEDOUT, "Zeit abgelaufen"},
    {EHOSTUNREACH, "Rechner nicht erreichbar"},
    {ENETUNREACH, "Netz nicht erreichbar"},
    {EHOSTDOWN, "Rechner nicht in Betrieb"},
    {ENOTCONN, "nicht verbunden"},
    {ESTALE, "Freigabe nicht mehr gültig"},
    {EREMOTEIO, "Ein- oder Ausgabefehler der Gegenseite"},
    {EUCLEAN, "Dateisystem beschädigt"},
    {ENODEV, "Gerät nicht vorhanden"},
    {ENXIO, "Gerät oder Adresse nicht vorhanden"},
    {ENOMEDIUM, "kein Datenträger eingelegt"},
    {ENOLCK, "keine Sperre möglich"},
    {ETXTBSY, "wird gerade ausgeführt"},
    {EMLINK, "zu viele Verweise"},
    {EAGAIN, "im Augenblick nicht möglich"},
    {EINVAL, "unzulässiger Wert"},
    {EOPNOTSUPP, "wird hier nicht unterstützt"},
};

/* Do words end here: at the end, or before what was added in brackets or behind a semicolon? */
static bool ends_here(const char *c)
{
    return *c == '\0' || strncmp(c, " [", 2) == 0 || strncmp(c, "; ", 2) == 0;
}

/* Where the system's words stand in value; NULL: not in it. */
static const char *words_find(const char *value, const char *words)
{
    for (const char *c = strcasestr(value, words); c != NULL; c = strcasestr(c + 1, words))
        if ((c == value || c[-1] == ' ') && ends_here(c + strlen(words)))
            return c;
    return NULL;
}

/* What readers of ours say; each '*' stands for words that are taken over, in the same order. */
static const struct {
    const char *en, *de;
} phrases[] = {
    {"it does not begin with '<'", "der Inhalt beginnt nicht mit '<'"},
    {"the XML is not well-formed: line *, error *", "nicht wohlgeformt in Zeile *, Fehler *"},
    {"the bytes are no XML in UTF-8", "kein XML in UTF-8"},
    {"the XML says it is not in UTF-8", "laut XML-Deklaration nicht in UTF-8"},
    {"the XML has no element", "das XML enthält kein Element"},
    {"the XML has * bytes, more than *", "das XML hat * Bytes, mehr als *"},
    {"the XML holds a DOCTYPE", "das XML enthält eine DOCTYPE-Angabe"},
    {"the XML holds an element with too many attributes",
     "das XML enthält ein Element mit zu vielen Attributen"},
    {"the XML holds a tag or comment of over * bytes",
     "das XML enthält ein Element oder einen Kommentar mit mehr als * Bytes"},
    {"more than * MB of XML", "mehr als * MB XML"},
    {"the XPath * cannot be evaluated", "der XPath * lässt sich nicht auswerten"},
    {"* steps and * ms in the XPaths of the routes",
     "* Schritte und * ms in den XPaths der Routen"},
    {"* does not have the digest in the manifest", "* hat nicht die Prüfsumme aus dem Manifest"},
    {"* is in the manifest, but not there", "* steht im Manifest und fehlt"},
    {"* is not in the manifest", "* steht nicht im Manifest"},
    {"the manifest is empty", "das Manifest ist leer"},
    {"more than * lines in the manifest", "mehr als * Zeilen im Manifest"},
    {"* is still being written", "* wird noch geschrieben"},
    {"another program has locked *", "ein anderes Programm hat * gesperrt"},
    {"another program is writing to *", "ein anderes Programm schreibt noch in *"},
    {"HTTP status *", "HTTP-Status *"},
    {"exit code *; *", "Rückgabewert *; *"},
    {"exit code *", "Rückgabewert *"},
    {"ended by signal *; *", "durch Signal * beendet; *"},
    {"ended by signal *", "durch Signal * beendet"},
    {"ended after * s; *", "nach * s beendet; *"},
    {"no result within * s", "kein Ergebnis in * s"},
    {"clamd, *: *", "clamd, *: *"},
    {"clamd: no answer within * s", "clamd: keine Antwort in * s"},
    {"clamd hung up in the middle of its answer", "clamd hat mitten in der Antwort aufgelegt"},
    {"* bytes as an e-mail, * MB allowed", "* Bytes als E-Mail, erlaubt sind * MB"},
    {"there is another one in *", "in * steht ein anderer"},
    {"there is none in *", "in * steht keiner"},
    {"*: not readable", "*: nicht lesbar"},
    {"* is not signed", "* ist nicht unterschrieben"},
    {"the delivery has no content", "die Zustellung hat keinen Inhalt"},
    {"the message has no content", "die Nachricht hat keinen Inhalt"},
    {"nothing in the delivery is readable for us", "nichts in der Zustellung ist für uns lesbar"},
    {"the passphrase does not open the private key", "das Kennwort öffnet den Schlüssel nicht"},
    {"the gateway is stopping", "das Gateway wird beendet"},
};

enum { HOLES_MAX = 4 };

/* The whole value; holes: what the stars stand for, each as short as can be. */
static bool phrase_fits(const char *value, const char *en, struct span holes[HOLES_MAX])
{
    const char *from = NULL; /* of the star that is open */
    size_t n = 0;

    for (;;) {
        const char *star = strchr(en, '*'), *at;
        size_t len = star == NULL ? strlen(en) : (size_t)(star - en);

        if (from == NULL) {
            at = strncmp(value, en, len) == 0 ? value : NULL;
        } else if (star == NULL) { /* the last words end the value */
            size_t left = strlen(value);

            at = left >= len && strcmp(value + left - len, en) == 0 ? value + left - len : NULL;
        } else {
            at = memmem(value, strlen(value), en, len);
        }
        if (at == NULL)
            return false;
        if (from != NULL)
            holes[n++] = span_of(from, (size_t)(at - from));
        value = at + len;
        if (star == NULL)
            return value[0] == '\0';
        if (n == HOLES_MAX)
            return false;
        from = value;
        en = star + 1;
    }
}

static bool phrase_add(struct buf *b, const char *value)
{
    struct span holes[HOLES_MAX];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
        if (!phrase_fits(value, phrases[i].en, holes))
            continue;
        for (const char *c = phrases[i].de; *c != '\0'; c++) {
            AUTO(free_drop) char *hole = NULL;

            if (*c != '*') {
                buf_char(b, *c);
                continue;
            }
            hole = strndup((const char *)holes[n].ptr, holes[n].len);
            gw_words_add(b, hole == NULL ? "" : hole);
            n++;
        }
        return true;
    }
    return false;
}

/* "x: No such file or directory [who owns it]": what the system (or libuv) says in German. */
static bool system_add(struct buf *b, const char *value)
{
    for (size_t i = 0; i < ARRAY_LEN(system_words); i++) {
        const char *en = strerrordesc_np(system_words[i].number);
        const char *at = en == NULL ? NULL : words_find(value, en);
        AUTO(free_drop) char *before = NULL;

        if (at == NULL)
            continue;
        before = strndup(value, (size_t)(at - value));
        gw_words_add(b, before == NULL ? "" : before);
        buf_str(b, system_words[i].de);
        gw_words_add(b, at + strlen(en));
        return true;
    }
    return false;
}

/* Words that German does not have, as words of their own. */
static bool reads_english(const char *value)
{
    static const char *const words[] = {"the", "is",     "are",  "not",  "no",    "does",
                                        "has", "cannot", "than", "with", "and",   "expected",
                                        "of",  "for",    "its",  "it",   "there", "invalid"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t len = strlen(words[i]);

        for (const char *c = strstr(value, words[i]); c != NULL; c = strstr(c + 1, words[i]))
            if ((c == value || c[-1] == ' ') && (c[len] == ' ' || c[len] == '\0'))
                return true;
    }
    return false;
}

void gw_words_german(struct buf *b, const char *value)
{
    if (phrase_add(b, value) || system_add(b, value))
        return;
    if (reads_english(value))
        buf_str(b, "technisch: ");
    gw_words_add(b, value);
}
