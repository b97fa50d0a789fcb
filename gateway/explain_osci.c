/* The feedback codes and faults of OSCI-Transport 1.2, in our own words. */
#include "gateway/explain_table.h"

#define WAIT_DE "Nichts zu tun; der nächste Versuch folgt von selbst."
#define WAIT_EN "Nothing to do; the next attempt follows by itself."
#define NOTHING_DE "Nichts zu tun."
#define NOTHING_EN "Nothing to do."
#define ASK_DE "Den Betreiber des Intermediärs mit Zeitpunkt und Code ansprechen."
#define ASK_EN "Contact the operator of the intermediary with the time and the code."
#define PASSES_DE                                                                                  \
    "Der nächste Versuch folgt von selbst. Bleibt es dabei, den Betreiber des Intermediärs mit " \
    "Zeitpunkt und Code ansprechen."
#define PASSES_EN                                                                                  \
    "The next attempt follows by itself. If it stays so, contact the operator of the "             \
    "intermediary with the time and the code."
#define PARTNER_PASSES_DE                                                                          \
    "Der nächste Versuch folgt von selbst. Bleibt es dabei, den Partner darauf hinweisen."
#define PARTNER_PASSES_EN "The next attempt follows by itself. If it stays so, tell the partner."
#define RENEW_OWN_DE "Eigenes Zertifikat prüfen, rechtzeitig ein neues beschaffen und eintragen."
#define RENEW_OWN_EN "Check our certificate, get a new one in time and enter it in the settings."
#define NEW_OWN_DE                                                                                 \
    "Neues Zertifikat beschaffen und mit seinem Schlüssel in der Konfiguration eintragen."
#define NEW_OWN_EN "Get a new certificate and enter it with its key in the settings."
#define RENEW_PARTNER_DE "Den Partner um sein aktuelles Zertifikat bitten und es eintragen."
#define RENEW_PARTNER_EN "Ask the partner for its current certificate and enter it in the settings."
#define TELL_PARTNER_DE "Den Partner darauf hinweisen."
#define TELL_PARTNER_EN "Let the partner know."
#define REPORT_DE "Ereignisse der Nachricht ansehen (depesche events) und den Fehler melden."
#define REPORT_EN "Look at the message's events (depesche events) and report the fault."

const struct gw_explain gw_explain_osci[] = {
    {800, GW_SIDE_NOBODY, "Der Auftrag wurde ausgeführt, der Dialog ist beendet.",
     "The order was executed and the dialog has ended.", NOTHING_DE, NOTHING_EN},
    {801, GW_SIDE_NOBODY, "Der Auftrag wurde ausgeführt, der Dialog bleibt offen.",
     "The order was executed and the dialog stays open.", NOTHING_DE, NOTHING_EN},
    {3500, GW_SIDE_CERTIFICATES, "Unser Verschlüsselungszertifikat ist zeitlich nicht gültig.",
     "Our cipher certificate is outside its period of validity.", RENEW_OWN_DE, RENEW_OWN_EN},
    {3501, GW_SIDE_CERTIFICATES,
     "Unser Verschlüsselungszertifikat konnte nicht vollständig geprüft werden.",
     "Our cipher certificate could not be checked completely.",
     "Bleibt es dabei, prüfen, ob der Intermediär den Aussteller kennt.",
     "If it stays so, find out whether the intermediary knows the issuer."},
    {3700, GW_SIDE_CERTIFICATES, "Unser Signaturzertifikat ist zeitlich nicht gültig.",
     "Our signature certificate is outside its period of validity.", RENEW_OWN_DE, RENEW_OWN_EN},
    {3701, GW_SIDE_CERTIFICATES, "Das Signaturzertifikat eines Autors ist zeitlich nicht gültig.",
     "An author's signature certificate is outside its period of validity.", RENEW_OWN_DE,
     RENEW_OWN_EN},
    {3702, GW_SIDE_CERTIFICATES,
     "Das Signaturzertifikat eines Autors trägt eine ungültige Unterschrift.",
     "An author's signature certificate carries an invalid signature.", NEW_OWN_DE, NEW_OWN_EN},
    {3703, GW_SIDE_CERTIFICATES, "Das Signaturzertifikat eines Autors ist gesperrt.",
     "An author's signature certificate has been revoked.", NEW_OWN_DE, NEW_OWN_EN},
    {3704, GW_SIDE_CERTIFICATES,
     "Das Verschlüsselungszertifikat eines Autors ist zeitlich nicht gültig.",
     "An author's cipher certificate is outside its period of validity.", RENEW_OWN_DE,
     RENEW_OWN_EN},
    {3705, GW_SIDE_CERTIFICATES,
     "Das Verschlüsselungszertifikat des Empfängers ist zeitlich nicht gültig.",
     "The addressee's cipher certificate is outside its period of validity.", RENEW_PARTNER_DE,
     RENEW_PARTNER_EN},
    {3706, GW_SIDE_CERTIFICATES,
     "Das Verschlüsselungszertifikat eines Lesers ist zeitlich nicht gültig.",
     "A reader's cipher certificate is outside its period of validity.", RENEW_PARTNER_DE,
     RENEW_PARTNER_EN},
    {3707, GW_SIDE_CERTIFICATES, "Ein Zertifikat konnte nicht vollständig geprüft werden.",
     "A certificate could not be checked completely.",
     "Im Laufzettel nachsehen, welches; meist ist der Sperrdienst des Ausstellers nicht "
     "erreichbar.",
     "See in the process card which one; mostly the issuer's status service cannot be reached."},
    {3708, GW_SIDE_CERTIFICATES, "Das Signaturzertifikat des Empfängers ist zeitlich nicht gültig.",
     "The recipient's signature certificate is outside its period of validity.", TELL_PARTNER_DE,
     TELL_PARTNER_EN},
    {3800, GW_SIDE_NOBODY, "Im Postfach liegen weitere Nachrichten.",
     "There are more deliveries in the mailbox.", "Nichts zu tun; sie werden gleich abgeholt.",
     "Nothing to do; they are fetched at once."},
    {3801, GW_SIDE_NOBODY, "Es gibt weitere passende Laufzettel.", "More process cards match.",
     "Nichts zu tun; sie werden gleich abgefragt.", "Nothing to do; they are fetched at once."},
    {3802, GW_SIDE_PARTNER, "Der Empfänger hat seine Antwort nicht unterschrieben.",
     "The recipient did not sign its answer.", TELL_PARTNER_DE, TELL_PARTNER_EN},
    {3803, GW_SIDE_PARTNER, "Der Empfänger hat unverschlüsselt geantwortet.",
     "The recipient answered without encryption.", TELL_PARTNER_DE, TELL_PARTNER_EN},
    {3950, GW_SIDE_NOBODY, "Die Antwort auf die zusammengesetzte Nachricht liegt bei.",
     "The answer to the reassembled message is enclosed.", NOTHING_DE, NOTHING_EN},
    {3951, GW_SIDE_INTERMEDIARY,
     "Die zusammengesetzte Nachricht wurde nicht rechtzeitig fertig bearbeitet.",
     "The reassembled message was not finished within the time limit.", PASSES_DE, PASSES_EN},
    {3952, GW_SIDE_NOBODY, "Die zusammengesetzte Nachricht wird noch bearbeitet.",
     "The reassembled message is still being processed.", WAIT_DE, WAIT_EN},
    {9000, GW_SIDE_INTERMEDIARY, "Bei der Gegenstelle ist ein interner Fehler aufgetreten.",
     "The other side had an internal error.", PASSES_DE, PASSES_EN},
    {9100, GW_SIDE_US, "Die Gegenstelle hat unsere Sendung nicht als OSCI-Nachricht erkannt.",
     "The other side did not take what we sent for an OSCI message.",
     "Prüfen, ob die Adresse stimmt und unterwegs nichts den Inhalt verändert. " REPORT_DE,
     "Check that the address is right and nothing on the way changes the content. " REPORT_EN},
    {9200, GW_SIDE_CERTIFICATES,
     "Die Nachricht ist für ein Zertifikat verschlüsselt, zu dem die Gegenstelle keinen Schlüssel "
     "hat.",
     "The message is encrypted for a certificate the other side has no key for.",
     "Das aktuelle Verschlüsselungszertifikat des Intermediärs beschaffen und eintragen.",
     "Get the intermediary's current cipher certificate and enter it in the settings."},
    {9201, GW_SIDE_CERTIFICATES,
     "Das Zertifikat, für das die Nachricht verschlüsselt wurde, ist gesperrt.",
     "The certificate the message was encrypted for has been revoked.",
     "Das aktuelle Verschlüsselungszertifikat des Intermediärs beschaffen und eintragen.",
     "Get the intermediary's current cipher certificate and enter it in the settings."},
    {9202, GW_SIDE_US, "Die Nachricht konnte nicht entschlüsselt werden.",
     "The message could not be decrypted.",
     "Verschlüsselungszertifikat der Gegenstelle und erlaubte Algorithmen (policy) vergleichen.",
     "Compare the other side's cipher certificate and the allowed algorithms (policy)."},
    {9300, GW_SIDE_US, "Die entschlüsselten Daten sind kein gültiger Auftrag.",
     "The decrypted data are no valid order.", REPORT_DE, REPORT_EN},
    {9400, GW_SIDE_NOBODY,
     "Der Dialog ist durcheinandergeraten: Kennung, Zähler oder Antwort passen "
     "nicht zusammen.",
     "The dialog is out of step: identifier, counter or response do not fit together.",
     "Nichts zu tun; der nächste Versuch beginnt einen neuen Dialog. Häuft es sich, prüfen, ob "
     "zwei "
     "Programme dasselbe Zertifikat verwenden.",
     "Nothing to do; the next attempt begins a new dialog. If it happens often, check whether two "
     "programs use the same certificate."},
    {9500, GW_SIDE_US, "Im Auftrag fehlt unser Verschlüsselungszertifikat.",
     "Our cipher certificate is missing in the order.", REPORT_DE, REPORT_EN},
    {9501, GW_SIDE_CERTIFICATES,
     "Unser Verschlüsselungszertifikat trägt eine ungültige Unterschrift.",
     "Our cipher certificate carries an invalid signature.", NEW_OWN_DE, NEW_OWN_EN},
    {9502, GW_SIDE_CERTIFICATES, "Unser Verschlüsselungszertifikat ist gesperrt.",
     "Our cipher certificate has been revoked.", NEW_OWN_DE, NEW_OWN_EN},
    {9503, GW_SIDE_INTERMEDIARY,
     "Die Gegenstelle konnte unser Verschlüsselungszertifikat wegen eines internen Fehlers nicht "
     "prüfen.",
     "The other side could not check our cipher certificate because of an internal error.",
     PASSES_DE, PASSES_EN},
    {9600, GW_SIDE_US, "Der Auftrag ist nicht unterschrieben, die Gegenstelle verlangt das aber.",
     "The order is not signed, and the other side demands it.",
     "tenant.identity.signature in der Konfiguration prüfen.",
     "Check tenant.identity.signature in the settings."},
    {9601, GW_SIDE_US, "Die Unterschrift unter dem Auftrag ist ungültig.",
     "The signature of the order is invalid.",
     "Prüfen, ob Schlüssel und Zertifikat zusammengehören und unterwegs nichts den Inhalt "
     "verändert.",
     "Check that key and certificate belong together and nothing on the way changes the content."},
    {9602, GW_SIDE_US, "Nicht alle vorgeschriebenen Teile des Auftrags sind unterschrieben.",
     "Not all required parts of the order are signed.", REPORT_DE, REPORT_EN},
    {9603, GW_SIDE_INTERMEDIARY,
     "Die Gegenstelle konnte die Unterschrift wegen eines internen Fehlers nicht prüfen.",
     "The other side could not check the signature because of an internal error.", PASSES_DE,
     PASSES_EN},
    {9700, GW_SIDE_CERTIFICATES, "Unser Signaturzertifikat trägt eine ungültige Unterschrift.",
     "Our signature certificate carries an invalid signature.", NEW_OWN_DE, NEW_OWN_EN},
    {9701, GW_SIDE_CERTIFICATES, "Unser Signaturzertifikat ist gesperrt.",
     "Our signature certificate has been revoked.", NEW_OWN_DE, NEW_OWN_EN},
    {9702, GW_SIDE_INTERMEDIARY,
     "Die Gegenstelle meldet Code 9702, den der Standard nicht vergibt.",
     "The other side reports code 9702, which the standard does not assign.", ASK_DE, ASK_EN},
    {9703, GW_SIDE_INTERMEDIARY,
     "Die Gegenstelle meldet Code 9703, den der Standard nicht vergibt.",
     "The other side reports code 9703, which the standard does not assign.", ASK_DE, ASK_EN},
    {9704, GW_SIDE_CERTIFICATES,
     "Das Verschlüsselungszertifikat eines Autors trägt eine ungültige Unterschrift.",
     "An author's cipher certificate carries an invalid signature.", NEW_OWN_DE, NEW_OWN_EN},
    {9705, GW_SIDE_CERTIFICATES, "Das Verschlüsselungszertifikat eines Autors ist gesperrt.",
     "An author's cipher certificate has been revoked.", NEW_OWN_DE, NEW_OWN_EN},
    {9706, GW_SIDE_CERTIFICATES,
     "Das Verschlüsselungszertifikat des Empfängers trägt eine ungültige Unterschrift.",
     "The addressee's cipher certificate carries an invalid signature.", RENEW_PARTNER_DE,
     RENEW_PARTNER_EN},
    {9707, GW_SIDE_CERTIFICATES, "Das Verschlüsselungszertifikat des Empfängers ist gesperrt.",
     "The addressee's cipher certificate has been revoked.", RENEW_PARTNER_DE, RENEW_PARTNER_EN},
    {9708, GW_SIDE_CERTIFICATES,
     "Das Verschlüsselungszertifikat eines Lesers trägt eine ungültige Unterschrift.",
     "A reader's cipher certificate carries an invalid signature.", RENEW_PARTNER_DE,
     RENEW_PARTNER_EN},
    {9709, GW_SIDE_CERTIFICATES, "Das Verschlüsselungszertifikat eines Lesers ist gesperrt.",
     "A reader's cipher certificate has been revoked.", RENEW_PARTNER_DE, RENEW_PARTNER_EN},
    {9710, GW_SIDE_INTERMEDIARY,
     "Die Gegenstelle konnte ein Zertifikat wegen eines internen Fehlers nicht prüfen.",
     "The other side could not check a certificate because of an internal error.", PASSES_DE,
     PASSES_EN},
    {9711, GW_SIDE_CERTIFICATES,
     "Das Signaturzertifikat des Empfängers trägt eine ungültige Unterschrift.",
     "The recipient's signature certificate carries an invalid signature.", TELL_PARTNER_DE,
     TELL_PARTNER_EN},
    {9712, GW_SIDE_CERTIFICATES, "Das Signaturzertifikat des Empfängers ist gesperrt.",
     "The recipient's signature certificate has been revoked.", TELL_PARTNER_DE, TELL_PARTNER_EN},
    {9800, GW_SIDE_US, "Eine Zustellung ohne MessageId wird nicht angenommen.",
     "A delivery without MessageId is not taken.", REPORT_DE, REPORT_EN},
    {9801, GW_SIDE_NOBODY,
     "Die MessageId wurde nicht vom Intermediär vergeben oder schon verwendet.",
     "The MessageId was not issued by the intermediary or has been used before.",
     "Nichts zu tun; der Laufzettel zeigt, ob die Nachricht schon angekommen ist.",
     "Nothing to do; the process card shows whether the message has arrived already."},
    {9802, GW_SIDE_US, "Für diesen Auftrag verlangt der Intermediär einen expliziten Dialog.",
     "The intermediary demands an explicit dialog for this order.",
     "In der Konfiguration beim Intermediär dialog: explicit eintragen.",
     "Set dialog: explicit for this intermediary in the settings."},
    {9803, GW_SIDE_NOBODY, "Im Postfach liegt nichts.", "The mailbox is empty.", NOTHING_DE,
     NOTHING_EN},
    {9804, GW_SIDE_NOBODY, "Es gibt keinen passenden Laufzettel.", "No process card matches.",
     NOTHING_DE, NOTHING_EN},
    {9805, GW_SIDE_PARTNER, "Der Empfänger hat die Zustellung nicht angenommen.",
     "The recipient did not accept the delivery.",
     "Den Partner fragen, ob er bei diesem Intermediär ein Postfach hat und sein eingetragenes "
     "Zertifikat noch das richtige ist.",
     "Ask the partner whether it has a mailbox at this intermediary, and whether the certificate "
     "in "
     "the settings is still its own."},
    {9806, GW_SIDE_PARTNER,
     "Der Empfänger hat die Zustellung angenommen, aber keinen Inhalt zurückgegeben.",
     "The recipient accepted the delivery but returned no content.", TELL_PARTNER_DE,
     TELL_PARTNER_EN},
    {9807, GW_SIDE_PARTNER, "Die Unterschrift des Empfängers unter seiner Antwort ist ungültig.",
     "The recipient's signature on its answer is invalid.", TELL_PARTNER_DE, TELL_PARTNER_EN},
    {9808, GW_SIDE_PARTNER, "Beim Empfänger ist ein interner Fehler aufgetreten.",
     "The recipient had an internal error.", PARTNER_PASSES_DE, PARTNER_PASSES_EN},
    {9809, GW_SIDE_INTERMEDIARY,
     "Der Intermediär konnte die Zustellung nicht zum Empfänger bringen: der Empfänger ist nicht "
     "erreichbar, oder beim Intermediär ist ein interner Fehler aufgetreten.",
     "The intermediary could not bring the delivery to the recipient: the recipient cannot be "
     "reached, or the intermediary had an internal error.",
     PASSES_DE, PASSES_EN},
    {9810, GW_SIDE_INTERMEDIARY,
     "Die Zustellung hat den Empfänger erreicht, aber beim Intermediär ist danach ein interner "
     "Fehler aufgetreten.",
     "The delivery has reached the recipient, but then the intermediary had an internal error.",
     "Nicht erneut senden. " ASK_DE, "Do not send it again. " ASK_EN},
    {9811, GW_SIDE_INTERMEDIARY,
     "Die Gegenstelle konnte den Auftrag nicht ausführen: Das Postfach des Empfängers ist voll, "
     "oder "
     "dort ist etwas gestört.",
     "The other side could not execute the order: the recipient's mailbox is full, or something "
     "there is disturbed.",
     PASSES_DE, PASSES_EN},
    {9900, GW_SIDE_NOBODY, "Dieser Teil der Nachricht ist schon vorhanden.",
     "This chunk of the message is already there.", NOTHING_DE, NOTHING_EN},
    {9901, GW_SIDE_US, "Die Nummer eines Teils der Nachricht ist falsch.",
     "The number of a chunk of the message is wrong.", REPORT_DE, REPORT_EN},
    {9902, GW_SIDE_US, "Ein Teil der Nachricht ist größer, als die Gegenstelle zulässt.",
     "A chunk of the message is larger than the other side allows.",
     "chunk_kb des Intermediärs in der Konfiguration verkleinern, depesche check-config, danach "
     "depesche "
     "retry.",
     "Lower chunk_kb of the intermediary in the settings, run depesche check-config, then depesche "
     "retry."},
    {9903, GW_SIDE_US, "Ein Teil der Nachricht ist kleiner, als die Gegenstelle zulässt.",
     "A chunk of the message is smaller than the other side allows.",
     "chunk_kb des Intermediärs in der Konfiguration erhöhen, depesche check-config, danach "
     "depesche "
     "retry.",
     "Raise chunk_kb of the intermediary in the settings, run depesche check-config, then depesche "
     "retry."},
    {9904, GW_SIDE_APPLICATION, "Die Nachricht ist größer, als die Gegenstelle zulässt.",
     "The message is larger than the other side allows.",
     "Den Inhalt aufteilen oder mit dem Betreiber des Intermediärs eine größere Grenze "
     "vereinbaren.",
     "Split the content, or agree on a higher limit with the operator of the intermediary."},
    {9905, GW_SIDE_US, "Die Angaben zu den Teilen der Nachricht widersprechen sich.",
     "The information about the message's chunks is contradictory.", REPORT_DE, REPORT_EN},
    {9950, GW_SIDE_INTERMEDIARY,
     "Die Antwort auf die zusammengesetzte Nachricht meldet einen Fehler.",
     "The answer to the reassembled message reports an error.",
     "Den beiliegenden Code ansehen (depesche show).",
     "Look at the enclosed code (depesche show)."},
};

const size_t gw_explain_osci_count = ARRAY_LEN(gw_explain_osci);
