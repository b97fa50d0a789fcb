#include "gateway/config_rows.h"
#include "gateway/route_content.h"

static const char *const dialog_names[] = {"explicit", "implicit", NULL};
static const char *const xta_version_names[] = {"3", "5", NULL};
static const char *const delivery_names[] = {"store", "forward", "mediate", NULL};
static const char *const way_names[] = {"partner", "store", "forward", "mediate", NULL};
static const char *const complete_names[] = {"rename", "settled", "marker", "manifest", NULL};
static const char *const unsigned_names[] = {"take", "quarantine", NULL};
static const char *const too_large_names[] = {"refuse", "pass", NULL};
static const char *const unscanned_names[] = {"hold", "pass", NULL};
static const char *const xta_mode_names[] = {"strict", "lenient", NULL};
static const char *const mode_names[] = {"asynchronous", "synchronous", "both", NULL};
static const char *const level_names[] = {"debug", "info", "warning", "error", NULL};
static const char *const target_names[] = {"stderr", "journal", "file", NULL};

static const struct gw_config_row pair_rows[] = {
    PATH(gw_pair_conf, certificate,
         SAY("Zertifikat als PEM-Datei, oder im Token: pkcs11:token=...;object=...",
             "certificate, a PEM file, or in a token: pkcs11:token=...;object=...")),
    PATH(gw_pair_conf, key,
         SAY("privater Schlüssel dazu als PEM-Datei, für andere nicht lesbar, oder im Token: "
             "pkcs11:token=...;object=...",
             "its private key, a PEM file others cannot read, or in a token: "
             "pkcs11:token=...;object=...")),
    PATH(gw_pair_conf, pkcs12,
         SAY("statt beider eine PKCS#12-Datei (.p12, .pfx)",
             "instead of both, one PKCS#12 file (.p12, .pfx)")),
    PATH(gw_pair_conf, module,
         SAY("die PKCS#11-Bibliothek des Tokens", "the PKCS#11 library of the token")),
    PATH(gw_pair_conf, passphrase_file,
         SAY("Datei, deren erste Zeile das Kennwort des Schlüssels oder die PIN des Tokens ist",
             "file whose first line is the passphrase of the key or the PIN of the token")),
};
const struct gw_config_table gw_config_pair_table = {sizeof(struct gw_pair_conf), pair_rows,
                                                     ARRAY_LEN(pair_rows)};

static const struct gw_config_row identity_rows[] = {
    MAP(gw_identity_conf, signature, gw_config_pair_table, NEEDED,
        SAY("womit unterschrieben wird", "what we sign with")),
    MAP(gw_identity_conf, cipher, gw_config_pair_table, NEEDED,
        SAY("wofür andere verschlüsseln und womit geöffnet wird",
            "what others encrypt for and we open with")),
    MAPS(gw_identity_conf, older_ciphers, 16, gw_config_pair_table,
         SAY("frühere Verschlüsselungspaare, nur noch zum Öffnen",
             "earlier cipher pairs, for opening only")),
    MAPS(gw_identity_conf, next, GW_CONFIG_NEXT_MAX, gw_config_next_identity_table,
         SAY("was signature und cipher von einem Tag an ablöst; geöffnet wird damit sofort",
             "what replaces signature and cipher from a day on; it opens at once")),
};
TABLE(identity, gw_identity_conf);

static const struct gw_config_row tenant_rows[] = {
    STRING(gw_tenant_conf, name, NEEDED,
           SAY("wie die Behörde heißt", "what the authority is called")),
    MAP(gw_tenant_conf, identity, identity, NEEDED,
        SAY("ihre Zertifikate und Schlüssel", "its certificates and keys")),
    TRUST_ROW(gw_tenant_conf, gw_config_tenant_trust_table),
};
TABLE(tenant, gw_tenant_conf);

/* Whose something is, where there are several. */
#define TENANT_ROW(type)                                                                           \
    STRING(type, tenant,                                                                           \
           SAY("mit tenants: welchem Mandanten es gehört", "with tenants: whose it is"))

static const struct gw_config_row api_rows[] = {
    PATH(gw_api_conf, socket, PRESET("/run/depesche/api.sock"),
         SAY("UNIX-Socket der Schnittstelle", "UNIX socket of the API")),
    {AT(gw_api_conf, mode), .kind = GW_C_MODE, .min = 0, .max = 0777, PRESET("0660"),
     SAY("Zugriffsrechte des Sockets, oktal", "permissions of the socket, octal")},
    STRING(
        gw_api_conf, owner,
        SAY("Eigentümer des Sockets, Name oder Nummer; nur root darf einen anderen als sich selbst "
            "nennen",
            "owner of the socket, a name or a number; only root may name another than itself")),
    STRING(gw_api_conf, group,
           SAY("Gruppe des Sockets, Name oder Nummer; ohne root eine, der der Dienst angehört",
               "group of the socket, a name or a number; without root one that the service is in")),
    STRINGS(gw_api_conf, admins, 256,
            SAY("Benutzer, die alles dürfen, außer root und dem Dienst selbst",
                "users who may do everything, besides root and the service itself")),
};
TABLE(api, gw_api_conf);

static const struct gw_config_row intermediary_rows[] = {
    STRING(gw_intermediary_conf, name, NEEDED,
           SAY("unter diesem Namen nennen ihn die Partner", "the name partners refer to")),
    TENANT_ROW(gw_intermediary_conf),
    STRING(gw_intermediary_conf, url, NEEDED,
           SAY("seine Adresse, http:// oder https://", "its address, http:// or https://")),
    PATH(gw_intermediary_conf, cipher_certificate, NEEDED,
         SAY("sein Verschlüsselungszertifikat (PEM)", "its cipher certificate (PEM)")),
    NEXT_CIPHERS_ROW(gw_intermediary_conf),
    PATH(gw_intermediary_conf, signature_certificate,
         SAY("sein Signaturzertifikat (PEM); ohne: jedes, dem trust.osci vertraut",
             "its signature certificate (PEM); without: any that trust.osci believes")),
    PATHS(gw_intermediary_conf, signature_certificates, 16,
          SAY("weitere seiner Signaturzertifikate (PEM), während es das eine durch das andere "
              "ablöst",
              "more of its signature certificates (PEM), while one replaces the other")),
    TRUST_ROW(gw_intermediary_conf, gw_config_peer_trust_table),
    MAP_PTR(gw_intermediary_conf, tls, gw_config_pair_table,
            SAY("unser Zertifikat für TLS, wenn er eines verlangt",
                "our certificate for TLS, if it asks for one")),
    NEXT_TLS_ROW(gw_intermediary_conf),
    BOOL(gw_intermediary_conf, fetch, PRESET("true"),
         SAY("wir haben dort ein Postfach und holen ab",
             "we have a mailbox there and fetch from it")),
    NUMBER(
        gw_intermediary_conf, fetch_at_once, 1, 8, PRESET("3"),
        SAY("so viele Zustellungen auf einmal, wenn das Postfach voll ist; ihre Reihenfolge bleibt",
            "so many deliveries at a time when the mailbox is full; they keep their order")),
    NUMBER(gw_intermediary_conf, poll_seconds, 1, 86400, PRESET("60"),
           SAY("Abstand zwischen zwei Abholungen", "time between two fetches")),
    NUMBER(gw_intermediary_conf, receipt_poll_seconds, 1, 86400, PRESET("300"),
           SAY("Abstand zwischen zwei Nachfragen nach Laufzetteln",
               "time between two enquiries for process cards")),
    NUMBER(
        gw_intermediary_conf, timeout_seconds, 1, 3600, PRESET("60"),
        SAY("so lange darf die Verbindung stillstehen", "how long a connection may stand still")),
    CHOICE(gw_intermediary_conf, dialog, dialog_names, PRESET("explicit"),
           SAY("explizite Dialoge, oder implizite wo das Protokoll sie erlaubt",
               "explicit dialogs, or implicit ones where the protocol allows them")),
    NUMBER(gw_intermediary_conf, chunk_above_kb, 1, 1024 * 1024 * 1024, PRESET("16384"),
           SAY("was größer ist, wird in Paketen gesendet, wenn er das kann (KB)",
               "what is larger is sent in chunks, if it can do that (KB)")),
    NUMBER(gw_intermediary_conf, chunk_kb, 1, 1024 * 1024, PRESET("4096"),
           SAY("Größe eines Pakets beim Senden und Abholen, in den Grenzen, die er nennt (KB)",
               "size of a chunk, sent or fetched, within the bounds it announces (KB)")),
    BOOL(gw_intermediary_conf, fetch_chunks, PRESET("true"),
         SAY("große Nachrichten in Paketen abholen, wenn er das kann",
             "fetch large deliveries in chunks, if it can do that")),
};
TABLE(intermediary, gw_intermediary_conf);

/* Who somebody is in XTA: we ourselves, or a reader. */
#define PARTY_ROWS                                                                                 \
    STRING(gw_xta_party_conf, value, NEEDED,                                                       \
           SAY("Kennung, etwa \"ags:09162000\"", "identifier, \"ags:09162000\" for instance")),    \
        STRING(gw_xta_party_conf, scheme, PRESET("xoev"),                                          \
               SAY("wie die Kennung zu lesen ist (type, identifierScheme)",                        \
                   "how to read the identifier (type, identifierScheme)")),                        \
        STRING(gw_xta_party_conf, name, SAY("Anzeigename", "display name")),                       \
        STRING(gw_xta_party_conf, category,                                                        \
               SAY("Art der Behörde, etwa \"Meldebehörde\"",                                       \
                   "kind of authority, \"Meldebehörde\" for instance"))

static const struct gw_config_row xta_reader_rows[] = {PARTY_ROWS};
TABLE(xta_reader, gw_xta_party_conf);

static const struct gw_config_row xta_party_rows[] = {
    STRING(gw_xta_party_conf, endpoint,
           SAY("für dieses Verfahren; ohne: für alle, die keine andere haben",
               "for this endpoint; without: for all that have no other")),
    PARTY_ROWS,
};
TABLE(xta_party, gw_xta_party_conf);

static const struct gw_config_row xta_urls_rows[] = {
    STRING(gw_xta_urls_conf, management,
           SAY("Version 3: ManagementPort", "version 3: ManagementPort")),
    STRING(gw_xta_urls_conf, send, SAY("Version 3: SendXtaPort", "version 3: SendXtaPort")),
    STRING(
        gw_xta_urls_conf, msgbox,
        SAY("Version 3: MsgBoxPort, wenn abgeholt wird", "version 3: MsgBoxPort, to fetch from")),
    STRING(gw_xta_urls_conf, base,
           SAY("Version 5: der Port transport base", "version 5: the port transport base")),
    STRING(gw_xta_urls_conf, sender,
           SAY("Version 5: der Port sender", "version 5: the port sender")),
    STRING(gw_xta_urls_conf, recipient,
           SAY("Version 5: der Port recipient, wenn abgeholt wird",
               "version 5: the port recipient, to fetch from")),
};
TABLE(xta_urls, gw_xta_urls_conf);

static const struct gw_config_row xta_peer_rows[] = {
    STRING(gw_xta_peer_conf, name, NEEDED,
           SAY("unter diesem Namen nennen ihn die Partner", "the name partners refer to")),
    TENANT_ROW(gw_xta_peer_conf),
    CHOICE(gw_xta_peer_conf, version, xta_version_names, NEEDED,
           SAY("Version von XTA 2, die er spricht", "the version of XTA 2 that it speaks")),
    MAP(gw_xta_peer_conf, urls, xta_urls, NEEDED,
        SAY("seine Adressen, https://, eine für jeden Port",
            "its URLs, https://, one for each port")),
    MAP_PTR(
        gw_xta_peer_conf, tls, gw_config_pair_table, NEEDED,
        SAY("unser Zertifikat, an dem er uns erkennt", "our certificate, by which it knows us")),
    NEXT_TLS_ROW(gw_xta_peer_conf),
    PATHS(gw_xta_peer_conf, authorities, 16,
          SAY("Aussteller, denen bei seinem TLS vertraut wird (PEM); leer: trust.tls",
              "issuers believed for its TLS (PEM); empty: trust.tls")),
    {COUNTED(gw_xta_peer_conf, parties), .kind = GW_C_MAPS, NEEDED, .min = 1, .max = 256,
     .sub = &xta_party,
     SAY("wer wir dort sind; für ein Verfahren oder für alle",
         "who we are there; for an endpoint or for all")},
    NUMBER(gw_xta_peer_conf, poll_seconds, 1, 86400, PRESET("60"),
           SAY("Abstand zwischen zwei Abholungen", "time between two fetches")),
    NUMBER(gw_xta_peer_conf, receipt_poll_seconds, 1, 86400, PRESET("300"),
           SAY("Abstand zwischen zwei Nachfragen nach Transportberichten",
               "time between two enquiries for transport reports")),
    NUMBER(gw_xta_peer_conf, connect_seconds, 1, 3600, PRESET("30"),
           SAY("so lange darf der Aufbau der Verbindung dauern", "how long connecting may take")),
    NUMBER(
        gw_xta_peer_conf, timeout_seconds, 1, 3600, PRESET("30"),
        SAY("so lange darf die Verbindung stillstehen", "how long a connection may stand still")),
    BOOL(gw_xta_peer_conf, fetch, PRESET("true"),
         SAY("wir haben dort ein Postfach und holen ab", "we have a box there and fetch from it")),
    NUMBER(gw_xta_peer_conf, message_max_mb, 0, 102400, PRESET("0"),
           SAY("größere Nachrichten nimmt er nicht; 0: was seine Version sagt (3: 40, 5: beliebig)",
               "it takes no larger messages; 0: what its version says (3: 40, 5: any)")),
    BOOL(gw_xta_peer_conf, lookup, PRESET("true"),
         SAY("vor dem Senden fragen, ob der Empfänger den Dienst anbietet (lookupService)",
             "ask whether the reader offers the service before sending (lookupService)")),
};
TABLE(xta_peer, gw_xta_peer_conf);

static const struct gw_config_row xta_message_rows[] = {
    STRING(gw_xta_message_conf, service,
           SAY("Dienst-URI, wie sie im Verzeichnis steht", "service URI as in the directory")),
    STRING(gw_xta_message_conf, scenario,
           SAY("Geschäftsszenario, etwa XMELD_DATA; ohne: Undefined",
               "business scenario, XMELD_DATA for instance; without: Undefined")),
    STRING(gw_xta_message_conf, scenario_list, PRESET("urn:de:xta:codeliste:business.scenario"),
           SAY("Codeliste des Szenarios", "code list of the scenario")),
    STRING(gw_xta_message_conf, scenario_version, PRESET("1"), SAY("ihre Version", "its version")),
    STRING(gw_xta_message_conf, type,
           SAY("Nachrichtentyp; ohne: der der Route oder der Begleitdatei",
               "message type; without: that of the route or the meta file")),
    STRING(
        gw_xta_message_conf, type_list, PRESET("urn:de:payloadSchema:elementName"),
        SAY("Codeliste des Nachrichtentyps (Version 3)", "code list of message types (version 3)")),
    STRING(gw_xta_message_conf, type_version, PRESET("1.0"), SAY("ihre Version", "its version")),
    STRING(gw_xta_message_conf, schema, PRESET("urn:unknown"),
           SAY("Namensraum des Inhalts (payloadSchema, messageSchema)",
               "namespace of the content (payloadSchema, messageSchema)")),
};
TABLE(xta_message, gw_xta_message_conf);

static const struct gw_config_row partner_rows[] = {
    STRING(gw_partner_conf, name, NEEDED,
           SAY("wie der Partner hier heißt", "what the partner is called here")),
    STRING(gw_partner_conf, intermediary,
           SAY("Name des Intermediärs, bei dem sein Postfach liegt; oder xta",
               "name of the intermediary that has its mailbox; or xta")),
    STRING(gw_partner_conf, xta,
           SAY("Name des XTA-Servers, über den er erreicht wird, statt intermediary",
               "name of the XTA server by which it is reached, instead of intermediary")),
    MAP_PTR(gw_partner_conf, reader, xta_reader,
            SAY("mit xta: wer er dort ist", "with xta: who it is there")),
    MAP(gw_partner_conf, xta_message, xta_message,
        SAY("mit xta: was über Nachrichten gesagt wird, die nicht aus XTA kommen",
            "with xta: what is said of messages that do not come from XTA")),
    CHOICE(gw_partner_conf, delivery, delivery_names, PRESET("store"),
           SAY("in sein Postfach (store), oder der Intermediär bringt es ihm (forward), auch mit "
               "seiner Antwort zurück (mediate)",
               "into its mailbox (store), or the intermediary brings it to it (forward), and its "
               "answer back, too (mediate)")),
    STRING(gw_partner_conf, receiver_url,
           SAY("für forward und mediate: die Adresse, unter der er Zustellungen annimmt",
               "for forward and mediate: the URL where it takes deliveries")),
    PATH(gw_partner_conf, cipher_certificate,
         SAY("mit intermediary: sein Verschlüsselungszertifikat (PEM)",
             "with intermediary: its cipher certificate (PEM)")),
    NEXT_CIPHERS_ROW(gw_partner_conf),
    PATHS(gw_partner_conf, signature_certificates, 16,
          SAY("Zertifikate, mit denen er unterschreibt (PEM); leer: jedes vertraute",
              "certificates it signs with (PEM); empty: any that is believed")),
    PATHS(gw_partner_conf, readers, 16,
          SAY("Verschlüsselungszertifikate weiterer Leser seiner Zustellungen (PEM)",
              "cipher certificates of others who may read its deliveries (PEM)")),
    STRINGS(gw_partner_conf, addresses, 256,
            SAY("Kennungen, an denen eine Route ihn erkennt, etwa Leitweg-IDs",
                "identifiers a route finds it by, Leitweg-IDs for instance")),
    TRUST_ROW(gw_partner_conf, gw_config_partner_trust_table),
};
TABLE(partner, gw_partner_conf);

static const struct gw_config_row receives_rows[] = {
    {.key = "default",
     .offset = offsetof(struct gw_receives_conf, by_default),
     .kind = GW_C_BOOL,
     PRESET("false"),
     SAY("bekommt, was kein anderes Verfahren nennt", "gets what no other endpoint names")},
    STRINGS(
        gw_receives_conf, message_types, 256,
        SAY("Nachrichtentypen, die dieses Verfahren bekommt", "message types this endpoint gets")),
    {.key = "unsigned",
     .offset = offsetof(struct gw_receives_conf, unsigned_contents),
     .kind = GW_C_CHOICE,
     .choices = unsigned_names,
     PRESET("take"),
     SAY("Inhalte ohne Unterschrift ihres Autors annehmen (take), als solche gekennzeichnet, oder "
         "in "
         "Quarantäne nehmen (quarantine)",
         "contents without their author's signature: take them, marked as such, or keep them in "
         "quarantine")},
};
TABLE(receives, gw_receives_conf);

static const struct gw_config_row route_rows[] = {
    STRING(gw_route_conf, files,
           SAY("gilt für Dateinamen nach diesem Muster, etwa \"*.xml\"",
               "holds for file names of this pattern, \"*.xml\" for instance")),
    STRING(gw_route_conf, xpath,
           SAY("liest aus der XML-Datei einen Wert", "reads a value out of the XML file")),
    STRING(
        gw_route_conf, equals,
        SAY("gilt nur, wenn der gelesene Wert so lautet", "holds only if the value read is this")),
    STRING(gw_route_conf, partner,
           SAY("Empfänger; ohne: der Partner, dessen addresses den Wert enthalten",
               "recipient; without: the partner whose addresses hold the value")),
    STRING(gw_route_conf, message_type,
           SAY("Nachrichtentyp für den Empfänger", "message type for the recipient")),
    STRING(gw_route_conf, subject,
           SAY("Betreff, lesbar für den Intermediär; ohne: der Nachrichtentyp, sonst der Dateiname",
               "subject, readable to the intermediary; without: the message type, else the file "
               "name")),
    CHOICE(gw_route_conf, delivery, way_names, PRESET("partner"),
           SAY("wie es hinkommt, wenn anders als beim Partner eingetragen: store, forward, mediate",
               "how it gets there, if other than the partner says: store, forward, mediate")),
};
TABLE(route, gw_route_conf);

static const struct gw_config_row own_retry_rows[] = {
    NUMBER(gw_own_retry_conf, first_seconds, 1, 86400,
           SAY("statt retry.first_seconds", "instead of retry.first_seconds")),
    NUMBER(gw_own_retry_conf, max_seconds, 1, 604800,
           SAY("statt retry.max_seconds", "instead of retry.max_seconds")),
    NUMBER(gw_own_retry_conf, expire_days, 1, 365,
           SAY("statt retry.expire_days", "instead of retry.expire_days")),
};
TABLE(own_retry, gw_own_retry_conf);

#define KEEP_ORDER(type)                                                                           \
    BOOL(                                                                                          \
        type, keep_order, PRESET("false"),                                                         \
        SAY("was ein Verfahren demselben Empfänger schickt, geht in dieser Reihenfolge: die "     \
            "nächste Nachricht wartet, bis die davor gesendet oder beendet ist",                   \
            "what one endpoint sends to one recipient goes in this order: the next message waits " \
            "until the one before has been sent, or has ended"))

static const struct gw_config_row answers_rows[] = {
    STRINGS(gw_answers_conf, command, 64,
            SAY("Programm mit Argumenten, das jede Anfrage beantwortet; ohne: die Schnittstelle",
                "program with arguments that answers each request; without: the API")),
    PATH(gw_answers_conf, directory,
         SAY("in diesem Ordner läuft es; ohne: im Ordner der Anfrage",
             "the folder it runs in; without: that of the request")),
    NUMBER(gw_answers_conf, deadline_seconds, 1, 3600, PRESET("30"),
           SAY("so lange wartet der Absender höchstens auf die Antwort",
               "how long the sender waits for the answer at most")),
    NUMBER(gw_answers_conf, at_once, 1, 256, PRESET("4"),
           SAY("so viele Programme laufen gleichzeitig", "programs running at the same time")),
};
TABLE(answers, gw_answers_conf);

static const struct gw_config_row endpoint_rows[] = {
    STRING(gw_endpoint_conf, name, NEEDED,
           SAY("wie das Fachverfahren hier heißt", "what the line-of-business program is called")),
    TENANT_ROW(gw_endpoint_conf),
    PATH(gw_endpoint_conf, folder,
         SAY("sein Ordner mit out, sent, refused, in und receipts; ohne: nur Schnittstelle",
             "its folder with out, sent, refused, in and receipts; without: API only")),
    STRINGS(gw_endpoint_conf, users, 256,
            SAY("Benutzer, die es über die Schnittstelle verwenden dürfen",
                "users who may use it through the API")),
    CHOICE(
        gw_endpoint_conf, complete, complete_names, PRESET("rename"),
        SAY("wann eine Datei vollständig ist: umbenannt, unverändert, mit Fertig-Datei, mit "
            "SHA-256-Liste",
            "when a file is complete: renamed into place, unchanged, with a ready marker, with a "
            "SHA-256 list")),
    NUMBER(gw_endpoint_conf, settled_seconds, 1, 3600, PRESET("5"),
           SAY("settled: so lange unverändert gilt als vollständig",
               "settled: unchanged for this long counts as complete")),
    STRING(gw_endpoint_conf, marker, PRESET(".ready"),
           SAY("marker: die Fertig-Datei heißt wie die Datei und endet zusätzlich so",
               "marker: the ready marker is called like the file, with this ending added")),
    NUMBER(gw_endpoint_conf, payload_days, 0, 36500, PRESET("0"),
           SAY("statt retention.payload_days für seine Nachrichten; 0: wie dort",
               "instead of retention.payload_days for its messages; 0: as there")),
    KEEP_ORDER(gw_endpoint_conf),
    MAP(gw_endpoint_conf, retry, own_retry,
        SAY("erneute Versuche für das, was es sendet", "attempts again for what it sends")),
    MAP(gw_endpoint_conf, receives, receives,
        SAY("welche Eingänge es bekommt", "which inbound messages it gets")),
    STRINGS(gw_endpoint_conf, parties, 1000,
            SAY("XTA: sein Eingang ist das Postfach dieser Leser; was keinen nennt, ist für den "
                "ersten",
                "XTA: its inbox is the box of these readers; what names none is the first one's")),
    MAP_PTR(gw_endpoint_conf, answers, answers,
            SAY("es beantwortet Anfragen, auf deren Antwort der Absender wartet",
                "it answers requests whose sender waits for the answer")),
    MAPS(gw_endpoint_conf, authors, 16, gw_config_pair_table,
         SAY("eigene Unterschriften des Verfahrens unter seine Inhalte, statt der des Mandanten",
             "signatures of its own under its contents, instead of the tenant's")),
    MAPS(gw_endpoint_conf, routes, 256, route,
         SAY("wohin seine Dateien gehen; die erste passende Route gilt",
             "where its files go; the first route that matches holds")),
};
TABLE(endpoint, gw_endpoint_conf);

static const struct gw_config_row content_rows[] = {
    STRING(gw_content_conf, xpath,
           SAY("liest aus der XML-Datei einen Wert", "reads a value out of the XML file")),
    NUMBER(gw_content_conf, line, 1, GW_ROUTE_LINES_MAX,
           SAY("stattdessen diese Zeile der Datei, ab 1",
               "instead, this line of the file, from 1 on")),
    NUMBER(gw_content_conf, lines, 1, GW_ROUTE_LINES_MAX,
           SAY("stattdessen irgendeine der ersten so vielen Zeilen",
               "instead, any of the first so many lines")),
    STRING(gw_content_conf, equals, SAY("gilt, wenn es so lautet", "holds if it is this")),
    STRING(gw_content_conf, matches,
           SAY("gilt, wenn dieser reguläre Ausdruck (POSIX, erweitert) darin vorkommt",
               "holds if this regular expression (POSIX, extended) matches in it")),
};
TABLE(content, gw_content_conf);

/* A list of patterns for one fact. */
#define FACT(fact, name, german, english)                                                          \
    {                                                                                              \
        .key = (name), .kind = GW_C_STRINGS, .max = 256, SAY(german, english),                     \
        .offset = offsetof(struct gw_when_conf, of) + (fact) * sizeof(struct gw_patterns_conf) +   \
                  offsetof(struct gw_patterns_conf, any),                                          \
        .count_offset = offsetof(struct gw_when_conf, of) +                                        \
                        (fact) * sizeof(struct gw_patterns_conf) +                                 \
                        offsetof(struct gw_patterns_conf, any_count),                              \
    }

static const struct gw_config_row when_rows[] = {
    FACT(GW_FACT_SENDER, "sender", "Absender: ein Partner, oder der Name im Zertifikat",
         "the sender: a partner, or the name in its certificate"),
    FACT(GW_FACT_RECIPIENT, "recipient",
         "Partner, den die Nachricht selbst nennt; ohne diese Bedingung gilt die Route nicht für "
         "solche",
         "the partner that the message itself names; without this condition the route is not for "
         "such messages"),
    FACT(GW_FACT_AUTHOR, "author", "XTA: Kennung des Autors", "XTA: the author's party"),
    FACT(GW_FACT_READER, "reader", "XTA: Kennung des Lesers", "XTA: the reader's party"),
    FACT(GW_FACT_AGS, "ags", "Amtlicher Gemeindeschlüssel des Lesers",
         "the municipality key (AGS) of the reader"),
    FACT(GW_FACT_LEITWEG_ID, "leitweg_id", "Leitweg-ID", "the Leitweg-ID"),
    FACT(GW_FACT_PROCESS_ID, "process_id", "Prozess-Id", "the process id"),
    FACT(GW_FACT_SERVICE, "service", "Dienst-URI", "the URI of the service"),
    FACT(GW_FACT_MESSAGE_TYPE, "message_type", "Nachrichtentyp", "the message type"),
    FACT(GW_FACT_SUBJECT, "subject", "Betreff", "the subject"),
    FACT(GW_FACT_CLERK, "clerk", "Sachbearbeiter", "the clerk in charge"),
    FACT(GW_FACT_FILE, "file", "Name der Datei, bei mehreren der ersten",
         "the name of the file, of several the first"),
    NUMBER(gw_when_conf, larger_kb, 1, 1024 * 1024 * 1024,
           SAY("gilt ab dieser Größe", "holds from this size on")),
    NUMBER(gw_when_conf, smaller_kb, 1, 1024 * 1024 * 1024,
           SAY("gilt unter dieser Größe", "holds below this size")),
    MAPS(gw_when_conf, content, 16, content,
         SAY("Bedingungen an den Inhalt", "conditions on the content")),
};
TABLE(when, gw_when_conf);

static const struct gw_config_row transform_rows[] = {
    PATH(gw_transform_conf, stylesheet, NEEDED,
         SAY("XSLT-1.0-Datei, die nichts nachlädt", "XSLT 1.0 file that loads nothing else")),
    STRING(gw_transform_conf, files, PRESET("*.xml"),
           SAY("Muster (* und ?) der Dateinamen, für die sie gilt",
               "pattern (* and ?) of the file names it is for")),
    STRING(gw_transform_conf, suffix, PRESET(".out.xml"),
           SAY("steht im Ergebnis hinter dem Namen des Originals, etwa .json",
               "stands behind the original's name in that of the result, .json say")),
    CHOICE(gw_transform_conf, when_impossible, unscanned_names, PRESET("hold"),
           SAY("was aus einer Nachricht wird, die sich nicht umformen lässt: zurückweisen oder in "
               "Quarantäne nehmen (hold), oder das Original allein weitergeben (pass)",
               "what becomes of a message that cannot be transformed: refuse it or keep it in "
               "quarantine (hold), or pass on the original alone")),
};
TABLE(transform, gw_transform_conf);

static const struct gw_config_row rule_rows[] = {
    STRING(gw_rule_conf, name, NEEDED, SAY("wie die Route heißt", "what the route is called")),
    {COUNTED(gw_rule_conf, from), .kind = GW_C_STRINGS, NEEDED, .min = 1, .max = 256,
     SAY("woher: Verfahren aus endpoints, oder alle (endpoints); oder Partner, Intermediäre und "
         "XTA-Server, oder alle (peers)",
         "from whom: names of endpoints, or all (endpoints); or of partners, intermediaries and "
         "XTA servers, or all (peers)")},
    MAP(gw_rule_conf, when, when,
        SAY("was gelten muss; mehrere Muster (* und ?) zu einem Merkmal sind Alternativen",
            "what must hold; several patterns (* and ?) for one thing are alternatives")),
    {COUNTED(gw_rule_conf, to), .kind = GW_C_STRINGS, NEEDED, .min = 1, .max = 8,
     SAY("wohin: Name aus endpoints, partners oder targets; weitere gelten, solange die davor "
         "ausgefallen sind",
         "whither: a name in endpoints, partners or targets; further ones hold while those before "
         "are down")},
    NUMBER(gw_rule_conf, after_seconds, 1, 30 * 86400, PRESET("600"),
           SAY("so lange muss ein Ziel ausgefallen sein, bis das nächste gilt",
               "how long a destination must be down until the next one holds")),
    STRING(gw_rule_conf, message_type,
           SAY("Nachrichtentyp für den Empfänger", "message type for the recipient")),
    STRING(gw_rule_conf, subject,
           SAY("Betreff, lesbar für den Intermediär", "subject, readable to the intermediary")),
    CHOICE(gw_rule_conf, delivery, way_names, PRESET("partner"),
           SAY("wie es hinkommt, wenn anders als beim Partner eingetragen: store, forward, mediate",
               "how it gets there, if other than the partner says: store, forward, mediate")),
    MAP_PTR(gw_rule_conf, transform, transform,
            SAY("seine XML-Dateien werden umgeformt; das Ergebnis kommt zum Original hinzu",
                "its XML files are transformed; the result is added to the original")),
    KEEP_ORDER(gw_rule_conf),
    MAP(gw_rule_conf, retry, own_retry,
        SAY("erneute Versuche, statt denen des Verfahrens", "attempts again, instead of the "
                                                            "endpoint's")),
    NUMBER(gw_rule_conf, payload_days, 0, 36500, PRESET("0"),
           SAY("statt retention.payload_days für diese Nachrichten; 0: wie beim Verfahren",
               "instead of retention.payload_days for these messages; 0: as for the endpoint")),
};
TABLE(rule, gw_rule_conf);

static const struct gw_config_row listener_rows[] = {
    STRING(gw_listener_conf, address, PRESET("127.0.0.1"),
           SAY("IP-Adresse, auf der gelauscht wird", "IP address to listen on")),
    NUMBER(gw_listener_conf, port, 0, 65535, NEEDED,
           SAY("Port; 0: irgendein freier", "port; 0: any free one")),
    STRING(gw_listener_conf, path, PRESET("/osci"), SAY("Pfad der Adresse", "path of the URL")),
    MAP_PTR(gw_listener_conf, tls, gw_config_pair_table,
            SAY("Zertifikat für HTTPS; ohne: HTTP, OSCI schützt sich selbst",
                "certificate for HTTPS; without: HTTP, OSCI protects itself")),
    NEXT_TLS_ROW(gw_listener_conf),
};
TABLE(listener, gw_listener_conf);

static const struct gw_config_row mailbox_rows[] = {
    STRING(gw_mailbox_conf, name, NEEDED, SAY("wem es gehört", "whose it is")),
    PATH(gw_mailbox_conf, cipher_certificate, NEEDED,
         SAY("Verschlüsselungszertifikat des Besitzers (PEM)",
             "cipher certificate of its owner (PEM)")),
};
TABLE(mailbox, gw_mailbox_conf);

static const struct gw_config_row receiver_rows[] = {
    STRING(gw_receiver_conf, url, NEEDED,
           SAY("genau diese Adresse; mit / am Ende alle darunter",
               "exactly this URL; ending in / all below it")),
    PATHS(gw_receiver_conf, authorities, 16,
          SAY("Aussteller, denen bei seinem TLS vertraut wird (PEM); leer: trust.tls",
              "issuers believed for its TLS (PEM); empty: trust.tls")),
    MAP_PTR(gw_receiver_conf, tls, gw_config_pair_table,
            SAY("unser Zertifikat für TLS, wenn er eines verlangt",
                "our certificate for TLS, if it asks for one")),
    NEXT_TLS_ROW(gw_receiver_conf),
};
TABLE(receiver, gw_receiver_conf);

#define DAYS(m, days, german, english)                                                             \
    NUMBER(gw_osci_server_conf, m, 1, 36500, PRESET(days), SAY(german, english))

/* What a tenant may say as well as the block itself. */
#define INTERMEDIARY_ROWS                                                                          \
    TRUST_ROW(gw_osci_server_conf, gw_config_peer_trust_table),                                    \
        BOOL(gw_osci_server_conf, self_registering, PRESET("false"),                               \
             SAY("jeder mit vertrautem Zertifikat hat ein Postfach",                               \
                 "whoever has a believed certificate has a mailbox")),                             \
        MAPS(gw_osci_server_conf, mailboxes, 10000, mailbox,                                       \
             SAY("wer ein Postfach hat", "who has a mailbox")),                                    \
        MAPS(gw_osci_server_conf, receivers, 10000, receiver,                                      \
             SAY("passive Empfänger, an die weitergeleitet werden darf; leer: an keinen",          \
                 "passive recipients that deliveries may be forwarded to; empty: none")),          \
        NUMBER(gw_osci_server_conf, forward_seconds, 1, 3600, PRESET("45"),                        \
               SAY("so lange darf ein passiver Empfänger schweigen",                               \
                   "how long a passive recipient may be silent")),                                 \
        NUMBER(gw_osci_server_conf, forwards_max, 1, 10000, PRESET("64"),                          \
               SAY("so viele Weiterleitungen gleichzeitig",                                        \
                   "deliveries forwarded at the same time")),                                      \
        BOOL(gw_osci_server_conf, require_signature, PRESET("true"),                               \
             SAY("Aufträge müssen unterschrieben sein", "orders must be signed")),                 \
        BOOL(gw_osci_server_conf, allow_plain, PRESET("false"),                                    \
             SAY("auch unverschlüsselte Aufträge annehmen",                                        \
                 "take orders that are not encrypted, too")),                                      \
        NUMBER(gw_osci_server_conf, dialog_minutes, 1, 1440, PRESET("10"),                         \
               SAY("nach so langer Stille endet ein Dialog",                                       \
                   "a dialog ends after this much silence")),                                      \
        NUMBER(gw_osci_server_conf, message_max_mb, 1, 102400, PRESET("2048"),                     \
               SAY("größte Nachricht, die angenommen wird", "largest message that is taken")),     \
        DAYS(undelivered_days, "90", "so lange liegt bereit, was niemand abholt",                  \
             "how long what nobody fetches is kept"),                                              \
        DAYS(delivered_days, "7", "so lange bleibt Abgeholtes",                                    \
             "how long what was fetched stays"),                                                   \
        DAYS(processcard_days, "365", "so lange bleibt ein Laufzettel",                            \
             "how long a process card stays"),                                                     \
        DAYS(messageid_days, "30", "so lange gilt eine vergebene, unbenutzte MessageId",           \
             "how long an issued, unused MessageId holds"),                                        \
        NUMBER(gw_osci_server_conf, mailbox_messages, 0, 100000000, PRESET("100000"),              \
               SAY("so viele Sendungen dürfen in einem Postfach warten; 0: beliebig viele",        \
                   "how many deliveries may wait in one mailbox; 0: any number")),                 \
        NUMBER(gw_osci_server_conf, mailbox_mb, 0, 100000000, PRESET("102400"),                    \
               SAY("so viel darf in einem Postfach warten; 0: beliebig viel",                      \
                   "how much may wait in one mailbox; 0: any amount")),                            \
        NUMBER(gw_osci_server_conf, client_messages, 0, 100000000, PRESET("100000"),               \
               SAY("so viele Sendungen eines Absenders dürfen warten; 0: beliebig viele",          \
                   "how many deliveries of one sender may wait; 0: any number")),                  \
        NUMBER(gw_osci_server_conf, client_mb, 0, 100000000, PRESET("102400"),                     \
               SAY("so viel von einem Absender darf warten; 0: beliebig viel",                     \
                   "how much of one sender may wait; 0: any amount")),                             \
        NUMBER(gw_osci_server_conf, chunk_min_kb, 1, 1048576, PRESET("64"),                        \
               SAY("kleinstes Paket einer großen Zustellung; das letzte darf kleiner sein",        \
                   "smallest chunk of a large delivery; the last may be smaller")),                \
        NUMBER(gw_osci_server_conf, chunk_max_kb, 1, 1048576, PRESET("51200"),                     \
               SAY("größtes Paket; höchstens sieben Achtel von message_max_mb",                    \
                   "largest chunk; seven eighths of message_max_mb at most")),                     \
        NUMBER(gw_osci_server_conf, chunked_max_mb, 1, 1048576, PRESET("4096"),                    \
               SAY("größte Zustellung in Paketen", "largest delivery in chunks")),                 \
        NUMBER(gw_osci_server_conf, chunk_timeout_s, 1, 3600, PRESET("30"),                        \
               SAY("so lange wartet die Antwort auf das letzte Paket auf die Verarbeitung",        \
                   "how long the answer to the last chunk waits for its processing")),             \
        DAYS(chunk_days, "30", "so lange bleibt eine unvollständige Zustellung in Paketen",        \
             "how long an unfinished delivery in chunks stays"),                                   \
        NUMBER(gw_osci_server_conf, chunk_transfers, 1, 100000, PRESET("32"),                      \
               SAY("so viele unvollständige Zustellungen in Paketen darf ein Client haben",        \
                   "how many unfinished deliveries in chunks a client may have")),                 \
        NUMBER(gw_osci_server_conf, chunk_client_mb, 1, 10485760, PRESET("16384"),                 \
               SAY("so groß dürfen sie zusammen werden", "how large they may become together")),   \
        STRING(gw_osci_server_conf, url,                                                           \
               SAY("Adresse, unter der andere ihn erreichen, für depesche intermediary describe",  \
                   "URL by which others reach it, for depesche intermediary describe"))

static const struct gw_config_row osci_tenant_rows[] = {
    STRING(gw_osci_server_conf, name, NEEDED,
           SAY("wie der Mandant heißt", "what the tenant is called")),
    STRING(gw_osci_server_conf, path,
           SAY("sein Pfad auf den gemeinsamen listeners; ohne: er hat eigene",
               "its path on the common listeners; without: it has its own")),
    MAP_PTR(gw_osci_server_conf, identity, identity, NEEDED,
            SAY("seine Zertifikate und Schlüssel", "its certificates and keys")),
    MAPS(gw_osci_server_conf, listeners, 64, listener,
         SAY("wo er lauscht, wenn nicht auf den gemeinsamen",
             "where it listens, if not on the common ones")),
    INTERMEDIARY_ROWS,
};
TABLE(osci_tenant, gw_osci_server_conf);

static const struct gw_config_row osci_server_rows[] = {
    MAP_PTR(gw_osci_server_conf, identity, identity,
            SAY("Zertifikate und Schlüssel des Intermediärs; ohne: die des Mandanten",
                "certificates and keys of the intermediary; without: the tenant's")),
    {COUNTED(gw_osci_server_conf, listeners), .kind = GW_C_MAPS, NEEDED, .min = 1, .max = 64,
     .sub = &listener, SAY("wo er lauscht", "where it listens")},
    INTERMEDIARY_ROWS,
    MAPS(gw_osci_server_conf, tenants, 1000, osci_tenant,
         SAY("weitere Intermediäre in diesem Dienst, jeder mit eigenen Schlüsseln "
             "und Postfächern",
             "more intermediaries in this daemon, each with keys and mailboxes of "
             "its own")),
};
TABLE(osci_server, gw_osci_server_conf);

static const struct gw_config_row osci_recipient_rows[] = {
    TENANT_ROW(gw_osci_recipient_conf),
    {COUNTED(gw_osci_recipient_conf, listeners), .kind = GW_C_MAPS, NEEDED, .min = 1, .max = 64,
     .sub = &listener, SAY("wo er lauscht", "where it listens")},
    BOOL(gw_osci_recipient_conf, require_signature, PRESET("true"),
         SAY("was gebracht wird, muss vom Intermediär unterschrieben sein",
             "what is brought must be signed by the intermediary")),
    BOOL(gw_osci_recipient_conf, allow_plain, PRESET("false"),
         SAY("auch annehmen, was ohne Transportverschlüsselung kommt",
             "take what comes without transport encryption, too")),
};
TABLE(osci_recipient, gw_osci_recipient_conf);

#define XTA_PATH(type, m, path, port)                                                              \
    STRING(type, m, PRESET(path), SAY("Pfad des Ports " port, "path of the " port " port"))

static const struct gw_config_row xta_v3_paths_rows[] = {
    XTA_PATH(gw_xta_v3_paths_conf, management, "/xta/v3/management", "ManagementPort"),
    XTA_PATH(gw_xta_v3_paths_conf, send, "/xta/v3/send", "SendXtaPort"),
    XTA_PATH(gw_xta_v3_paths_conf, msgbox, "/xta/v3/msgbox", "MsgBoxPort"),
};
TABLE(xta_v3_paths, gw_xta_v3_paths_conf);

static const struct gw_config_row xta_v5_paths_rows[] = {
    XTA_PATH(gw_xta_v5_paths_conf, base, "/xta/v5/base", "transport base"),
    XTA_PATH(gw_xta_v5_paths_conf, sender, "/xta/v5/sender", "sender"),
    XTA_PATH(gw_xta_v5_paths_conf, recipient, "/xta/v5/recipient", "recipient"),
    XTA_PATH(gw_xta_v5_paths_conf, reader, "/xta/v5/reader", "reader"),
};
TABLE(xta_v5_paths, gw_xta_v5_paths_conf);

static const struct gw_config_row xta_paths_rows[] = {
    MAP(gw_xta_paths_conf, v3, xta_v3_paths, SAY("XTA 2 Version 3", "XTA 2 version 3")),
    MAP(gw_xta_paths_conf, v5, xta_v5_paths, SAY("XTA 2 Version 5", "XTA 2 version 5")),
};
TABLE(xta_paths, gw_xta_paths_conf);

static const struct gw_config_row xta_listener_rows[] = {
    STRING(gw_xta_listener_conf, address, PRESET("127.0.0.1"),
           SAY("IP-Adresse, auf der gelauscht wird", "IP address to listen on")),
    NUMBER(gw_xta_listener_conf, port, 0, 65535, NEEDED,
           SAY("Port; 0: irgendein freier", "port; 0: any free one")),
    MAP_PTR(gw_xta_listener_conf, tls, gw_config_pair_table, NEEDED,
            SAY("Zertifikat für HTTPS; HTTP gibt es hier nicht",
                "certificate for HTTPS; there is no HTTP here")),
    NEXT_TLS_ROW(gw_xta_listener_conf),
    PATHS(gw_xta_listener_conf, client_authorities, 256,
          SAY("Aussteller, deren Client-Zertifikate angenommen werden (PEM); leer: trust.tls",
              "issuers whose client certificates are taken (PEM); empty: trust.tls")),
    MAP_PTR(
        gw_xta_listener_conf, paths, xta_paths,
        SAY("eigene Pfade statt der gemeinsamen", "paths of its own instead of the common ones")),
};
TABLE(xta_listener, gw_xta_listener_conf);

static const struct gw_config_row xta_account_rows[] = {
    STRING(gw_xta_account_conf, name, NEEDED, SAY("wie es heißt", "what it is called")),
    {COUNTED(gw_xta_account_conf, certificates), .kind = GW_C_PATHS, NEEDED, .min = 1, .max = 256,
     SAY("Client-Zertifikate (PEM), an denen es erkannt wird",
         "client certificates (PEM) by which it is known")},
    {COUNTED(gw_xta_account_conf, parties), .kind = GW_C_STRINGS, NEEDED, .min = 1, .max = 1000,
     SAY("Kennungen, für die es auftreten darf; jede gehört einem Endpunkt",
         "parties it may act for; each is one of an endpoint")},
    CHOICE(gw_xta_account_conf, mode, xta_mode_names, PRESET("strict"),
           SAY("lenient: bekannte Abweichungen vom Standard werden hingenommen und vermerkt",
               "lenient: known deviations from the standard are taken, and noted")),
    BOOL(gw_xta_account_conf, locked, PRESET("false"),
         SAY("gesperrt: jede Anfrage wird abgewiesen", "locked: every request is refused")),
    STRINGS(gw_xta_account_conf, services, 1000,
            SAY("gebuchte Dienste; leer: alle", "services it has booked; empty: all")),
};
TABLE(xta_account, gw_xta_account_conf);

static const struct gw_config_row xta_server_rows[] = {
    {AT(gw_xta_server_conf, instance), .kind = GW_C_STRING, .min = 1, .max = 41, NEEDED,
     SAY("Name dieses Servers in seinen Nachrichten-Ids: Buchstaben, Ziffern, - . _",
         "name of this server in its message ids: letters, digits, - . _")},
    {COUNTED(gw_xta_server_conf, listeners), .kind = GW_C_MAPS, NEEDED, .min = 1, .max = 64,
     .sub = &xta_listener, SAY("wo er lauscht", "where it listens")},
    MAP(gw_xta_server_conf, paths, xta_paths, SAY("Pfade der Ports", "paths of the ports")),
    STRING(gw_xta_server_conf, url,
           SAY("Adresse vor den Pfaden, wie Fachverfahren sie sehen, für die WSDL",
               "URL in front of the paths, as programs see it, for the WSDL")),
    NUMBER(gw_xta_server_conf, message_max_mb, 1, 102400, PRESET("40"),
           SAY("alle Inhalte einer Nachricht zusammen (der Standard nennt für Version 3 40 MB)",
               "all contents of one message together (the standard says 40 MB for version 3)")),
    NUMBER(gw_xta_server_conf, attachments_max, 0, 10000, PRESET("100"),
           SAY("Anlagen einer Nachricht", "attachments of one message")),
    NUMBER(gw_xta_server_conf, list_max, 1, 1000, PRESET("500"),
           SAY("Ids, Fragen und Listeneinträge in einer Anfrage oder Antwort",
               "ids, questions and list entries in one request or answer")),
    NUMBER(gw_xta_server_conf, sync_seconds, 1, 3600, PRESET("25"),
           SAY("so lange wartet sendMessageSync auf die Antwort",
               "how long sendMessageSync waits for the answer")),
    NUMBER(gw_xta_server_conf, sync_max, 1, 500, PRESET("32"),
           SAY("Aufrufe eines Zugangs, die gleichzeitig auf eine Antwort warten dürfen "
               "(sendMessageSync, deliverMessage); weitere werden abgewiesen, ohne dass etwas "
               "gespeichert wird",
               "calls of one account that may wait for an answer at the same time "
               "(sendMessageSync, deliverMessage); further ones are refused, and nothing of them "
               "is stored")),
    PATH(gw_xta_server_conf, crls,
         SAY("Ordner mit Sperrlisten der Aussteller von Client-Zertifikaten (PEM oder DER); ohne: "
             "keine Sperrprüfung",
             "folder with revocation lists of the issuers of client certificates (PEM or DER); "
             "without: revocation is not checked")),
    BOOL(gw_xta_server_conf, accept_foreign_ids, PRESET("true"),
         SAY("auch unbenutzte Nachrichten-Ids annehmen, die nicht von hier sind",
             "take unused message ids that are not of here, too")),
    MAPS(gw_xta_server_conf, accounts, 10000, xta_account,
         SAY("wer ihn benutzen darf", "who may use it")),
};
TABLE(xta_server, gw_xta_server_conf);

static const struct gw_config_row policy_rows[] = {
    BOOL(gw_policy_conf, read_cbc, PRESET("false"),
         SAY("AES im CBC-Modus noch lesen (veraltet, angreifbar)",
             "still read AES in CBC mode (outdated, attackable)")),
    BOOL(gw_policy_conf, read_rsa15, PRESET("false"),
         SAY("RSA nach PKCS#1 v1.5 noch lesen (veraltet, angreifbar)",
             "still read RSA by PKCS#1 v1.5 (outdated, attackable)")),
    NUMBER(
        gw_policy_conf, legacy_last_year, 2026, 2036, PRESET("2030"),
        SAY("letztes Jahr, in dem beides noch gelesen wird", "last year in which both are read")),
};
TABLE(policy, gw_policy_conf);

static const struct gw_config_row retry_rows[] = {
    NUMBER(gw_retry_conf, first_seconds, 1, 86400, PRESET("30"),
           SAY("Wartezeit vor dem zweiten Versuch; sie verdoppelt sich",
               "wait before the second attempt; it doubles")),
    NUMBER(gw_retry_conf, max_seconds, 1, 604800, PRESET("3600"),
           SAY("längste Wartezeit", "longest wait")),
    NUMBER(
        gw_retry_conf, expire_days, 1, 365, PRESET("5"),
        SAY("danach gilt eine Nachricht als gescheitert", "after this a message counts as failed")),
    NUMBER(gw_retry_conf, overdue_hours, 1, 8760, PRESET("24"),
           SAY("danach ist eine Nachricht ohne Empfangsnachweis überfällig (depesche receipts)",
               "a message without proof of reception after this is overdue (depesche receipts)")),
};
TABLE(retry, gw_retry_conf);

static const struct gw_config_row retention_rows[] = {
    NUMBER(gw_retention_conf, payload_days, 0, 36500, PRESET("90"),
           SAY("so viele Tage nach ihrem Ende werden die Inhalte einer Nachricht gelöscht; 0: nie",
               "so many days after its end the contents of a message are deleted; 0: never")),
    NUMBER(gw_retention_conf, receipt_days, 0, 36500, PRESET("3650"),
           SAY("so viele Tage nach ihrem Ende verschwindet sie selbst mit ihrer Quittung; 0: nie",
               "so many days after its end it goes itself, with its receipt; 0: never")),
    NUMBER(gw_retention_conf, event_days, 0, 36500, PRESET("3650"),
           SAY("so alt werden Ereignisse; 0: für immer", "how old events grow; 0: for ever")),
};
TABLE(retention, gw_retention_conf);

static const struct gw_config_row limits_rows[] = {
    NUMBER(gw_limits_conf, memory_kb, 16, 65536, PRESET("256"),
           SAY("größerer Inhalt geht in eine Datei statt in den Speicher",
               "a larger body goes to a file instead of memory")),
    NUMBER(gw_limits_conf, message_max_mb, 1, 102400, PRESET("2048"),
           SAY("größte Nachricht, hinaus wie herein", "largest message, out or in")),
    NUMBER(gw_limits_conf, connections, 1, 100000, PRESET("512"),
           SAY("gleichzeitig offene Verbindungen je Eingang; sind es so viele, macht Platz, wer "
               "nichts sagt oder kaum sendet",
               "connections open at the same time at one listener; when there are so many, who "
               "says nothing or hardly sends makes room")),
    NUMBER(gw_limits_conf, connections_per_address, 0, 100000, PRESET("256"),
           SAY("davon von einer Adresse (IPv6: einem Netz, /64 wie /48); 0: beliebig viele",
               "of these, from one address (IPv6: one network, /64 or /48); 0: any number")),
    NUMBER(gw_limits_conf, workers, 0, 256, PRESET("0"),
           SAY("Threads für Kryptographie; 0: so viele wie Kerne",
               "threads for cryptography; 0: as many as cores")),
};
TABLE(limits, gw_limits_conf);

static const struct gw_config_row virus_scan_rows[] = {
    STRING(gw_virus_scan_conf, clamd,
           SAY("Socket von clamd: /run/clamav/clamd.ctl, oder 127.0.0.1:3310",
               "the socket of clamd: /run/clamav/clamd.ctl, or 127.0.0.1:3310")),
    STRINGS(
        gw_virus_scan_conf, command, 64,
        SAY("stattdessen ein Programm mit Argumenten, für jede Datei gestartet: Datei auf stdin; "
            "Ende mit 0: sauber, 1: Fund, sein Name in der ersten Zeile von stdout",
            "instead, a program and its arguments, run for each file, which is its stdin; exit "
            "code 0: clean, 1: a finding, its name the first line of stdout")),
    NUMBER(gw_virus_scan_conf, timeout_seconds, 1, 3600, PRESET("120"),
           SAY("so lange darf der Scanner für eine Datei brauchen",
               "how long the scanner may take for one file")),
    NUMBER(gw_virus_scan_conf, max_mb, 1, 102400, PRESET("25"),
           SAY("größte Datei, die er prüft; clamd: nicht mehr als StreamMaxLength und MaxFileSize",
               "largest file that it looks at; clamd: no more than StreamMaxLength and "
               "MaxFileSize")),
    CHOICE(gw_virus_scan_conf, too_large, too_large_names, PRESET("refuse"),
           SAY("was mit größeren geschieht; pass: sie gehen ungeprüft durch, mit Vermerk",
               "what becomes of larger ones; pass: they go through unscanned, with a note")),
    CHOICE(
        gw_virus_scan_conf, when_unavailable, unscanned_names, PRESET("hold"),
        SAY("wenn der Scanner nichts sagt; hold: alles wartet, pass: es geht ungeprüft durch, mit "
            "Vermerk",
            "when the scanner says nothing; hold: everything waits, pass: it goes through "
            "unscanned, with a note")),
};
TABLE(virus_scan, gw_virus_scan_conf);

static const struct gw_config_row log_table_rows[] = {
    CHOICE(gw_log_conf, level, level_names, PRESET("info"),
           SAY("ab dieser Stufe wird protokolliert", "what is logged, from this level on")),
    CHOICE(gw_log_conf, target, target_names, PRESET("stderr"), SAY("wohin", "where to")),
    PATH(gw_log_conf, file, SAY("Datei für target: file", "file for target: file")),
};
TABLE(log_table, gw_log_conf);

static const struct gw_config_row config_rows[] = {
    PATH(gw_config, state, PRESET("/var/lib/depesche"),
         SAY("Ordner für alles, was einen Neustart überdauert",
             "folder for everything that outlives a restart")),
    {.key = "tenant",
     .offset = offsetof(struct gw_config, only_tenant),
     .kind = GW_C_MAP_PTR,
     .sub = &tenant,
     SAY("die Behörde, für die gesendet und empfangen wird",
         "the authority that sends and receives")},
    MAPS(gw_config, tenants, 1000, tenant,
         SAY("stattdessen mehrere (Mandanten); Verfahren und Gegenstellen nennen dann ihren",
             "instead, several of them; endpoints and destinations then name theirs")),
    MAP(gw_config, trust, gw_config_trust_table, SAY("wem vertraut wird", "who is believed")),
    MAP(gw_config, revocation, gw_config_revocation_table,
        SAY("wie nach Sperrungen gefragt wird", "how revocation is asked about")),
    MAP(gw_config, api, api,
        SAY("Schnittstelle für Fachverfahren und den Befehl depesche",
            "API for line-of-business programs and the depesche command")),
    MAPS(gw_config, intermediaries, 1000, intermediary,
         SAY("Intermediäre, mit denen wir sprechen", "intermediaries we talk to")),
    MAPS(gw_config, xta_servers, 256, xta_peer,
         SAY("XTA-Server anderer, deren Client wir sind",
             "XTA servers of others, whose client we are")),
    MAPS(gw_config, partners, 10000, partner,
         SAY("Behörden, an die gesendet wird", "authorities we send to")),
    MAPS(gw_config, endpoints, 1000, endpoint,
         SAY("Fachverfahren hinter diesem Gateway", "programs behind this gateway")),
    MAPS(gw_config, routes, 1000, rule,
         SAY("wohin Nachrichten gehen, hinaus wie herein; die erste passende Route gilt",
             "where messages go, out and in; the first route that holds decides")),
    MAPS(gw_config, targets, 100, gw_config_target_table,
         SAY("Ziele, die weder OSCI noch XTA sprechen: Programm, E-Mail, SFTP, WebDAV",
             "destinations that speak neither OSCI nor XTA: program, e-mail, SFTP, WebDAV")),
    PATH(gw_config, directory,
         SAY("Verzeichnis der Partner und ihrer Dienste, eine Datei wie unten unter DIRECTORY",
             "directory of the partners and their services, a file as below under DIRECTORY")),
    MAP_PTR(gw_config, osci_server, osci_server,
            SAY("selbst Intermediär sein", "being an intermediary ourselves")),
    MAP_PTR(gw_config, osci_recipient, osci_recipient,
            SAY("passiver Empfänger sein: die Intermediäre aus intermediaries "
                "liefern selbst an",
                "being a passive recipient: the intermediaries of intermediaries "
                "deliver to us")),
    MAP_PTR(gw_config, virus_scan, virus_scan,
            SAY("alles Hereinkommende auf Viren prüfen",
                "look for viruses in everything that comes in")),
    MAP_PTR(gw_config, xta_server, xta_server,
            SAY("XTA-Server für Fachverfahren sein", "being an XTA server for programs")),
    MAP(gw_config, security, gw_config_security_table,
        SAY("was dieser Prozess darf, und welche Algorithmen",
            "what this process may do, and which algorithms")),
    MAP(gw_config, calendar, gw_config_calendar_table,
        SAY("Warnungen vor Zertifikaten, die ablaufen", "warnings of certificates that end")),
    MAP(gw_config, policy, policy,
        SAY("Ausnahmen für veraltete Algorithmen", "exceptions for outdated algorithms")),
    MAP(gw_config, retry, retry, SAY("erneute Versuche", "attempts again")),
    MAP(gw_config, retention, retention,
        SAY("wie lange etwas aufgehoben wird", "how long things are kept")),
    MAP(gw_config, limits, limits, SAY("Grenzen", "bounds")),
    MAP(gw_config, log, log_table, SAY("Protokoll", "log")),
};

const struct gw_config_table gw_config_schema = {sizeof(struct gw_config), config_rows,
                                                 ARRAY_LEN(config_rows)};

/* The directory of partners, a file of its own. */
static const struct gw_config_row directory_parameter_rows[] = {
    STRING(gw_directory_parameter, name, NEEDED,
           SAY("wie der Parameter heißt", "what the parameter is called")),
    STRING(gw_directory_parameter, value, NEEDED, SAY("sein Wert", "its value")),
};
TABLE(directory_parameter, gw_directory_parameter);

static const struct gw_config_row directory_service_rows[] = {
    STRING(gw_directory_service, uri, NEEDED,
           SAY("welcher Dienst, genau so geschrieben", "which service, written exactly so")),
    CHOICE(gw_directory_service, mode, mode_names, PRESET("asynchronous"),
           SAY("wie er antwortet", "how it answers")),
    STRING(gw_directory_service, partner,
           SAY("Name aus partners, über den er erreicht wird",
               "the name in partners by which it is reached")),
    STRING(gw_directory_service, endpoint,
           SAY("stattdessen ein eigenes Verfahren, Name aus endpoints",
               "instead, an endpoint of our own, a name in endpoints")),
    PATH(gw_directory_service, certificate,
         SAY("Zertifikat, für das Inhalte verschlüsselt werden (PEM)",
             "certificate that contents are encrypted for (PEM)")),
    MAPS(gw_directory_service, parameters, 64, directory_parameter,
         SAY("was ein Absender sonst wissen muss", "what else a sender must know")),
};
TABLE(directory_service, gw_directory_service);

static const struct gw_config_row directory_party_rows[] = {
    STRING(gw_directory_entry, party, NEEDED,
           SAY("Kennung, etwa ags:09163000; Groß- und Kleinschreibung gilt gleich",
               "identifier, ags:09163000 say; the case of its letters does not matter")),
    STRING(gw_directory_entry, scheme,
           SAY("wozu die Kennung gehört, wenn sie es nicht selbst sagt",
               "what the identifier belongs to, where it does not say so itself")),
    STRING(gw_directory_entry, category, SAY("Art der Stelle", "kind of authority")),
    STRING(gw_directory_entry, name, SAY("wie sie heißt", "what it is called")),
    MAPS(gw_directory_entry, services, 1000, directory_service,
         SAY("was sie anbietet", "what it offers")),
};
TABLE(directory_party, gw_directory_entry);

static const struct gw_config_row directory_rows[] = {
    {COUNTED(gw_directory, parties), .kind = GW_C_MAPS, NEEDED, .max = GW_DIRECTORY_PARTIES_MAX,
     .sub = &directory_party, SAY("wer teilnimmt", "who takes part")},
};
const struct gw_config_table gw_directory_schema = {sizeof(struct gw_directory), directory_rows,
                                                    ARRAY_LEN(directory_rows)};
