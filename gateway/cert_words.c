/* What ends with a certificate, in a sentence: by whose it is, what for, and where it stands. */
#include "gateway/certificates.h"

static const struct sentence {
    enum gw_cert_owner owner;
    enum gw_cert_use_for use;
    const char *setting; /* its beginning; NULL: any. The first row that fits counts */
    const char *de, *en;
} sentences[] = {
    {GW_CERT_OWN, GW_CERT_SIGNS, "endpoints.", "Der Endpunkt {name} kann nichts mehr signieren.",
     "The endpoint {name} can sign nothing any more."},
    {GW_CERT_OWN, GW_CERT_SIGNS, NULL, "Für {name} kann nichts mehr signiert werden.",
     "Nothing can be signed for {name} any more."},
    {GW_CERT_OWN, GW_CERT_ENCIPHERS, NULL, "Für {name} kann niemand mehr verschlüsseln.",
     "Nobody can encrypt for {name} any more."},
    {GW_CERT_OWN, GW_CERT_DECIPHERED, NULL, "Nichts: es öffnet nur noch, was spät kommt.",
     "Nothing: it only opens what comes late."},
    {GW_CERT_OWN, GW_CERT_TLS, "osci_server.listeners",
     "Zum Intermediär kommt keine TLS-Verbindung mehr zustande.",
     "No TLS connection to the intermediary comes about any more."},
    {GW_CERT_OWN, GW_CERT_TLS, "osci_recipient.",
     "Intermediäre können nichts mehr zustellen: zum Empfänger kommt keine TLS-Verbindung "
     "zustande.",
     "Intermediaries can deliver nothing any more: no TLS connection to the recipient comes "
     "about."},
    {GW_CERT_OWN, GW_CERT_TLS, "xta_server.", "Fachverfahren erreichen den XTA-Server nicht mehr.",
     "Programs no longer reach the XTA server."},
    {GW_CERT_OWN, GW_CERT_TLS, NULL, "{name} lässt uns nicht mehr ein.",
     "{name} lets us in no more."},
    {GW_CERT_INTERMEDIARY, GW_CERT_ENCIPHERS, NULL, "Über {name} kann nichts mehr versandt werden.",
     "Nothing can be sent by {name} any more."},
    {GW_CERT_INTERMEDIARY, GW_CERT_SIGNS, NULL, "Was {name} antwortet, wird nicht mehr geglaubt.",
     "What {name} answers is not believed any more."},
    {GW_CERT_PARTNER, GW_CERT_ENCIPHERS, NULL, "Für {name} kann nichts mehr verschlüsselt werden.",
     "Nothing can be sealed for {name} any more."},
    {GW_CERT_PARTNER, GW_CERT_SIGNS, NULL, "Was {name} signiert, wird nicht mehr geglaubt.",
     "What {name} signs is not believed any more."},
    {GW_CERT_CLIENT, GW_CERT_ENCIPHERS, NULL,
     "Für das Postfach {name} kann niemand mehr verschlüsseln.",
     "Nobody can encrypt for the mailbox {name} any more."},
    {GW_CERT_SERVER, GW_CERT_TLS, NULL, "Zu {name} kommt keine Verbindung mehr zustande.",
     "No connection to {name} comes about any more."},
    {GW_CERT_CLIENT, GW_CERT_TLS, NULL, "{name} wird nicht mehr eingelassen.",
     "{name} is let in no more."},
    {GW_CERT_AUTHORITY, GW_CERT_ISSUES, "trust.tls",
     "Verbindungen zu Servern unter diesem Aussteller kommen nicht mehr zustande.",
     "Connections to servers below this issuer come about no more."},
    {GW_CERT_AUTHORITY, GW_CERT_PINNED, NULL, "Diesem Zertifikat wird nicht mehr vertraut.",
     "This certificate is believed no more."},
    {GW_CERT_AUTHORITY, GW_CERT_LISTS, NULL,
     "Wer von diesem Aussteller ist, gilt nicht mehr als geprüft.",
     "Nobody of this issuer counts as checked any more."},
    {GW_CERT_AUTHORITY, GW_CERT_ISSUES, NULL,
     "Was Inhaber von Zertifikaten dieses Ausstellers signieren, wird nicht mehr geglaubt.",
     "What holders of this issuer's certificates sign is not believed any more."},
};

void gw_cert_blocks(struct buf *b, const struct gw_cert_use *use, enum gw_lang lang)
{
    const struct gw_explain_field fields[] = {{"name", use->name == NULL ? "-" : use->name}};

    for (size_t i = 0; i < ARRAY_LEN(sentences); i++) {
        const struct sentence *s = &sentences[i];

        if (s->owner != use->owner || s->use != use->use ||
            (s->setting != NULL && strncmp(use->setting, s->setting, strlen(s->setting)) != 0))
            continue;
        gw_explain_fill(b, lang == GW_LANG_DE ? s->de : s->en, fields, ARRAY_LEN(fields));
        return;
    }
}
