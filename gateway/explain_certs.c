/* Our own reasons about trust, keys and algorithms, from 11300 on. */
#include "gateway/explain_table.h"

const struct gw_explain gw_explain_certs[] = {
    {GW_R_CONFIG_NEXT, GW_SIDE_US,
     "{key}: Was ablöst, muss nach der Zeit geordnet sein, das Früheste zuerst.",
     "{key}: what takes over must be in the order of its time, the earliest first.",
     "Die Einträge ordnen und was am selben Tag beginnt in einem nennen; danach depesche "
     "check-config laufen lassen.",
     "Put the entries in order, with what begins on one day in one entry; then run depesche "
     "check-config."},
    {GW_R_CONFIG_NEEDED, GW_SIDE_US,
     "Den Schlüssel zu {subject} brauchen noch {count} ungelesene Nachrichten: {detail}.",
     "The key of {subject} is still needed by {count} unread messages: {detail}.",
     "Das Paar unter older_ciphers eintragen, bis die Nachrichten abgeholt sind, dann erneut neu "
     "laden.",
     "List the pair under older_ciphers until the messages have been fetched, then reload again."},
    {GW_R_LIST_OUTDATED, GW_SIDE_CERTIFICATES, "Die Sperrliste von {subject} galt nur bis {until}.",
     "The revocation list of {subject} was good until {until} only.",
     "Nachsehen, warum im Ordner trust.crls keine neuere liegt.",
     "Find out why there is no newer one in the folder trust.crls."},
    {GW_R_CALENDAR_MAIL, GW_SIDE_US,
     "Der Brief über ablaufende Zertifikate kommt nicht zu {recipient}: {detail}.",
     "The letter about certificates that end does not get to {recipient}: {detail}.",
     "Den Mailserver und das Ziel unter targets prüfen; jede Stunde wird es erneut versucht.",
     "Check the mail server and the target among targets; it is tried again every hour."},
    {GW_R_CONFIG_ALGORITHMS, GW_SIDE_US,
     "'{key}': {path} ist keine Datei mit Fristen von Algorithmen: {detail}.",
     "'{key}': {path} is no file with dates of algorithms: {detail}.",
     "Die Zeile berichtigen; so muss es aussehen: /usr/share/depesche/algorithms.conf.",
     "Correct the line; /usr/share/depesche/algorithms.conf shows how it must look."},
    {GW_R_ALGORITHM_ENDS, GW_SIDE_US,
     "{name} ({kind}), womit wir schreiben, ist nur bis {until} erlaubt.",
     "{name} ({kind}), with which we write, is allowed until {until} only.",
     "Vorher eine Version einspielen, die mit Nachfolgern schreibt, oder nach Prüfung die Frist in "
     "security.algorithms verlängern.",
     "Install a version that writes with successors before that, or, after due consideration, "
     "prolong the date in security.algorithms."},
};

const size_t gw_explain_certs_count = ARRAY_LEN(gw_explain_certs);
