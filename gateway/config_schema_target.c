/* The table of gw_config.targets. */
#include "gateway/config_rows.h"

#define PASSWORD_DE "Datei, deren erste Zeile das Kennwort ist"
#define PASSWORD_EN "file whose first line is the password"
#define AUTHORITIES_DE "Aussteller, denen bei seinem TLS vertraut wird (PEM); leer: trust.tls"
#define AUTHORITIES_EN "issuers believed for its TLS (PEM); empty: trust.tls"
#define MARKER_DE                                                                                  \
    "danach entsteht neben dem Ordner der Nachricht eine leere Datei, die so endet: .ok"
#define MARKER_EN "afterwards an empty file is made beside the message's folder, ending so: .ok"

static const struct gw_config_row email_rows[] = {
    STRING(gw_email_conf, url, NEEDED,
           SAY("Mailserver: smtp://host:587 (mit STARTTLS) oder smtps://host:465",
               "mail server: smtp://host:587 (with STARTTLS) or smtps://host:465")),
    BOOL(gw_email_conf, starttls, PRESET("true"),
         SAY("bei smtp:// geht ohne TLS nichts hinaus; false: auch im Klartext",
             "with smtp:// nothing goes out without TLS; false: in clear text, too")),
    PATHS(gw_email_conf, authorities, 256, SAY(AUTHORITIES_DE, AUTHORITIES_EN)),
    STRING(gw_email_conf, user,
           SAY("Benutzer beim Mailserver; ohne: keine Anmeldung",
               "user at the mail server; without: no login")),
    PATH(gw_email_conf, password_file, SAY(PASSWORD_DE, PASSWORD_EN)),
    STRING(gw_email_conf, from, NEEDED,
           SAY("Absender, eine Adresse ohne Namen", "sender, an address without a name")),
    {COUNTED(gw_email_conf, to), .kind = GW_C_STRINGS, NEEDED, .min = 1, .max = 100,
     SAY("wer sie bekommt, Adressen ohne Namen", "who gets it, addresses without names")},
    STRING(gw_email_conf, subject,
           SAY("Betreff; darin {subject} {message_type} {endpoint} {file} {id} {size} {accepted} "
               "{tenant}; ohne: ein eigener",
               "subject, with {subject} {message_type} {endpoint} {file} {id} {size} {accepted} "
               "{tenant} in it; without: one of ours")),
    {AT(gw_email_conf, body), .kind = GW_C_STRING, .min = 1, .max = 65536,
     SAY("Text, mit denselben Feldern und {files}; ohne: ein eigener",
         "text, with the same fields and {files}; without: one of ours")},
    NUMBER(gw_email_conf, message_max_mb, 1, 1024, PRESET("25"),
           SAY("größte E-Mail, mit den Anlagen wie gesendet; größere Nachrichten scheitern",
               "largest e-mail, with its attachments as sent; larger messages fail")),
};
TABLE(email, gw_email_conf);

static const struct gw_config_row sftp_rows[] = {
    STRING(gw_sftp_conf, url, NEEDED,
           SAY("sftp://host:port/ordner/; /~/ ist der Ordner des Benutzers",
               "sftp://host:port/folder/; /~/ is the user's own folder")),
    PATH(gw_sftp_conf, known_hosts, NEEDED,
         SAY("Datei mit seinem Schlüssel, wie ~/.ssh/known_hosts (ssh-keyscan schreibt sie)",
             "file with its key, like ~/.ssh/known_hosts (ssh-keyscan writes it)")),
    STRING(gw_sftp_conf, user, NEEDED, SAY("Benutzer dort", "user there")),
    PATH(gw_sftp_conf, key,
         SAY("privater Schlüssel von ssh-keygen, Ed25519 oder ECDSA, für andere nicht lesbar",
             "private key of ssh-keygen, Ed25519 or ECDSA, that others cannot read")),
    PATH(gw_sftp_conf, passphrase_file,
         SAY("Datei, deren erste Zeile das Kennwort des Schlüssels ist",
             "file whose first line is the passphrase of the key")),
    PATH(gw_sftp_conf, password_file,
         SAY("statt des Schlüssels: " PASSWORD_DE, "instead of the key, " PASSWORD_EN)),
    STRING(gw_sftp_conf, marker, SAY(MARKER_DE, MARKER_EN)),
};
TABLE(sftp, gw_sftp_conf);

static const struct gw_config_row webdav_rows[] = {
    STRING(gw_webdav_conf, url, NEEDED,
           SAY("https://host:port/ordner/", "https://host:port/folder/")),
    PATHS(gw_webdav_conf, authorities, 256, SAY(AUTHORITIES_DE, AUTHORITIES_EN)),
    STRING(gw_webdav_conf, user,
           SAY("Benutzer dort; ohne: keine Anmeldung", "user there; without: no login")),
    PATH(gw_webdav_conf, password_file, SAY(PASSWORD_DE, PASSWORD_EN)),
    STRING(gw_webdav_conf, marker, SAY(MARKER_DE, MARKER_EN)),
};
TABLE(webdav, gw_webdav_conf);

static const struct gw_config_row target_rows[] = {
    STRING(gw_target_conf, name, NEEDED,
           SAY("wie es heißt; Empfänger wie ein Partner", "what it is called; a recipient like a "
                                                          "partner")),
    STRINGS(gw_target_conf, command, 64,
            SAY("Programm mit Argumenten, für jede Nachricht gestartet; Ende mit 0: zugestellt, "
                "75: später noch einmal, sonst: gescheitert",
                "program with arguments, run for each message; exit code 0: delivered, 75: again "
                "later, else: failed")),
    MAP_PTR(gw_target_conf, email, email, SAY("als E-Mail", "as an e-mail")),
    MAP_PTR(gw_target_conf, sftp, sftp, SAY("in einen Ordner, durch SFTP", "to a folder, by SFTP")),
    MAP_PTR(gw_target_conf, webdav, webdav,
            SAY("in einen Ordner, durch WebDAV", "to a folder, by WebDAV")),
    NUMBER(gw_target_conf, timeout_seconds, 1, 86400, PRESET("120"),
           SAY("so lange darf das Programm laufen, so lange darf die Gegenstelle schweigen",
               "how long the program may run, how long the other side may be silent")),
    NUMBER(gw_target_conf, at_once, 1, 4, PRESET("2"),
           SAY("so viele Nachrichten sind gleichzeitig dorthin unterwegs",
               "messages on their way there at the same time")),
};
const struct gw_config_table gw_config_target_table = {sizeof(struct gw_target_conf), target_rows,
                                                       ARRAY_LEN(target_rows)};
