/* Our own reasons, from 11100 on. */
#include "gateway/explain_table.h"

#define CHECK_DE " Danach depesche check-config laufen lassen."
#define CHECK_EN " Then run depesche check-config."
#define SERVER_DE                                                                                  \
    "Der nächste Versuch folgt von selbst. Bleibt es dabei, den Betreiber des XTA-Servers "       \
    "ansprechen."
#define SERVER_EN                                                                                  \
    "The next attempt follows by itself. If it stays so, contact the operator of the XTA server."

const struct gw_explain gw_explain_late[] = {
    {GW_R_XTA_DENIED, GW_SIDE_US, "Der XTA-Server {intermediary} verweigert es uns: {detail}.",
     "The XTA server {intermediary} denies it to us: {detail}.",
     "Mit seinem Betreiber klären, ob das Zertifikat unter xta_servers.tls gilt, zu welchem Konto "
     "es "
     "gehört und ob die Kennung unter parties zu ihm passt.",
     "Clarify with its operator whether the certificate under xta_servers.tls holds, to which "
     "account "
     "it belongs, and whether the identifier under parties fits it."},
    {GW_R_XTA_PARAMETER, GW_SIDE_US,
     "Der XTA-Server {intermediary} nimmt die Angaben zur Nachricht nicht an: {detail}.",
     "The XTA server {intermediary} does not take what is said of the message: {detail}.",
     "Empfängerkennung, Dienst und Nachrichtentyp beim Partner prüfen, dann depesche retry.",
     "Check the partner's reader, service and message type, then depesche retry."},
    {GW_R_XTA_TECHNICAL, GW_SIDE_INTERMEDIARY,
     "Der XTA-Server {intermediary} meldet eine Störung: {detail}.",
     "The XTA server {intermediary} reports a technical problem: {detail}.", SERVER_DE, SERVER_EN},
    {GW_R_XTA_SCHEMA, GW_SIDE_APPLICATION,
     "Der XTA-Server {intermediary} hat den Inhalt geprüft und lehnt ihn ab: {detail}.",
     "The XTA server {intermediary} has checked the content and refuses it: {detail}.",
     "Den Inhalt im Fachverfahren berichtigen und neu senden.",
     "Correct the content in the program and send it anew."},
    {GW_R_XTA_VIRUS, GW_SIDE_APPLICATION,
     "Der XTA-Server {intermediary} hat in der Nachricht Schadcode gefunden: {detail}.",
     "The XTA server {intermediary} has found malicious code in the message: {detail}.",
     "Den Rechner prüfen, von dem die Datei stammt, und den Inhalt ohne sie neu senden.",
     "Check the machine that the file came from, and send the content anew without it."},
    {GW_R_XTA_UNKNOWN_ID, GW_SIDE_INTERMEDIARY,
     "Der XTA-Server {intermediary} kennt die Nachricht nicht: {detail}.",
     "The XTA server {intermediary} does not know the message: {detail}.",
     "Bleibt es dabei, den Betreiber des Servers nach der Nachricht fragen.",
     "If it stays so, ask the server's operator about the message."},
    {GW_R_XTA_SYNC, GW_SIDE_US,
     "Der Dienst von {recipient} wird nicht auf diese Weise angeboten: {detail}.",
     "The service of {recipient} is not offered in this way: {detail}.",
     "Beim Partner unter xta_message den richtigen Dienst eintragen." CHECK_DE,
     "Enter the right service under xta_message of the partner." CHECK_EN},
    {GW_R_XTA_UNSUPPORTED, GW_SIDE_INTERMEDIARY,
     "Der XTA-Server {intermediary} bietet das nicht an: {detail}.",
     "The XTA server {intermediary} does not offer that: {detail}.",
     "Mit seinem Betreiber klären, welche Operationen er anbietet.",
     "Clarify with its operator which operations it offers."},
    {GW_R_XTA_FAULT, GW_SIDE_INTERMEDIARY,
     "Der XTA-Server {intermediary} antwortet mit einem Fehler von SOAP: {detail}.",
     "The XTA server {intermediary} answers with a fault of SOAP: {detail}.",
     "Bleibt es dabei, prüfen, ob version und urls unter xta_servers stimmen." CHECK_DE,
     "If it stays so, check version and urls under xta_servers." CHECK_EN},
    {GW_R_XTA_NO_SERVICE, GW_SIDE_DIRECTORY,
     "{recipient} bietet den Dienst nach Auskunft des XTA-Servers nicht an: {detail}.",
     "According to the XTA server {recipient} does not offer the service: {detail}.",
     "Kennung und Dienst des Partners prüfen; stimmt beides, mit dem Partner klären. Danach "
     "depesche retry.",
     "Check identifier and service of the partner; if both are right, clarify it with the partner. "
     "Then depesche retry."},
    {GW_R_XTA_REPORT, GW_SIDE_PARTNER,
     "Die Nachricht an {recipient} ist nach Auskunft des Transportberichts gescheitert: {detail}.",
     "According to its transport report the message to {recipient} has failed: {detail}.",
     "Der Bericht liegt bei der Nachricht; mit dem Betreiber des XTA-Servers klären.",
     "The report lies with the message; clarify it with the XTA server's operator."},
    {GW_R_XTA_WARNING, GW_SIDE_NOBODY,
     "Die Nachricht an {recipient} ist zugestellt, mit einer Warnung: {detail}.",
     "The message to {recipient} is delivered, with a warning: {detail}.", "Nichts zu tun.",
     "Nothing to do."},
    {GW_R_XTA_NO_PARTY, GW_SIDE_US,
     "Wer wir beim XTA-Server {intermediary} sind, ist für das Verfahren {endpoint} nicht "
     "eingetragen.",
     "Who we are at the XTA server {intermediary} is not set for the endpoint {endpoint}.",
     "Unter xta_servers.parties eine Kennung für das Verfahren eintragen, oder eine für "
     "alle." CHECK_DE,
     "Enter an identifier for the endpoint under xta_servers.parties, or one for all." CHECK_EN},
    {GW_R_XTA_CERTIFICATE, GW_SIDE_CERTIFICATES,
     "Für den XTA-Server {intermediary} ist unser Zertifikat abgelaufen: {detail}.",
     "To the XTA server {intermediary} our certificate has expired: {detail}.",
     "Ein neues Zertifikat beschaffen, beim Betreiber des Servers hinterlegen und unter "
     "xta_servers.tls eintragen." CHECK_DE,
     "Get a new certificate, register it with the server's operator and enter it under "
     "xta_servers.tls." CHECK_EN},
    {GW_R_XTA_ACCOUNT, GW_SIDE_US,
     "Der XTA-Server {intermediary} hat kein nutzbares Konto für uns: {detail}.",
     "The XTA server {intermediary} has no account that we can use: {detail}.",
     "Mit seinem Betreiber klären, ob das Konto angelegt und freigeschaltet und der Dienst gebucht "
     "ist; danach depesche retry.",
     "Clarify with its operator whether the account exists, is unlocked and has the service "
     "booked. "
     "Then depesche retry."},
    {GW_R_XTA_TOO_LARGE, GW_SIDE_APPLICATION,
     "Die Nachricht ist größer, als der XTA-Server {intermediary} zulässt: {detail}.",
     "The message is larger than the XTA server {intermediary} allows: {detail}.",
     "Den Inhalt aufteilen oder mit dem Betreiber des Servers eine größere Grenze vereinbaren.",
     "Split the content, or agree on a higher limit with the server's operator."},
    {GW_R_XTA_DIRECTORY, GW_SIDE_INTERMEDIARY,
     "Der XTA-Server {intermediary} erreicht das Verzeichnis (DVDV) nicht: {detail}.",
     "The XTA server {intermediary} cannot reach the directory (DVDV): {detail}.", SERVER_DE,
     SERVER_EN},
    {GW_R_XTA_DELIVERY, GW_SIDE_PARTNER,
     "Der XTA-Server {intermediary} bringt die Nachricht nicht zu {recipient}: {detail}.",
     "The XTA server {intermediary} cannot bring the message to {recipient}: {detail}.",
     "Der nächste Versuch folgt von selbst. Bleibt es dabei, {recipient} fragen, ob der Empfang "
     "gestört ist.",
     "The next attempt follows by itself. If it stays so, ask {recipient} whether its reception is "
     "disturbed."},
    {GW_R_XTA_TOO_LATE, GW_SIDE_NOBODY,
     "Der XTA-Server {intermediary} zieht die Nachricht nicht mehr zurück: {detail}.",
     "The XTA server {intermediary} does not withdraw the message any more: {detail}.",
     "Nichts zu tun; sie ist schon unterwegs. Soll der Empfänger sie nicht verwenden, ihn anrufen.",
     "Nothing to do; it is on its way. If its recipient shall not use it, call them."},
    {GW_R_TARGET_LATER, GW_SIDE_PARTNER,
     "{recipient} kann die Nachricht gerade nicht annehmen: {detail}.",
     "{recipient} cannot take the message now: {detail}.",
     "Der nächste Versuch folgt von selbst. Bleibt es dabei, den Betreiber des Ziels ansprechen.",
     "The next attempt follows by itself. If it stays so, contact the operator of the target."},
    {GW_R_TARGET_REFUSED, GW_SIDE_PARTNER, "{recipient} nimmt die Nachricht nicht an: {detail}.",
     "{recipient} does not take the message: {detail}.",
     "Mit dem Betreiber des Ziels klären, was ihm nicht passt; danach depesche retry.",
     "Clarify with the operator of the target what it objects to; then depesche retry."},
    {GW_R_TARGET_COMMAND, GW_SIDE_APPLICATION,
     "Das Programm des Ziels {recipient} hat die Nachricht abgelehnt: {detail}.",
     "The program of the target {recipient} has refused the message: {detail}.",
     "Ursache im Programm beheben; danach depesche retry.",
     "Mend the cause in the program; then depesche retry."},
    {GW_R_TARGET_START, GW_SIDE_US,
     "Das Programm des Ziels {recipient} lässt sich nicht ausführen: {detail}.",
     "The program of the target {recipient} cannot be run: {detail}.",
     "Pfad und Rechte unter command des Ziels prüfen." CHECK_DE,
     "Check path and permissions under command of the target." CHECK_EN},
    {GW_R_TARGET_TIME, GW_SIDE_APPLICATION,
     "Das Programm des Ziels {recipient} wurde nicht fertig: {detail}.",
     "The program of the target {recipient} did not finish: {detail}.",
     "Prüfen, worauf das Programm wartet, oder timeout_seconds des Ziels erhöhen; die Versuche "
     "gehen von selbst weiter.",
     "Check what the program waits for, or raise timeout_seconds of the target; the attempts go on "
     "by themselves."},
    {GW_R_TARGET_TOO_LARGE, GW_SIDE_US,
     "Die Nachricht ist für das Ziel {recipient} zu groß: {detail}.",
     "The message is too large for the target {recipient}: {detail}.",
     "Wenn die Gegenstelle so viel annimmt, email.message_max_mb des Ziels erhöhen; danach "
     "depesche retry.",
     "If the other side takes that much, raise email.message_max_mb of the target; then depesche "
     "retry."},
    {GW_R_TARGET_RIGHTS, GW_SIDE_PARTNER,
     "Das Ziel {recipient} erlaubt uns nicht, dort zu schreiben: {detail}.",
     "The target {recipient} does not allow us to write there: {detail}.",
     "Den Betreiber des Ziels um Schreibrechte im Ordner bitten; die Versuche gehen von selbst "
     "weiter.",
     "Ask the operator of the target for the right to write in the folder; the attempts go on by "
     "themselves."},
    {GW_R_TARGET_FOLDER, GW_SIDE_US,
     "Den Ordner des Ziels {recipient} gibt es dort nicht: {detail}.",
     "The folder of the target {recipient} is not there: {detail}.",
     "Pfad in url des Ziels prüfen oder den Ordner dort anlegen lassen; die Versuche gehen von "
     "selbst weiter.",
     "Check the path in url of the target, or have the folder made there; the attempts go on by "
     "themselves."},
    {GW_R_TARGET_FULL, GW_SIDE_PARTNER, "Beim Ziel {recipient} ist kein Platz mehr: {detail}.",
     "There is no space left at the target {recipient}: {detail}.",
     "Den Betreiber des Ziels verständigen; die Versuche gehen von selbst weiter.",
     "Tell the operator of the target; the attempts go on by themselves."},
    {GW_R_TARGET_SECRET, GW_SIDE_US,
     "Kennwort oder Schlüssel für das Ziel {recipient} ist nicht zu lesen: {detail}.",
     "Password or key for the target {recipient} cannot be read: {detail}.",
     "Datei und Rechte prüfen; die Versuche gehen von selbst weiter." CHECK_DE,
     "Check the file and its permissions; the attempts go on by themselves." CHECK_EN},
    {GW_R_TARGET_TAKEN, GW_SIDE_PARTNER,
     "Beim Ziel {recipient} liegt unter dem Namen der Nachricht schon etwas anderes: {detail}.",
     "At the target {recipient} something else has the name of the message: {detail}.",
     "Beim Betreiber des Ziels klären, woher es kommt, und es wegräumen lassen; überschrieben wird "
     "nichts, und die Versuche gehen von selbst weiter.",
     "Clarify with the operator of the target where it comes from, and have it removed; nothing is "
     "written over, and the attempts go on by themselves."},
    {GW_R_TRANSFORM_OUT, GW_SIDE_APPLICATION, "Die Nachricht lässt sich nicht umformen: {detail}.",
     "The message cannot be transformed: {detail}.",
     "Die XML-Datei im Fachverfahren berichtigen, oder das Stylesheet der Route, und sie erneut "
     "senden.",
     "Correct the XML file in the program, or the route's stylesheet, and send it again."},
    {GW_R_TRANSFORM_IN, GW_SIDE_US,
     "Die Nachricht von {sender} lässt sich nicht umformen: {detail}.",
     "The message from {sender} cannot be transformed: {detail}.",
     "Das Stylesheet der Route an solche Nachrichten anpassen; mit depesche quarantine release "
     "geht "
     "diese ohne Umformung weiter.",
     "Adapt the route's stylesheet to such messages; depesche quarantine release passes this one "
     "on "
     "without a transformation."},
    {GW_R_TRANSFORM_PASSED, GW_SIDE_US,
     "Das Original geht ohne Umformung weiter, wie eingestellt: {detail}.",
     "The original goes on without a transformation, as the settings allow: {detail}.",
     "Das Stylesheet der Route an solche Nachrichten anpassen, wenn sie öfter vorkommen.",
     "Adapt the route's stylesheet to such messages, if there are more of them."},
};

const size_t gw_explain_late_count = ARRAY_LEN(gw_explain_late);
