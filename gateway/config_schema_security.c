/* The tables of gw_config.security and gw_config.calendar. */
#include "gateway/config_rows.h"

static const struct gw_config_row security_rows[] = {
    STRING(gw_security_conf, user,
           SAY("von root gestartet: als dieser Benutzer arbeiten, mit dessen Gruppen",
               "started by root: work as this user, with the user's groups")),
    BOOL(gw_security_conf, seccomp, PRESET("true"),
         SAY("Systemaufrufe sperren, die weder das Gateway noch seine Programme brauchen",
             "refuse system calls that neither the gateway nor its programs need")),
    BOOL(gw_security_conf, key_process, PRESET("false"),
         SAY("Schlüssel für Signatur und Entschlüsselung in einem eigenen Prozess (depesched-keys) "
             "halten; nicht die für TLS",
             "keep the keys for signatures and decryption in a process of their own "
             "(depesched-keys); not those for TLS")),
    PATH(gw_security_conf, algorithms,
         SAY("Datei mit den Fristen der Algorithmen, statt der eingebauten "
             "(/usr/share/depesche/algorithms.conf)",
             "file with the dates of algorithms, instead of those built in "
             "(/usr/share/depesche/algorithms.conf)")),
};
const struct gw_config_table gw_config_security_table = {sizeof(struct gw_security_conf),
                                                         security_rows, ARRAY_LEN(security_rows)};

static const struct gw_config_row calendar_rows[] = {
    STRING(gw_calendar_conf, mail,
           SAY("Name eines Ziels mit email (targets), dessen Adressen die Warnungen bekommen: "
               "höchstens ein Brief am Tag, 90, 60, 30, 14, 7 und 1 Tage vor dem Ende und danach",
               "name of a target with email (targets) whose addresses get the warnings: one letter "
               "a day at most, 90, 60, 30, 14, 7 and 1 days before the end and behind it")),
};
const struct gw_config_table gw_config_calendar_table = {sizeof(struct gw_calendar_conf),
                                                         calendar_rows, ARRAY_LEN(calendar_rows)};
