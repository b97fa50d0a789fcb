/* the command, against a daemon of a few canned answers: what it asks, prints and returns */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "gateway/cli_demo.h"
#include "gateway/config.h"
#include "helper_cli.h"

#define ID_1 "019df212-0000-7000-8000-0000aaaa0001"
#define ID_2 "019df212-0000-7000-8000-0000bbbb0002"
#define ID_3 "019df212-0000-7000-8000-0000cccc0001"

#define DELIVERED                                                                                  \
    "{\"id\":\"" ID_1 "\",\"box\":\"outbox\",\"state\":\"delivered\",\"endpoint\":\"bauamt\","     \
    "\"recipient\":\"Stadt Beheim\",\"source_name\":\"rechnung.xml\",\"subject\":\"Rechnung\","    \
    "\"size\":4711,\"created_at\":\"2026-05-04T08:14:03.123Z\","                                   \
    "\"changed_at\":\"2026-05-04T08:14:06Z\",\"receipt\":{"                                        \
    "\"creation\":\"2026-05-04T10:14:04+02:00\",\"forwarding\":\"2026-05-04T08:14:05Z\","          \
    "\"reception\":\"2026-05-04T08:14:06Z\",\"inspections\":[{\"subject\":\"CN=Stadt A\","         \
    "\"math\":\"ok\",\"offline\":\"valid\"}]}}"
#define DEFERRED                                                                                   \
    "{\"id\":\"" ID_2 "\",\"box\":\"outbox\",\"state\":\"deferred\",\"endpoint\":\"bauamt\","      \
    "\"recipient\":\"Stadt C\",\"source_name\":\"Größe 1.bin\",\"size\":10485760,"               \
    "\"created_at\":\"2026-05-03T08:14:03Z\",\"changed_at\":\"2026-05-04T08:14:06Z\","             \
    "\"last_error\":{\"code\":\"D-1301\",\"en\":\"c takes no connection on port 1.\","             \
    "\"de\":\"c nimmt auf Port 1 keine Verbindung an.\"}}"
#define WAITING                                                                                    \
    "{\"id\":\"" ID_3 "\",\"box\":\"outbox\",\"state\":\"forwarded\","                             \
    "\"recipient\":\"Stadt D\",\"source_name\":\"evil\\u001b[31m.txt\",\"size\":0,"                \
    "\"subject\":\"a\\u009b31mb\\u001bc\\nd\\u00a0e\","                                            \
    "\"created_at\":\"2025-12-01T08:14:03Z\",\"changed_at\":\"2026-05-04T08:14:06Z\","             \
    "\"overdue\":true,\"receipt\":{\"creation\":\"2025-12-01T08:14:04Z\",\"forwarding\":null,"     \
    "\"inspections\":["                                                                            \
    "{\"math\":\"ok\",\"offline\":\"valid\",\"online\":\"revoked\"}]}}"

#define FORMULA                                                                                    \
    "{\"id\":\"" ID_1 "\",\"box\":\"outbox\",\"state\":\"expired\",\"endpoint\":\"none\","         \
    "\"recipient\":\"@SUM(1)\",\"message_type\":\"a,b\",\"subject\":\"=cmd|' /C calc'!A0\","       \
    "\"source_name\":\"-1 \\\"x\\\"\\r\\n.txt\",\"created_at\":\"2026-05-04T08:14:03.123Z\","      \
    "\"last_error\":{\"code\":\"D-1600\",\"en\":\"+1 over.\",\"de\":\"vorbei.\"}}"
#define QUARANTINED                                                                                \
    "{\"id\":\"" ID_1 "\",\"box\":\"inbox\",\"state\":\"quarantined\",\"endpoint\":\"bauamt\","    \
    "\"sender\":\"Stadt "                                                                          \
    "B\",\"subject\":\"Werbung\\u202e\",\"changed_at\":\"2026-05-04T08:14:06Z\","                  \
    "\"last_error\":{\"code\":\"D-2300\",\"en\":\"A virus.\",\"de\":\"Ein Virus.\"}}"

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa11112222"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb33334444"
#define CERTIFICATE                                                                                \
    "{\"subject\":\"CN=I\",\"issuer\":\"CN=CA\",\"serial\":\"17\",\"key\":\"RSA-3072\","           \
    "\"not_before\":\"2025-01-01T00:00:00Z\",\"not_after\":\"2026-01-01T00:00:00Z\","              \
    "\"sha256\":\"00ff1a\",\"sha1\":\"c0de\",\"pem\":\"-----BEGIN CERTIFICATE-----\\nMIIB\\n"      \
    "-----END CERTIFICATE-----\\n\"}"

#define QUIET_EVENT(seq)                                                                           \
    "{\"seq\":" #seq                                                                               \
    ",\"at\":\"2026-05-04T08:14:03Z\",\"id\":null,\"event\":\"x\",\"state\":null,"                 \
    "\"actor\":\"y\",\"en\":\"z\",\"de\":\"z\"}"

static const struct helper_canned daemon_answers[] = {
    {"GET /v1/messages?", "200 OK",
     "{\"messages\":[" DELIVERED "," DEFERRED "," WAITING "],\"next\":null}"},
    {"GET /v1/messages?limit=100&box=outbox&overdue=true", "200 OK",
     "{\"messages\":[" WAITING "],\"next\":null}"},
    {"GET /v1/messages?limit=100&box=outbox&overdue=true&endpoint=none", "200 OK",
     "{\"messages\":[],\"next\":null}"},
    {"GET /v1/messages?limit=100&box=outbox&endpoint=none", "200 OK",
     "{\"messages\":[" FORMULA "],\"next\":null}"},
    {"GET /v1/messages?limit=100&state=quarantined", "200 OK",
     "{\"messages\":[" QUARANTINED "],\"next\":null}"},
    {"GET /v1/messages?limit=100&state=quarantined&endpoint=none", "200 OK",
     "{\"messages\":[],\"next\":null}"},
    {"POST /v1/messages/" ID_1 "/release?reason=gepr%C3%BCft ", "200 OK", DELIVERED},
    {"POST /v1/messages/" ID_3 "/discard?reason=x ", "200 OK", WAITING},
    {"GET /v1/messages?limit=100&box=inbox", "200 OK", "{\"messages\":[],\"next\":null}"},
    {"GET /v1/messages?limit=2&box=outbox HTTP", "200 OK",
     "{\"messages\":[" DELIVERED "],\"next\":\"a b/c\"}"},
    {"GET /v1/messages?limit=1&box=outbox&cursor=a%20b%2Fc HTTP", "200 OK",
     "{\"messages\":[" DEFERRED "],\"next\":\"more\"}"},
    {"GET /v1/messages?limit=100&box=outbox&state=failed&endpoint=Bau%26amt&since=2026-05-04 HTTP",
     "200 OK", "{\"messages\":[]}"},
    {"GET /v1/messages?limit=7&box=inbox HTTP", "200 OK", "{\"messages\":[],\"next\":\"far\"}"},
    {"GET /v1/messages?limit=7&box=inbox&cursor=far HTTP", "200 OK",
     "{\"messages\":[" DEFERRED "],\"next\":null}"},
    {"GET /v1/messages/" ID_3 " ", "200 OK", WAITING},
    {"GET /v1/messages/" ID_1 " ", "200 OK", DELIVERED},
    {"GET /v1/messages/" ID_2 " ", "200 OK", DEFERRED},
    {"GET /v1/messages/" ID_1 "/events", "200 OK",
     "{\"events\":[{\"seq\":7,\"at\":\"2026-05-04T08:14:03Z\",\"id\":\"" ID_1
     "\",\"event\":\"accept\",\"state\":\"accepted\",\"actor\":\"bauamt\","
     "\"en\":\"taken from the drop folder\",\"de\":\"aus dem Ordner übernommen\"}]}"},
    {"GET /v1/events?limit=100&after=7 ", "200 OK", "{\"events\":[],\"next\":90}"},
    {"GET /v1/events?limit=100&after=90 ", "200 OK", "{\"events\":[],\"next\":null}"},
    {"GET /v1/events?limit=3 ", "200 OK",
     "{\"events\":[" QUIET_EVENT(95) "," QUIET_EVENT(99) "],\"next\":94}"},
    {"GET /v1/events?limit=1&before=94 ", "200 OK", "{\"events\":[],\"next\":40}"},
    {"GET /v1/events?limit=1&before=40 ", "200 OK",
     "{\"events\":[" QUIET_EVENT(12) "],\"next\":12}"},
    {"GET /v1/status", "200 OK",
     "{\"version\":\"0.1\",\"tenant\":\"Stadt Ahausen\",\"tenants\":[\"Stadt "
     "Ahausen\"],\"started_at\":\"2026-05-04T06:00:00Z\","
     "\"outbox\":{\"delivered\":3,\"deferred\":1,\"failed\":0},\"inbox\":{},"
     "\"intermediaries\":[{\"name\":\"demo\",\"last_success_at\":\"2026-05-04T08:14:00Z\","
     "\"last_error_at\":\"2026-05-04T08:14:30Z\",\"last_error\":{\"code\":9000,\"en\":\"no.\","
     "\"de\":\"nein.\"}}],\"mailboxes\":{\"count\":2,\"waiting\":5}}"},
    {"GET /v1/mailboxes", "200 OK",
     "{\"mailboxes\":[{\"tenant\":null,\"name\":\"Stadt A\",\"subject\":\"CN=a\","
     "\"certificate\":\"" HASH_A "\",\"waiting\":2,\"waiting_bytes\":4711,\"kept\":3,"
     "\"kept_bytes\":10485760,\"process_cards\":9,"
     "\"oldest_waiting_at\":\"2026-04-01T08:00:00Z\","
     "\"last_fetched_at\":\"2026-05-04T08:14:06Z\"},"
     "{\"tenant\":\"Kreis\",\"name\":null,\"subject\":\"CN=Amt B,O=B\","
     "\"certificate\":\"" HASH_B "\",\"waiting\":0,\"waiting_bytes\":0,\"kept\":0,"
     "\"kept_bytes\":0,\"process_cards\":1,\"oldest_waiting_at\":null,"
     "\"last_fetched_at\":null}]}"},
    {"GET /v1/directory", "200 OK",
     "{\"file\":\"/etc/d.yaml\",\"parties\":["
     "{\"party\":\"ags:1\",\"name\":\"Stadt B\",\"services\":["
     "{\"uri\":\"http://x/a\",\"mode\":\"asynchronous\",\"partner\":\"B\",\"endpoint\":null,"
     "\"certificate\":{\"subject\":\"CN=B\",\"not_after\":\"2026-05-04T08:00:00Z\"},"
     "\"parameters\":[],\"findings\":[{\"code\":10500,\"side\":\"nobody\","
     "\"de\":\"Abgelaufen.\",\"en\":\"Expired.\"}]},"
     "{\"uri\":\"http://x/b\",\"mode\":\"both\",\"partner\":\"B\",\"certificate\":null,"
     "\"findings\":[]}]},"
     "{\"party\":\"ags:2\",\"name\":null,\"services\":["
     "{\"uri\":\"http://x/a\",\"mode\":\"synchronous\",\"partner\":null,"
     "\"endpoint\":\"bauamt\",\"certificate\":null,\"findings\":[]}]},"
     "{\"party\":\"ags:3\",\"services\":[]}]}"},
    {"GET /v1/intermediary", "200 OK",
     "{\"intermediaries\":[{\"tenant\":null,\"urls\":[\"https://a.example/osci\"],"
     "\"url_is_set\":true,\"osci_version\":\"1.2\",\"cipher_certificate\":" CERTIFICATE
     ",\"signature_certificate\":" CERTIFICATE ",\"older_cipher_certificates\":[" CERTIFICATE
     "],\"features\":[{\"key\":\"OAEPEncryption\",\"version\":\"1.6.0\"},"
     "{\"key\":\"GCMPaddingModus\",\"version\":\"1.7.0\"}],\"min_chunk_kb\":64,"
     "\"max_chunk_kb\":51200,\"max_message_kb\":2097152,\"max_chunked_message_kb\":4194304,"
     "\"signature_required\":true,\"self_registering\":false}]}"},
    {"POST /v1/messages ", "202 Accepted", "{\"id\":\"" ID_1 "\"}"},
};

static const struct helper_canned acts_answers[] = {
    {"GET /v1/events?audit=true&limit=100 ", "200 OK",
     "{\"events\":[{\"seq\":7,\"at\":\"2026-05-04T08:14:03Z\",\"id\":\"" ID_1
     "\",\"event\":\"cancel\",\"state\":\"cancelled\",\"actor\":\"api:0 (root)\\u0007\","
     "\"en\":\"on request\",\"de\":\"auf Wunsch\"}]}"},
};
static const struct helper_canned denied_answers[] = {
    {"", "403 Forbidden",
     "{\"title\":\"The user may not do this.\",\"detail\":\"Ask the operator.\",\"code\":10700,"
     "\"status\":403,\"side\":\"us\"}"},
};
static const struct helper_canned steering_answers[] = {
    {"", "403 Forbidden",
     "{\"title\":\"No\\u001b[31m.\",\"detail\":\"Ask\\u009b.\",\"code\":10700}"},
};
static const struct helper_canned busy_answers[] = {
    {"", "503 Service Unavailable",
     "{\"title\":\"The service is busy.\",\"detail\":\"Try again.\",\"code\":10705}"},
};
static const struct helper_canned gone_answers[] = {
    {"", "404 Not Found",
     "{\"title\":\"There is no message.\",\"detail\":\"See list.\",\"code\":10404}"},
};
static const struct helper_canned no_directory_answers[] = {
    {"", "200 OK", "{\"file\":null,\"parties\":[]}"},
};
static const struct helper_canned html_answers[] = {{"", "502 Bad Gateway", "<html>"}};
static const struct helper_canned odd_answers[] = {{"", "200 OK", "[1]"}};

static struct helper_cli_row rows[] = {
    {"list for a script", "list|outbox|--limit|2", 0, EX_OK,
     "id        box  state      created      endpoint  partner          size  name\n"
     "aaaa0001  out  delivered  10:14:03     bauamt    Stadt Beheim   4.7 KB  rechnung.xml\n"
     "bbbb0002  out  deferred   05-03 10:14  bauamt    Stadt C       10.4 MB  Größe 1.bin\n",
     "", NULL},
    {"list in German", "list|--lang|de", 0, EX_OK,
     "Nummer    Richtung  Zustand         angelegt      Verfahren  Partner         Größe  "
     "Bezeichnung\n"
     "aaaa0001  hinaus    zugestellt      10:14:03      bauamt     Stadt Beheim   4,7 KB  "
     "rechnung.xml\n"
     "bbbb0002  hinaus    zurückgestellt  03.05. 10:14  bauamt     Stadt C       10,4 MB  Größe "
     "1.bin\n"
     "cccc0001  hinaus    weitergeleitet  01.12.2025               Stadt D           0 B  "
     "evil?[31m.txt\n",
     "", NULL},
    {"a page without messages is not the end", "list|inbox|--limit|7", 0, EX_OK,
     "id        box  state     created      endpoint  partner     size  name\n"
     "bbbb0002  out  deferred  05-03 10:14  bauamt    Stadt C  10.4 MB  Größe 1.bin\n",
     "", NULL},
    {"an empty list", "list|inbox", 0, EX_OK, "no messages\n", "", NULL},
    {"an empty list as JSON", "list|inbox|--json", 0, EX_OK, "[]\n", "", NULL},
    {"filters are asked for", "list|outbox|--state|failed|--endpoint|Bau&amt|--since|2026-05-04", 0,
     EX_OK, "no messages\n", "", NULL},
    {"a box there is not", "list|draft", 0, EX_USAGE, "", NULL, NULL},
    {"a limit that is none", "list|--limit|many", 0, EX_USAGE, "", NULL, NULL},
    {"receipts, overdue ones first", "receipts", 0, EX_OK,
     "id        message        to            state      accepted     created     forwarded  "
     "fetched   certificates  note\n"
     "cccc0001  evil?[31m.txt  Stadt D       forwarded  2025-12-01   2025-12-01             "
     "          bad           Stadt D has not fetched the message since 2025-12-01.\n"
     "aaaa0001  rechnung.xml   Stadt Beheim  delivered  10:14:03     10:14:04    10:14:05   "
     "10:14:06  good          \n"
     "bbbb0002  Größe 1.bin    Stadt C       deferred   05-03 10:14                         "
     "                        c takes no connection on port 1.\n",
     "", NULL},
    {"only overdue ones", "receipts|--overdue|--lang|de", 0, EX_OK,
     "Nummer    Nachricht      an       Zustand         angenommen  eingeliefert  weitergeleitet  "
     "abgeholt  Zertifikate  Hinweis\n"
     "cccc0001  evil?[31m.txt  Stadt D  weitergeleitet  01.12.2025  01.12.2025                    "
     "          bemängelt    Stadt D hat die Nachricht seit 01.12.2025 nicht abgeholt.\n",
     "", NULL},
    {"nothing is overdue", "receipts|--overdue|--endpoint|none", 0, EX_OK, "no messages\n", "",
     NULL},
    {"receipts as CSV hold no formulas", "receipts|--csv|--endpoint|none", 0, EX_OK,
     "id,endpoint,recipient,message_type,subject,file,state,overdue,accepted,at_intermediary,"
     "forwarded,fetched,certificates,code,note\r\n" ID_1
     ",none,\"'@SUM(1)\",\"a,b\",\"'=cmd|' /C calc'!A0\",\"'-1 \"\"x\"\"??.txt\",expired,false,"
     "2026-05-04T08:14:03.123Z,,,,,D-1600,\"'+1 over.\"\r\n",
     "", NULL},
    {"nothing as CSV", "receipts|--csv|--overdue|--endpoint|none", 0, EX_OK,
     "id,endpoint,recipient,message_type,subject,file,state,overdue,accepted,at_intermediary,"
     "forwarded,fetched,certificates,code,note\r\n",
     "", NULL},
    {"CSV and JSON at once", "receipts|--csv|--json", 0, EX_USAGE, "", NULL, NULL},
    {"receipts of something", "receipts|x", 0, EX_USAGE, "", NULL, NULL},
    {"receipts with a limit that is none", "receipts|--limit|0", 0, EX_USAGE, "", NULL, NULL},
    {"what people did", "audit", 0, EX_OK,
     "seq  time      id        event   state      by             explanation\n"
     "  7  10:14:03  aaaa0001  cancel  cancelled  api:0 (root)?  on request\n",
     "", acts_answers},
    {"what people did, of a tenant", "audit|--tenant|x", 0, EX_USAGE, "", NULL, NULL},
    {"a limit where none is", "audit|verify|--limit|3", 0, EX_USAGE, "", NULL, NULL},
    {"quarantine", "quarantine|list", 0, EX_OK,
     "id        since     endpoint  from     name      why       code\n"
     "aaaa0001  10:14:06  bauamt    Stadt B  Werbung?  A virus.  D-2300\n",
     "", NULL},
    {"quarantine in German", "quarantine|list|--lang|de", 0, EX_OK,
     "Nummer    seit      Verfahren  von      Bezeichnung  warum       Code\n"
     "aaaa0001  10:14:06  bauamt     Stadt B  Werbung?     Ein Virus.  D-2300\n",
     "", NULL},
    {"nothing in quarantine", "quarantine|list|--endpoint|none", 0, EX_OK, "no messages\n", "",
     NULL},
    {"nothing in quarantine as JSON", "quarantine|list|--endpoint|none|--json", 0, EX_OK, "[]\n",
     "", NULL},
    {"released", "quarantine|release|" ID_1 "|--reason|geprüft", 0, EX_OK, ID_1 ": delivered\n", "",
     NULL},
    {"dropped", "quarantine|drop|" ID_3 "|--reason|x", 0, EX_OK, ID_3 ": forwarded\n", "", NULL},
    {"one of two is dropped", "quarantine|drop|" ID_2 "|" ID_3 "|--reason|x", 0, EX_PROTOCOL,
     ID_3 ": forwarded\n", NULL, NULL},
    {"released without a reason", "quarantine|release|" ID_1, 0, EX_USAGE, "",
     "depesche: The command is written like this: depesche quarantine release|drop ID [ID ...] "
     "--reason TEXT. (D-1713)\n    depesche help shows all commands.\n",
     NULL},
    {"nothing is released", "quarantine|release|--reason|x", 0, EX_USAGE, "", NULL, NULL},
    {"quarantine alone", "quarantine", 0, EX_USAGE, "", NULL, NULL},
    {"quarantine, for admins", "quarantine|release|" ID_1 "|--reason|x", 0, EX_NOPERM, "", NULL,
     denied_answers},
    {"a daemon that would steer the terminal", "status", 0, EX_NOPERM, "",
     "depesche: No?[31m. (D-1999)\n    Ask?.\n", steering_answers},
    {"show by the end of the id", "show|aaaa0001", 0, EX_OK,
     "id:               " ID_1 "\n"
     "state:            delivered\n"
     "endpoint:         bauamt\n"
     "recipient:        Stadt Beheim\n"
     "subject:          Rechnung\n"
     "came from:        rechnung.xml\n"
     "size:             4.7 KB\n"
     "created:          2026-05-04 10:14:03\n"
     "changed:          2026-05-04 10:14:06\n"
     "at intermediary:  2026-05-04 10:14:04\n"
     "forwarded:        2026-05-04 10:14:05\n"
     "fetched:          2026-05-04 10:14:06\n"
     "\n"
     "certificate  issuer  serial  signature  validity  revocation   checked\n"
     "CN=Stadt A                   ok         valid     not checked  \n",
     "", NULL},
    {"show nothing that steers a terminal", "show|cccc0001", 0, EX_OK,
     "id:               " ID_3 "\n"
     "state:            forwarded\n"
     "recipient:        Stadt D\n"
     "subject:          a?31mb?c?d\xC2\xA0"
     "e\n"
     "came from:        evil?[31m.txt\n"
     "size:             0 B\n"
     "created:          2025-12-01 09:14:03\n"
     "changed:          2026-05-04 10:14:06\n"
     "at intermediary:  2025-12-01 09:14:04\n"
     "\n"
     "certificate  issuer  serial  signature  validity  revocation  checked\n"
     "                             ok         valid     revoked     \n",
     "", NULL},
    {"show with an error", "show|BBBB-0002|--lang|de", 0, EX_OK, NULL, "", NULL},
    {"an end that two share", "show|0001", 0, EX_DATAERR, "",
     "depesche: '0001' matches 2 messages. (D-1708)\n    Give more characters of the id.\n", NULL},
    {"a beginning that all share", "show|019df212", 0, EX_DATAERR, "",
     "depesche: '019df212' matches 3 messages. (D-1708)\n    Give more characters of the id.\n",
     NULL},
    {"an id nobody has", "show|dddd", 0, EX_NOINPUT, "",
     "depesche: There is no message dddd. (D-1404)\n    depesche list shows all messages.\n", NULL},
    {"no id at all", "show|../status", 0, EX_NOINPUT, "", NULL, NULL},
    {"a whole id the daemon does not know", "show|" ID_1, 0, EX_NOINPUT, "",
     "depesche: There is no message. (D-1999)\n    See list.\n", gone_answers},
    {"events of a message", "events|aaaa0001", 0, EX_OK,
     "seq  time      id        event   state     by      explanation\n"
     "  7  10:14:03  aaaa0001  accept  accepted  bauamt  taken from the drop folder\n",
     "", NULL},
    {"events after a number", "events|--after|7", 0, EX_OK, "no events\n", "", NULL},
    {"events, until there are enough", "events|--limit|3", 0, EX_OK,
     "seq  time      id  event  state  by  explanation\n"
     " 12  10:14:03      x             y   z\n"
     " 95  10:14:03      x             y   z\n"
     " 99  10:14:03      x             y   z\n",
     "", NULL},
    {"status", "status", 0, EX_OK,
     "tenant:           Stadt Ahausen\n"
     "Version:          0.1\n"
     "running since:    2026-05-04 08:00:00\n"
     "outbox:           3 delivered, 1 deferred\n"
     "inbox:            empty\n"
     "intermediary:     demo, last reached 10:14:00; 10:14:30: no.\n"
     "mailboxes:        2, 5 deliveries waiting\n",
     "", NULL},
    {"mailboxes", "mailboxes", 0, EX_OK,
     "tenant  owner         waiting    size  kept     size  oldest       last fetched  "
     "certificate\n"
     "        Stadt A             2  4.7 KB     3  10.4 MB  04-01 10:00  10:14:06      11112222\n"
     "Kreis   CN=Amt B,O=B        0     0 B     0      0 B                             33334444\n",
     "", NULL},
    {"mailboxes of one owner", "mailboxes|stadt", 0, EX_OK,
     "owner    waiting    size  kept     size  oldest       last fetched  certificate\n"
     "Stadt A        2  4.7 KB     3  10.4 MB  04-01 10:00  10:14:06      11112222\n",
     "", NULL},
    {"mailboxes of nobody", "mailboxes|Stadt Z", 0, EX_OK, "no mailboxes\n", "", NULL},
    {"mailboxes of nobody as JSON", "mailboxes|Stadt Z|--json", 0, EX_OK, "[]\n", "", NULL},
    {"two filters", "mailboxes|a|b", 0, EX_USAGE, "", NULL, NULL},
    {"mailboxes for admins", "mailboxes", 0, EX_NOPERM, "", NULL, denied_answers},
    {"the directory", "directory", 0, EX_OK,
     "party  name     service     mode          way     certificate until  finding\n"
     "ags:1  Stadt B  http://x/a  asynchronous  B       10:00:00           Expired.\n"
     "ags:1  Stadt B  http://x/b  both          B                          \n"
     "ags:2           http://x/a  synchronous   bauamt                     \n"
     "ags:3                                                                \n",
     "", NULL},
    {"the directory is checked", "directory|check", 0, EX_DATAERR,
     "ags:1:            http://x/a: Expired.\n", "", NULL},
    {"the same in German", "--lang|de|directory|check", 0, EX_DATAERR,
     "ags:1:            http://x/a: Abgelaufen.\n", "", NULL},
    {"the same as JSON", "directory|check|--json", 0, EX_DATAERR, NULL, "", NULL},
    {"no directory", "directory", 0, EX_OK, "no directory is configured (directory)\n", "",
     no_directory_answers},
    {"no directory is checked", "directory|check", 0, EX_OK, "The directory is all right.\n", "",
     no_directory_answers},
    {"no directory as JSON", "directory|--json", 0, EX_OK, "[]\n", "", no_directory_answers},
    {"something else of the directory", "directory|mend", 0, EX_USAGE, "", NULL, NULL},
    {"what a directory must know", "intermediary|describe", 0, EX_OK,
     "URL:              https://a.example/osci\n"
     "OSCI:             1.2\n"
     "features:         OAEPEncryption 1.6.0, GCMPaddingModus 1.7.0\n"
     "largest message:  2097152 KB\n"
     "smallest chunk:   64 KB\n"
     "largest chunk:    51200 KB\n"
     "in chunks up to:  4194304 KB\n"
     "orders:           encrypted and signed\n"
     "mailboxes:        for configured owners only\n"
     "\n"
     "Cipher certificate\n"
     "subject:          CN=I\n"
     "issuer:           CN=CA\n"
     "serial:           17\n"
     "key:              RSA-3072\n"
     "valid:            2025-01-01 01:00:00 to 2026-01-01 01:00:00 (expired)\n"
     "SHA-256:          00:FF:1A\n"
     "SHA-1:            C0:DE\n"
     "-----BEGIN CERTIFICATE-----\n"
     "MIIB\n"
     "-----END CERTIFICATE-----\n"
     "\n"
     "Signature certificate\n"
     "subject:          CN=I\n"
     "issuer:           CN=CA\n"
     "serial:           17\n"
     "key:              RSA-3072\n"
     "valid:            2025-01-01 01:00:00 to 2026-01-01 01:00:00 (expired)\n"
     "SHA-256:          00:FF:1A\n"
     "SHA-1:            C0:DE\n"
     "-----BEGIN CERTIFICATE-----\n"
     "MIIB\n"
     "-----END CERTIFICATE-----\n"
     "\n"
     "Earlier cipher certificate, still opened\n"
     "subject:          CN=I\n"
     "issuer:           CN=CA\n"
     "serial:           17\n"
     "key:              RSA-3072\n"
     "valid:            2025-01-01 01:00:00 to 2026-01-01 01:00:00 (expired)\n"
     "SHA-256:          00:FF:1A\n"
     "SHA-1:            C0:DE\n",
     "", NULL},
    {"what a directory must know, in German", "intermediary|describe|--lang|de", 0, EX_OK,
     "URL:              https://a.example/osci\n"
     "OSCI:             1.2\n"
     "Merkmale:         OAEPEncryption 1.6.0, GCMPaddingModus 1.7.0\n"
     "größte Nachricht: 2097152 KB\n"
     "kleinstes Paket:  64 KB\n"
     "größtes Paket:    51200 KB\n"
     "in Paketen bis:   4194304 KB\n"
     "Aufträge:         verschlüsselt und unterschrieben\n"
     "Postfächer:       nur für eingetragene Besitzer\n"
     "\n"
     "Verschlüsselungszertifikat\n"
     "Inhaber:          CN=I\n"
     "Aussteller:       CN=CA\n"
     "Seriennummer:     17\n"
     "Schlüssel:        RSA-3072\n"
     "gültig:           01.01.2025 01:00:00 bis 01.01.2026 01:00:00 (abgelaufen)\n"
     "SHA-256:          00:FF:1A\n"
     "SHA-1:            C0:DE\n"
     "-----BEGIN CERTIFICATE-----\n"
     "MIIB\n"
     "-----END CERTIFICATE-----\n"
     "\n"
     "Signaturzertifikat\n"
     "Inhaber:          CN=I\n"
     "Aussteller:       CN=CA\n"
     "Seriennummer:     17\n"
     "Schlüssel:        RSA-3072\n"
     "gültig:           01.01.2025 01:00:00 bis 01.01.2026 01:00:00 (abgelaufen)\n"
     "SHA-256:          00:FF:1A\n"
     "SHA-1:            C0:DE\n"
     "-----BEGIN CERTIFICATE-----\n"
     "MIIB\n"
     "-----END CERTIFICATE-----\n"
     "\n"
     "Früheres Verschlüsselungszertifikat, noch geöffnet\n"
     "Inhaber:          CN=I\n"
     "Aussteller:       CN=CA\n"
     "Seriennummer:     17\n"
     "Schlüssel:        RSA-3072\n"
     "gültig:           01.01.2025 01:00:00 bis 01.01.2026 01:00:00 (abgelaufen)\n"
     "SHA-256:          00:FF:1A\n"
     "SHA-1:            C0:DE\n",
     "", NULL},
    {"nothing to describe", "intermediary", 0, EX_USAGE, "", NULL, NULL},
    {"something else to describe", "intermediary|deskribe", 0, EX_USAGE, "", NULL, NULL},
    {"no daemon", "status|--socket|/nonexistent/s", 0, EX_UNAVAILABLE, "",
     "depesche: No service answers at the socket /nonexistent/s: No such file or directory. "
     "(D-1706)\n"
     "    Check that depesched is running, --socket is right and the user has access.\n",
     NULL},
    {"not allowed", "status", 0, EX_NOPERM, "",
     "depesche: The user may not do this. (D-1999)\n    Ask the operator.\n", denied_answers},
    {"busy", "status", 0, EX_TEMPFAIL, "", NULL, busy_answers},
    {"no JSON", "status", 0, EX_PROTOCOL, "", NULL, html_answers},
    {"JSON of another kind", "status", 0, EX_PROTOCOL, "", NULL, odd_answers},
    {"send without recipient", "send|--endpoint|e|x", 0, EX_USAGE, "",
     "depesche: The command is written like this: depesche send --endpoint NAME --to NAME "
     "FILE [FILE ...]. (D-1713)\n    depesche help shows all commands.\n",
     NULL},
    {"send what is not there", "send|--endpoint|e|--to|p|/nonexistent/x", 0, EX_NOINPUT, "", NULL,
     NULL},
    {"no command", "--lang|en", 0, EX_USAGE, "",
     "depesche: Not like this: no command. (D-1709)\n    depesche help shows the commands.\n",
     NULL},
    {"unknown command", "lisst", 0, EX_USAGE, "", NULL, NULL},
    {"unknown option", "list|--frobnicate", 0, EX_USAGE, "", NULL, NULL},
    {"an option of another command", "status|--to|x", 0, EX_USAGE, "",
     "depesche: Not like this: status --to. (D-1709)\n    depesche help shows the commands.\n",
     NULL},
    {"no such language", "status|--lang|fr", 0, EX_USAGE, "", NULL, NULL},
    {"a missing configuration", "status|--config|/nonexistent/x.yaml", 0, EX_NOINPUT, "", NULL,
     NULL},
    {"checking nothing", "check-config", 0, EX_USAGE, "", NULL, NULL},
    {"checking what is not there", "check-config|/nonexistent/x.yaml", 0, EX_NOINPUT, "", NULL,
     NULL},
};

/* On a terminal no line is wider than it. */
static void narrow(void **state)
{
    struct helper_run run;
    char *save = NULL;

    (void)state;
    helper_run_it(&run, "receipts|--lang|de", 132, daemon_answers, ARRAY_LEN(daemon_answers));
    assert_int_equal(run.rc, EX_OK);
    for (char *line = strtok_r(run.out, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        size_t chars = 0;

        for (char *c = line; *c != '\0'; c++)
            chars += (*c & 0xc0) != 0x80;
        assert_true(chars <= 132);
    }
    helper_run_free(&run);
}

static void german_show(void **state)
{
    struct helper_run run;

    (void)state;
    helper_run_it(&run, "show|" ID_2 "|--lang|de", 0, daemon_answers, ARRAY_LEN(daemon_answers));
    assert_int_equal(run.rc, EX_OK);
    assert_non_null(strstr(run.out, "Zustand:          zurückgestellt\n"));
    assert_non_null(strstr(run.out, "Fehler:           c nimmt auf Port 1 keine Verbindung an. "
                                    "(D-1301)\n"));
    assert_non_null(strstr(run.out, "Zuständig:        das Netz\n"));
    assert_non_null(strstr(run.out, "angelegt:         03.05.2026 10:14:03\n"));
    helper_run_free(&run);
}

static void json_is_passed_on(void **state)
{
    AUTO(json_drop) json_t *want = json_loads("[" WAITING "," DELIVERED "," DEFERRED "]", 0, NULL);
    AUTO(json_drop) json_t *got = NULL;
    struct helper_run run;

    (void)state;
    helper_run_it(&run, "receipts|--json", 0, daemon_answers, ARRAY_LEN(daemon_answers));
    assert_int_equal(run.rc, EX_OK);
    got = json_loads(run.out, 0, NULL);
    assert_true(json_equal(got, want));
    assert_null(strstr(run.out, "\xc2\x9b")); /* it is \\u009b: some terminals obey it */
    helper_run_free(&run);
}

/* ---- --follow: the daemon's answers change between two looks ---- */

#define EVENT(seq, id) "{\"seq\":" #seq ",\"id\":\"" id "\"}"

static const struct helper_canned at_first[] = {
    {"GET /v1/events?limit=1", "200 OK", "{\"events\":[" EVENT(7, ID_1) "]}"},
    {"GET /v1/messages?", "200 OK", "{\"messages\":[],\"next\":null}"},
    {"GET /v1/messages?limit=100&box=outbox HTTP", "200 OK",
     "{\"messages\":[" DEFERRED "],\"next\":null}"},
};
#define SINCE "2026-05-04T08%3A15%3A00.000Z" /* NOW */

static const struct helper_canned two_changes[] = {
    {"GET /v1/events?after=7&limit=1000 ", "200 OK",
     "{\"events\":[" EVENT(8, ID_1) "," EVENT(9, ID_2) ",{\"seq\":10,\"id\":null}," EVENT(
         11, ID_1) "]}"},
    {"GET /v1/messages/" ID_1 " ", "200 OK", DELIVERED},
    {"GET /v1/messages/" ID_2 " ", "404 Not Found", "{\"title\":\"none\",\"code\":\"D-1404\"}"},
    /* time has passed */
    {"GET /v1/messages?limit=1000&box=outbox&overdue=true&overdue_since=" SINCE " ", "200 OK",
     "{\"messages\":[],\"next\":\"so-far\"}"},
    {"GET /v1/messages?limit=1000&box=outbox&overdue=true&overdue_since=" SINCE "&cursor=so-far ",
     "200 OK", "{\"messages\":[" WAITING "],\"next\":null}"},
};
static const struct helper_canned no_change[] = {
    {"GET /v1/events?after=11&limit=1000 ", "200 OK", "{\"events\":[],\"next\":30}"},
    {"GET /v1/events?after=30&limit=1000 ", "200 OK", "{\"events\":[]}"},
};
static const struct helper_canned away[] = {
    {"", "503 Service Unavailable", "{\"title\":\"busy\"}"}};
static const struct helper_canned from_backup[] = {
    {"GET /v1/events?limit=1 ", "200 OK", "{\"events\":[" EVENT(3, ID_1) "]}"},
    {"GET /v1/events?after=3&limit=1000 ", "200 OK", "{\"events\":[" EVENT(4, ID_3) "]}"},
    {"GET /v1/messages/" ID_3 " ", "200 OK", WAITING},
};
static const struct helper_canned not_any_more[] = {
    {"", "403 Forbidden", "{\"title\":\"no\",\"detail\":\"no\",\"code\":\"D-1702\"}"},
};

static bool next_answers(void *ctx, int ms)
{
    static const struct {
        const struct helper_canned *answers;
        size_t count;
    } steps[] = {
        {two_changes, ARRAY_LEN(two_changes)},
        {no_change, ARRAY_LEN(no_change)},
        {away, ARRAY_LEN(away)},
        {away, ARRAY_LEN(away)},
        {from_backup, ARRAY_LEN(from_backup)},
        {not_any_more, ARRAY_LEN(not_any_more)},
    };
    size_t *step = ctx;

    assert_true(ms > 0 && *step < ARRAY_LEN(steps));
    helper_daemon_answers(steps[*step].answers, steps[*step].count);
    (*step)++;
    return true;
}

static struct follow_row {
    const char *name, *args, *out;
} follow_rows[] = {
    {"follow", "receipts|--follow",
     "id        message      to       state     accepted     created  forwarded  fetched  "
     "certificates  note\n"
     "bbbb0002  Größe 1.bin  Stadt C  deferred  05-03 10:14                                       "
     "      c takes no connection on port 1.\n"
     "10:14:06  aaaa0001  delivered  Stadt Beheim  rechnung.xml  \n"
     "10:14:06  cccc0001  forwarded  Stadt D  evil?[31m.txt  Stadt D has not fetched the message "
     "since 2025-12-01.\n"},
    {"follow what becomes overdue", "receipts|--follow|--overdue",
     "no messages\n"
     "10:14:06  cccc0001  forwarded  Stadt D  evil?[31m.txt  Stadt D has not fetched the message "
     "since 2025-12-01.\n"
     "10:14:06  cccc0001  forwarded  Stadt D  evil?[31m.txt  Stadt D has not fetched the message "
     "since 2025-12-01.\n"},
    {"follow one state", "receipts|--follow|--state|delivered,failed|--csv",
     "id,endpoint,recipient,message_type,subject,file,state,overdue,accepted,at_intermediary,"
     "forwarded,fetched,certificates,code,note\r\n" ID_1
     ",bauamt,\"Stadt Beheim\",,Rechnung,rechnung.xml,delivered,false,2026-05-04T08:14:03.123Z,"
     "2026-05-04T10:14:04+02:00,2026-05-04T08:14:05Z,2026-05-04T08:14:06Z,good,,\r\n"},
};

/* Each change once; a daemon that is away is waited for, one with older events is followed anew. */
static void test_follow(void **state)
{
    const struct follow_row *row = *state;
    struct helper_run run;

    helper_run_it(&run, row->args, 0, at_first, ARRAY_LEN(at_first));
    assert_string_equal(run.out, row->out);
    assert_string_equal(run.err,
                        "depesche: The daemon does not answer; this goes on as soon as it does.\n"
                        "depesche: The daemon answers again.\n"
                        "depesche: no (D-1702)\n    no\n");
    assert_int_equal(run.rc, EX_NOPERM);
    helper_run_free(&run);
}

static void file_put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void sending(void **state)
{
    char path[96], args[256];
    struct helper_run run;
    const char *meta, *file;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/Größe.txt", helper_daemon.dir);
    (void)snprintf(args, sizeof args,
                   "send|--endpoint|bauamt|--to|Stadt Beheim|--subject|a \"b\"|--key|k1|%s", path);
    file_put(path, "content\r\n");
    helper_run_it(&run, args, 0, daemon_answers, ARRAY_LEN(daemon_answers));
    assert_string_equal(run.err, "");
    assert_string_equal(run.out, "accepted as " ID_1 "\n");
    assert_int_equal(run.rc, EX_OK);
    meta = strstr(helper_daemon.request, "{\"endpoint\":\"bauamt\",\"recipient\":\"Stadt Beheim\","
                                         "\"subject\":\"a \\\"b\\\"\",\"idempotency_key\":\"k1\"}");
    file = strstr(helper_daemon.request, "content\r\n\r\n--");
    assert_non_null(meta);
    assert_non_null(file);
    assert_true(meta < file);
    assert_non_null(strstr(helper_daemon.request, "name=\"file\"; filename=\"Größe.txt\""));
    assert_non_null(strstr(helper_daemon.request, "Accept-Language: en"));
    assert_null(strstr(helper_daemon.request, "Expect:"));
    helper_run_free(&run);
    assert_int_equal(unlink(path), 0);
}

/* The starter is a configuration, in both languages, but for the files it names. */
static void starter_reads(void **state)
{
    (void)state;
    for (int lang = GW_LANG_DE; lang <= GW_LANG_EN; lang++) {
        AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
        AUTO(gw_config_drop) const struct gw_config *config = NULL;
        AUTO(buf_deinit) struct buf b = {0};
        struct error err = {0};

        gw_config_report_init(&report);
        buf_init(&b, 65536);
        gw_cli_starter(&b, (enum gw_lang)lang);
        assert_int_equal(gw_config_read(buf_span(&b), "x.yaml", &config, &report, &err), ST_OK);
        assert_int_equal(report.count, 0);
        assert_null(strstr(buf_cstr(&b), "@"));
        assert_non_null(strstr(buf_cstr(&b), "\n# tenant.identity.cipher: "));
    }
}

/* A demo passes check-config, lets nobody read the keys, and is not written over. */
static void demo(void **state)
{
    static const char *const names[] = {"town-a", "town-b", "intermediary"};
    char args[256];
    struct stat info;
    struct helper_run run;

    (void)state;
    (void)snprintf(args, sizeof args, "init|--demo|--ports|20000|%s/demo", helper_daemon.dir);
    helper_run_it(&run, args, 0, NULL, 0);
    assert_string_equal(run.err, "");
    assert_int_equal(run.rc, EX_OK);
    helper_run_free(&run);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)snprintf(args, sizeof args, "check-config|%s/demo/%s.yaml", helper_daemon.dir,
                       names[i]);
        helper_run_it(&run, args, 0, NULL, 0);
        assert_string_equal(run.err, "");
        assert_int_equal(run.rc, EX_OK);
        helper_run_free(&run);
    }
    (void)snprintf(args, sizeof args, "%s/demo/pki/town-a-cipher.key", helper_daemon.dir);
    assert_int_equal(stat(args, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    (void)snprintf(args, sizeof args, "init|--demo|%s/demo", helper_daemon.dir);
    helper_run_it(&run, args, 0, NULL, 0);
    assert_int_equal(run.rc, EX_CANTCREAT);
    helper_run_free(&run);
    (void)snprintf(args, sizeof args, "status|--config|%s/demo/town-a.yaml", helper_daemon.dir);
    helper_run_it(&run, args, 0, NULL, 0);
    assert_int_equal(run.rc, EX_UNAVAILABLE);
    assert_non_null(strstr(run.err, "/demo/town-a/api.sock"));
    helper_run_free(&run);
    (void)snprintf(args, sizeof args, "rm -rf %s/demo", helper_daemon.dir);
    assert_int_equal(system(args), 0);
}

static void help(void **state)
{
    struct helper_run run;

    (void)state;
    helper_run_it(&run, "--help", 0, NULL, 0);
    assert_int_equal(run.rc, EX_OK);
    for (size_t i = 0; i < gw_cli_verbs_count; i++)
        assert_non_null(strstr(run.out, gw_cli_verbs[i].en));
    helper_run_free(&run);
    helper_run_it(&run, "help|send", 0, NULL, 0);
    assert_non_null(strstr(run.out, "--to NAME"));
    assert_null(strstr(run.out, "--ports"));
    helper_run_free(&run);
}

/* Without roff's backslashes. */
static char *manual(void)
{
    FILE *f = fopen(TEST_VECTORS "/../../docs/man/depesche.1", "r");
    char *text = calloc(1, 65536);
    size_t n = 0;
    int c;

    assert_non_null(f);
    while ((c = fgetc(f)) != EOF && n + 1 < 65536)
        if (c != '\\')
            text[n++] = (char)c;
    assert_int_equal(fclose(f), 0);
    return text;
}

/* The manual knows every command and option that the help knows. */
static void manual_is_whole(void **state)
{
    char *page = manual();

    (void)state;
    for (size_t i = 0; i < gw_cli_verbs_count; i++) {
        char args[64], *save = NULL;
        struct helper_run run;

        (void)snprintf(args, sizeof args, "help|%s", gw_cli_verbs[i].name);
        helper_run_it(&run, args, 0, NULL, 0);
        assert_non_null(strstr(page, gw_cli_verbs[i].name));
        for (char *word = strtok_r(run.out, " \n", &save); word != NULL;
             word = strtok_r(NULL, " \n", &save))
            if (word[0] == '-' && strstr(page, word) == NULL)
                fail_msg("%s is missing in depesche(1)", word);
        helper_run_free(&run);
    }
    free(page);
}

int main(void)
{
    static struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(follow_rows) + 8];
    size_t n = 0;

    helper_daemon.usual = daemon_answers;
    helper_daemon.usual_count = ARRAY_LEN(daemon_answers);
    helper_daemon.pause = next_answers;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[n++] = (struct CMUnitTest){rows[i].name, helper_cli_row_test, NULL, NULL, &rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(follow_rows); i++)
        tests[n++] =
            (struct CMUnitTest){follow_rows[i].name, test_follow, NULL, NULL, &follow_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(narrow);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(german_show);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(json_is_passed_on);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(sending);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(starter_reads);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(demo);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(help);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(manual_is_whole);
    return _cmocka_run_group_tests("cli", tests, n, helper_daemon_start, helper_daemon_stop);
}
