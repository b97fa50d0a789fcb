/* The table of gw_config.revocation. */
#include "gateway/config_rows.h"

static const char *const mode_names[] = {"offline", "online", NULL};
static const char *const unknown_names[] = {"pass", "hold", NULL};
static const char *const nonce_names[] = {"send", "demand", "none", NULL};
static const char *const purpose_names[] = {"signing", "enciphering", NULL};

static const struct gw_config_row purpose_rows[] = {
    CHOICE(gw_revocation_purpose_conf, purpose, purpose_names, NEEDED,
           SAY("welche Zertifikate: signing, die von Inhalten und Aufträgen; enciphering, für die "
               "verschlüsselt wird",
               "which certificates: signing, those of contents and orders; enciphering, those "
               "written for")),
    CHOICE(gw_revocation_purpose_conf, mode, mode_names, NEEDED,
           SAY("wie mode darüber", "as mode above")),
    CHOICE(gw_revocation_purpose_conf, when_unknown, unknown_names, NEEDED,
           SAY("wie when_unknown darüber", "as when_unknown above")),
};
TABLE(purpose, gw_revocation_purpose_conf);

static const struct gw_config_row revocation_rows[] = {
    CHOICE(gw_revocation_conf, mode, mode_names, PRESET("offline"),
           SAY("online: der Auskunftsdienst (OCSP) und die Sperrlisten, die ein Zertifikat nennt, "
               "werden über http:// gefragt; offline: nur, was in trust.crls liegt",
               "online: the responder (OCSP) and the lists that a certificate names are asked by "
               "http://; offline: only what lies in trust.crls")),
    CHOICE(gw_revocation_conf, when_unknown, unknown_names, PRESET("pass"),
           SAY("wenn niemand sagt, ob es gesperrt ist; hold: die Nachricht wartet, pass: sie geht "
               "durch, mit Vermerk",
               "when nobody says whether it is revoked; hold: the message waits, pass: it goes "
               "through, with a note")),
    CHOICE(gw_revocation_conf, nonce, nonce_names, PRESET("send"),
           SAY("Einmalwert in Fragen an Auskunftsdienste; demand: Antworten ohne ihn gelten nicht",
               "nonce in questions to responders; demand: answers without it do not count")),
    NUMBER(gw_revocation_conf, timeout_seconds, 1, 60, PRESET("5"),
           SAY("so lange wird auf eine Antwort gewartet", "how long an answer is waited for")),
    NUMBER(gw_revocation_conf, list_max_mb, 1, 64, PRESET("32"),
           SAY("größte Sperrliste, die geholt wird", "largest list that is fetched")),
    STRING(gw_revocation_conf, proxy,
           SAY("HTTP-Proxy, über den gefragt wird, http://host:port",
               "HTTP proxy by which they are asked, http://host:port")),
    MAPS(gw_revocation_conf, purposes, 2, purpose,
         SAY("wo es für einen Zweck anders ist", "where it is otherwise for one purpose")),
};
const struct gw_config_table gw_config_revocation_table = {
    sizeof(struct gw_revocation_conf), revocation_rows, ARRAY_LEN(revocation_rows)};
