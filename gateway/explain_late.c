/* Our own reasons, from 11200 on. */
#include "gateway/explain_table.h"

#define CHECK_DE " Danach depesche check-config laufen lassen."
#define CHECK_EN " Then run depesche check-config."
#define RETRY_DE "Nichts zu tun; der nächste Versuch folgt von selbst."
#define RETRY_EN "Nothing to do; the next attempt follows by itself."

const struct gw_explain gw_explain_late[] = {
    {GW_R_TARGET_LATER, GW_SIDE_PARTNER,
     "{recipient} kann die Nachricht gerade nicht annehmen: {detail}.",
     "{recipient} cannot take the message now: {detail}.", RETRY_DE, RETRY_EN},
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
