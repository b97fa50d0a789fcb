#include "osci/feedback.h"

#include <stdio.h>

static const struct row {
    const char *code, *de, *en;
} rows[] = {
    {"0800", "Auftrag ausgeführt, Dialog beendet", "Order executed, dialog closed"},
    {"0801", "Auftrag ausgeführt, Dialog bleibt geöffnet", "Order executed, dialog stays open"},
    {"3500", "Das Verschlüsselungszertifikat des Clients ist zeitlich nicht gültig",
     "The client's cipher certificate is outside its validity period"},
    {"3501", "Das Verschlüsselungszertifikat des Clients konnte nicht vollständig geprüft werden",
     "The client's cipher certificate could not be checked completely"},
    {"3700", "Das Signaturzertifikat des Clients ist zeitlich nicht gültig",
     "The client's signature certificate is outside its validity period"},
    {"3701", "Das Signaturzertifikat eines Autors ist zeitlich nicht gültig",
     "An author's signature certificate is outside its validity period"},
    {"3702", "Die Signatur des Signaturzertifikats eines Autors ist ungültig",
     "The signature on an author's signature certificate is invalid"},
    {"3703", "Das Signaturzertifikat eines Autors ist gesperrt",
     "An author's signature certificate has been revoked"},
    {"3704", "Das Verschlüsselungszertifikat eines Autors ist zeitlich nicht gültig",
     "An author's cipher certificate is outside its validity period"},
    {"3705", "Das Verschlüsselungszertifikat des Empfängers ist zeitlich nicht gültig",
     "The addressee's cipher certificate is outside its validity period"},
    {"3706", "Das Verschlüsselungszertifikat eines Lesers ist zeitlich nicht gültig",
     "A reader's cipher certificate is outside its validity period"},
    {"3707", "Ein Zertifikat konnte nicht vollständig geprüft werden",
     "A certificate could not be checked completely"},
    {"3708", "Das Signaturzertifikat des Empfängers ist zeitlich nicht gültig",
     "The recipient's signature certificate is outside its validity period"},
    {"3800", "Es liegen weitere Zustellungen bereit", "More deliveries are waiting"},
    {"3801", "Es gibt weitere passende Laufzettel", "More process cards match"},
    {"3802", "Die Antwort des Empfängers ist nicht signiert",
     "The recipient's answer is not signed"},
    {"3803", "Die Antwort des Empfängers ist nicht verschlüsselt",
     "The recipient's answer is not encrypted"},
    {"3950", "Die Rückmeldung zur inneren Nachricht liegt bei",
     "The feedback on the inner message is enclosed"},
    {"3951", "Die Zeit für die Verarbeitung der inneren Nachricht ist abgelaufen",
     "The time for processing the inner message is over"},
    {"3952", "Die innere Nachricht wird noch verarbeitet",
     "The inner message is still being processed"},
    {"9000", "Interner Fehler des Servers", "Internal error of the server"},
    {"9100", "Die Daten sind keine gültige OSCI-Nachricht", "The data are no valid OSCI message"},
    {"9200", "Die Nachricht ist für einen anderen Schlüssel verschlüsselt",
     "The message is encrypted for another key"},
    {"9201", "Das Zertifikat, für das verschlüsselt wurde, ist gesperrt",
     "The certificate that was encrypted for has been revoked"},
    {"9202", "Die Nachricht lässt sich nicht entschlüsseln", "The message cannot be decrypted"},
    {"9300", "Die entschlüsselten Daten sind kein gültiger Auftrag",
     "The decrypted data are no valid order"},
    {"9400", "Dialogkennung, laufende Nummer oder Antwortwert stimmt nicht",
     "Conversation id, sequence number or response is wrong"},
    {"9500", "Im Auftrag fehlt das Verschlüsselungszertifikat des Clients",
     "The order lacks the client's cipher certificate"},
    {"9501", "Die Signatur des Verschlüsselungszertifikats des Clients ist ungültig",
     "The signature on the client's cipher certificate is invalid"},
    {"9502", "Das Verschlüsselungszertifikat des Clients ist gesperrt",
     "The client's cipher certificate has been revoked"},
    {"9503", "Interner Fehler beim Prüfen des Verschlüsselungszertifikats des Clients",
     "Internal error while checking the client's cipher certificate"},
    {"9600", "Der Auftrag ist nicht signiert", "The order is not signed"},
    {"9601", "Die Signatur des Auftrags ist ungültig", "The order's signature is invalid"},
    {"9602", "Es sind nicht alle Teile des Auftrags signiert",
     "Not all parts of the order are signed"},
    {"9603", "Interner Fehler bei der Signaturprüfung",
     "Internal error while checking the signature"},
    {"9700", "Die Signatur des Signaturzertifikats des Clients ist ungültig",
     "The signature on the client's signature certificate is invalid"},
    {"9701", "Das Signaturzertifikat des Clients ist gesperrt",
     "The client's signature certificate has been revoked"},
    {"9704", "Die Signatur des Verschlüsselungszertifikats eines Autors ist ungültig",
     "The signature on an author's cipher certificate is invalid"},
    {"9705", "Das Verschlüsselungszertifikat eines Autors ist gesperrt",
     "An author's cipher certificate has been revoked"},
    {"9706", "Die Signatur des Verschlüsselungszertifikats des Empfängers ist ungültig",
     "The signature on the addressee's cipher certificate is invalid"},
    {"9707", "Das Verschlüsselungszertifikat des Empfängers ist gesperrt",
     "The addressee's cipher certificate has been revoked"},
    {"9708", "Die Signatur des Verschlüsselungszertifikats eines Lesers ist ungültig",
     "The signature on a reader's cipher certificate is invalid"},
    {"9709", "Das Verschlüsselungszertifikat eines Lesers ist gesperrt",
     "A reader's cipher certificate has been revoked"},
    {"9710", "Interner Fehler bei der Zertifikatsprüfung",
     "Internal error while checking a certificate"},
    {"9711", "Die Signatur des Signaturzertifikats des Empfängers ist ungültig",
     "The signature on the recipient's signature certificate is invalid"},
    {"9712", "Das Signaturzertifikat des Empfängers ist gesperrt",
     "The recipient's signature certificate has been revoked"},
    {"9800", "Zustellungen ohne MessageId werden nicht angenommen",
     "Deliveries without a MessageId are not accepted"},
    {"9801", "Die MessageId wurde nicht hier vergeben oder ist schon verwendet",
     "The MessageId was not issued here or has been used"},
    {"9802", "Dieser Auftrag braucht einen expliziten Dialog",
     "This order needs an explicit dialog"},
    {"9803", "Es liegt keine passende Zustellung vor", "No delivery matches"},
    {"9804", "Es gibt keinen passenden Laufzettel", "No process card matches"},
    {"9805", "Der Empfänger hat die Zustellung nicht angenommen",
     "The recipient did not accept the delivery"},
    {"19805", "Der Empfänger hat bei diesem Intermediär kein Postfach",
     "The addressee has no mailbox at this intermediary"},
    {"9806", "Der Empfänger hat ohne Inhalt geantwortet", "The recipient answered without content"},
    {"9807", "Die Signatur der Antwort des Empfängers ist ungültig",
     "The signature of the recipient's answer is invalid"},
    {"9808", "Interner Fehler beim Empfänger", "Internal error at the recipient"},
    {"9809", "Die Zustellung hat den Empfänger nicht erreicht",
     "The delivery has not reached the recipient"},
    {"9810", "Interner Fehler; die Zustellung hat den Empfänger erreicht",
     "Internal error; the delivery has reached the recipient"},
    {"9811", "Interner Fehler beim Ausführen des Auftrags",
     "Internal error while executing the order"},
    {"19811",
     "Das Postfach des Empfängers ist voll; der Auftrag gelingt wieder, sobald er etwas abgeholt "
     "hat",
     "The addressee's mailbox is full; the order will succeed when it has fetched something"},
    {"29811", "Von diesem Absender warten schon zu viele Sendungen auf ihre Abholung",
     "Too many deliveries of this sender are waiting to be fetched"},
    {"39811", "Es sind zu viele MessageIds vergeben und noch nicht verwendet",
     "Too many MessageIds have been issued and not been used"},
    {"9900", "Das Paket liegt schon vor", "The chunk is already there"},
    {"9901", "Die Nummer des Pakets ist falsch", "The chunk's number is wrong"},
    {"9902", "Das Paket ist zu groß", "The chunk is too large"},
    {"9903", "Das Paket ist zu klein", "The chunk is too small"},
    {"9904", "Die Nachricht ist zu groß", "The message is too large"},
    {"9905", "Die Angaben zum Paket sind falsch", "The chunk information is wrong"},
    {"9950", "Die innere Nachricht wurde abgelehnt", "The inner message was refused"},
};

const char *osci_feedback_text(const char *code, const char *lang)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].code, code) == 0)
            return strcmp(lang, "de") == 0 ? rows[i].de : rows[i].en;
    return NULL;
}

bool osci_code_is_fault(int code)
{
    return code >= 9000 && code <= 9503;
}

/* Which of ours are wished, in the order of the wish: "de-DE" is de. At least one. */
static size_t languages_choose(struct span wished, const char *langs[2])
{
    struct span rest = wished, one;
    size_t n = 0;

    while (n < 2 && span_split(&rest, ' ', &one)) {
        const char *lang = span_eq_nocase(span_sub(one, 0, 2), SPAN("de"))   ? "de"
                           : span_eq_nocase(span_sub(one, 0, 2), SPAN("en")) ? "en"
                                                                             : NULL;

        if (lang == NULL || (one.len > 2 && one.ptr[2] != '-'))
            continue;
        if (n == 0 || strcmp(langs[0], lang) != 0)
            langs[n++] = lang;
    }
    if (n == 0)
        langs[n++] = "de";
    return n;
}

static struct span four_digits(const char *code)
{
    struct span s = span_str(code);

    return s.len > 4 ? span_from(s, s.len - 4) : s;
}

enum status osci_feedback_make(const char *const *codes, size_t count, struct span languages,
                               struct arena *arena, struct osci_feedback **entries,
                               size_t *entry_count, struct error *err)
{
    const char *langs[2];
    size_t lang_count = languages_choose(languages, langs), n = 0;
    struct osci_feedback *out = arena_array(arena, sizeof *out, count * lang_count + 1);

    TRY_ALLOC(out, err);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < lang_count; k++) {
            const char *text = osci_feedback_text(codes[i], langs[k]);

            out[n++] = (struct osci_feedback){.code = four_digits(codes[i]),
                                              .lang = span_str(langs[k]),
                                              .text = span_str(text == NULL ? "" : text)};
        }
    *entries = out;
    *entry_count = n;
    return ST_OK;
}
