/* settings: what is refused, where, in which words; and what a good file becomes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/config.h"
#include "gateway/config_schema.h"

/* Enough for a tenant; rows put it in front or behind. */
#define PAIR "{certificate: c.pem, key: k.pem}"
#define TOKEN(uri, more)                                                                           \
    "tenant:\n  name: A\n  identity:\n    signature: {certificate: c, key: 'pkcs11:" uri "'" more  \
    "}\n    cipher: " PAIR "\n"
#define TENANT                                                                                     \
    "tenant:\n"                                                                                    \
    "  name: Stadt Ahausen\n"                                                                      \
    "  identity:\n"                                                                                \
    "    signature: " PAIR "\n"                                                                    \
    "    cipher: " PAIR "\n" /* five lines */
#define INTERMEDIARY "{name: demo, url: 'https://127.0.0.1:9443/osci', cipher_certificate: i.pem}"
#define V5_URLS "{base: 'https://x/b', sender: 'https://x/s', recipient: 'https://x/r'}"
#define XTA_PEER(version, urls)                                                                    \
    "xta_servers:\n  - name: x\n    version: " version "\n    urls: " urls "\n    tls: " PAIR      \
    "\n    parties:\n      - {value: 'ags:1'}\n"
#define INTERMEDIARIES "intermediaries: [" INTERMEDIARY "]\n"
#define PINNED                                                                                     \
    "{name: demo, url: 'http://h/', cipher_certificate: i.pem, signature_certificate: s.pem}"
#define PARTNER "{name: B, intermediary: demo, cipher_certificate: b.pem}"
#define SERVER                                                                                     \
    "osci_server:\n"                                                                               \
    "  identity: {signature: " PAIR ", cipher: " PAIR "}\n"                                        \
    "  listeners: [{port: 9443}]\n"                                                                \
    "  mailboxes: [{name: A, cipher_certificate: a.pem}]\n"

/* eight lines with TENANT */
#define XTA                                                                                        \
    "endpoints: [{name: meldewesen, parties: ['ags:09162000']}]\n"                                 \
    "xta_server:\n"                                                                                \
    "  instance: ahausen\n"                                                                        \
    "  accounts: [{name: m, certificates: [m.pem], parties: ['AGS:09162000']}]\n"
#define XTA_LISTENERS "  listeners: [{port: 1, tls: " PAIR ", client_authorities: [ca.pem]}]\n"

struct bad_row {
    const char *name, *yaml;
    int line, code;
    const char *en, *de;
};

#define TARGET(more) TENANT "targets:\n  - {name: t, " more "}\n" /* line 7 */
#define EMAIL "url: 'smtp://h', from: a@b, to: [c@d]"

static struct bad_row bad_rows[] = {
    {"a target that leads nowhere", TENANT "targets:\n  - {name: t}\n", 7, GW_R_CONFIG_MISSING,
     "'command' is missing.", NULL},
    {"a target that leads to two places", TARGET("command: [/bin/true], email: {" EMAIL "}"), 7,
     GW_R_CONFIG_VALUE, NULL, NULL},
    {"a target named like a partner",
     TENANT INTERMEDIARIES "partners: [" PARTNER "]\ntargets: [{name: B, command: [/bin/true]}]\n",
     8, GW_R_CONFIG_DUPLICATE_NAME, NULL, NULL},
    {"a target named like an intermediary",
     TENANT INTERMEDIARIES "targets: [{name: demo, command: [/bin/true]}]\n", 7,
     GW_R_CONFIG_DUPLICATE_NAME, NULL, NULL},
    {"a target's program without a path", TARGET("command: [true]"), 7, GW_R_CONFIG_VALUE, NULL,
     NULL},
    {"a mail server by HTTP", TARGET("email: {url: 'http://h', from: a@b, to: [c@d]}"), 7,
     GW_R_CONFIG_VALUE, "'url' cannot be 'http://h'; allowed: smtp://host:587, smtps://host:465.",
     NULL},
    {"a password in an address", TARGET("email: {url: 'smtp://u:p@h', from: a@b, to: [c@d]}"), 7,
     GW_R_CONFIG_VALUE, NULL, NULL},
    {"a sender who adds a line",
     TARGET("email: {url: 'smtp://h', from: \"a@b\\r\\nBcc: x@y\", to: [c@d]}"), 7,
     GW_R_CONFIG_VALUE, NULL, NULL},
    {"a recipient with a name", TARGET("email: {url: 'smtp://h', from: a@b, to: ['C <c@d>']}"), 7,
     GW_R_CONFIG_VALUE, NULL, NULL},
    {"an e-mail to nobody", TARGET("email: {url: 'smtp://h', from: a@b, to: []}"), 7,
     GW_R_CONFIG_VALUE, NULL, NULL},
    {"a login without a password", TARGET("email: {" EMAIL ", user: u}"), 7, GW_R_CONFIG_MISSING,
     "'password_file' is missing.", NULL},
    {"a password in clear text",
     TARGET("email: {" EMAIL ", starttls: false, user: u, "
            "password_file: p}"),
     7, GW_R_CONFIG_VALUE, NULL, NULL},
    {"warnings to a target that is none", TARGET("email: {" EMAIL "}") "calendar: {mail: x}\n", 8,
     GW_R_CONFIG_REFERENCE, NULL, NULL},
    {"warnings to a program", TARGET("command: [/bin/true]") "calendar: {mail: t}\n", 8,
     GW_R_CONFIG_REFERENCE, NULL, NULL},
    {"SFTP without known hosts", TARGET("sftp: {url: 'sftp://h/', user: u, password_file: p}"), 7,
     GW_R_CONFIG_MISSING, NULL, NULL},
    {"SFTP without a key", TARGET("sftp: {url: 'sftp://h/', user: u, known_hosts: k}"), 7,
     GW_R_CONFIG_MISSING, "'key' is missing.", NULL},
    {"a path with a command in it",
     TARGET("sftp: {url: 'sftp://h/a\"b', user: u, known_hosts: k, password_file: p}"), 7,
     GW_R_CONFIG_VALUE, NULL, NULL},
    {"a marker in another folder", TARGET("webdav: {url: 'https://h/', marker: /../x}"), 7,
     GW_R_CONFIG_VALUE, NULL, NULL},
    {"a password by HTTP", TARGET("webdav: {url: 'http://h/', user: u, password_file: p}"), 7,
     GW_R_CONFIG_VALUE, NULL, NULL},
    {"XTA without TLS", TENANT XTA "  listeners: [{port: 1}]\n", 10, GW_R_CONFIG_MISSING,
     "'xta_server.listeners[1].tls' is missing.", NULL},
    {"XTA for clients of nobody", TENANT XTA "  listeners: [{port: 1, tls: " PAIR "}]\n", 10,
     GW_R_CONFIG_MISSING, "'client_authorities' is missing.", NULL},
    {"two XTA ports at one path",
     TENANT XTA XTA_LISTENERS "  paths: {v3: {send: /a}, v5: {sender: /a}}\n", 11,
     GW_R_CONFIG_DUPLICATE_NAME, NULL, NULL},
    {"an XTA path that is none", TENANT XTA XTA_LISTENERS "  paths: {v3: {send: a}}\n", 11,
     GW_R_CONFIG_VALUE, "'paths' cannot be 'a'; allowed: /....", NULL},
    {"an XTA instance that is no word",
     TENANT "endpoints: [{name: e}]\nxta_server:\n  instance: a:b\n" XTA_LISTENERS, 8,
     GW_R_CONFIG_VALUE, "'xta_server.instance' cannot be 'a:b'; allowed: A-Z a-z 0-9 - . _.", NULL},
    {"an XTA party of no endpoint",
     TENANT "endpoints: [{name: e}]\nxta_server:\n  instance: a\n" XTA_LISTENERS
            "  accounts: [{name: m, certificates: [m.pem], parties: [b]}]\n",
     10, GW_R_CONFIG_REFERENCE,
     "'accounts.parties' names 'b', which is missing under endpoints.parties.", NULL},
    {"an XTA party of two endpoints",
     TENANT "endpoints: [{name: a, parties: [p]}, {name: b, parties: [p]}]\n", 6,
     GW_R_CONFIG_DUPLICATE_NAME, NULL, NULL},
    {"an XTA certificate of two accounts",
     TENANT "endpoints: [{name: e, parties: [p]}]\nxta_server:\n  instance: a\n" XTA_LISTENERS
            "  accounts:\n    - {name: m, certificates: [m.pem], parties: [p]}\n"
            "    - {name: n, certificates: [m.pem], parties: [p]}\n",
     12, GW_R_CONFIG_DUPLICATE_NAME, NULL, NULL},
    {"an XTA server without a port it needs",
     TENANT XTA_PEER("3", "{management: 'https://x/m', send: 'https://x/s'}"), 7,
     GW_R_CONFIG_MISSING, "'urls.msgbox' is missing.", "Es fehlt 'urls.msgbox'."},
    {"an XTA server without TLS",
     TENANT XTA_PEER("5", "{base: 'http://x/b', sender: 'https://x/s', recipient: 'https://x/r'}"),
     9, GW_R_CONFIG_URL, NULL, NULL},
    {"an XTA version that is none",
     TENANT XTA_PEER("4",
                     "{management: 'https://x/m', send: 'https://x/s', msgbox: 'https://x/b'}"),
     8, GW_R_CONFIG_VALUE, "'xta_servers[1].version' cannot be '4'; allowed: 3 or 5.", NULL},
    {"an XTA server named like an intermediary",
     TENANT "intermediaries: [" INTERMEDIARY "]\nxta_servers:\n  - name: demo\n    version: 5\n"
            "    urls: " V5_URLS "\n    tls: " PAIR "\n    parties: [{value: a}]\n",
     8, GW_R_CONFIG_DUPLICATE_NAME, NULL, NULL},
    {"a party for an unknown endpoint",
     TENANT "xta_servers:\n  - name: x\n    version: 5\n    urls: " V5_URLS "\n    tls: " PAIR
            "\n    parties: [{value: a, endpoint: e}]\n",
     11, GW_R_CONFIG_REFERENCE, "'endpoint' names 'e', which is missing under endpoints.", NULL},
    {"a partner with two ways",
     TENANT "intermediaries: [" INTERMEDIARY "]\n" XTA_PEER(
         "5", V5_URLS) "partners:\n"
                       "  - name: B\n    intermediary: demo\n    xta: x\n    reader: {value: b}\n"
                       "    cipher_certificate: b.pem\n",
     17, GW_R_CONFIG_VALUE, NULL, NULL},
    {"a partner without a way", TENANT "partners: [{name: B, cipher_certificate: b}]\n", 6,
     GW_R_CONFIG_MISSING, "'intermediary' is missing.", NULL},
    {"a partner by XTA who is nobody",
     TENANT XTA_PEER("5", V5_URLS) "partners: [{name: B, xta: x}]\n", 13, GW_R_CONFIG_MISSING,
     "'reader' is missing.", NULL},
    {"a partner at an unknown XTA server",
     TENANT XTA_PEER("5", V5_URLS) "partners: [{name: B, xta: y, reader: {value: b}}]\n", 13,
     GW_R_CONFIG_REFERENCE, "'xta' names 'y', which is missing under xta_servers.", NULL},
    {"unknown key with suggestion", TENANT "intermedaries: []\n", 6, GW_R_CONFIG_DID_YOU_MEAN,
     "The key 'intermedaries' is not known, did you mean 'intermediaries'?",
     "Der Schlüssel 'intermedaries' ist nicht bekannt, gemeint ist wohl 'intermediaries'."},
    {"hyphen for underscore", TENANT "osci-server: {}\n", 6, GW_R_CONFIG_DID_YOU_MEAN,
     "The key 'osci-server' is not known, did you mean 'osci_server'?", NULL},
    {"unknown key without suggestion", TENANT "banana: 1\n", 6, GW_R_CONFIG_UNKNOWN_KEY,
     "The key 'banana' is not known here.", "Der Schlüssel 'banana' ist hier nicht bekannt."},
    {"unknown key deep inside", TENANT "endpoints:\n  - name: d\n    uesrs: []\n", 8,
     GW_R_CONFIG_DID_YOU_MEAN, "The key 'uesrs' is not known, did you mean 'users'?", NULL},
    {"chunks smaller than the smallest", SERVER "  chunk_max_kb: 63\n", 5, GW_R_CONFIG_VALUE,
     "'osci_server.chunk_max_kb' cannot be '63'; allowed: chunk_min_kb or more.", NULL},
    {"a key twice", TENANT "state: a\nstate: b\n", 7, GW_R_CONFIG_DUPLICATE_KEY,
     "The key 'state' already stands in line 6.", "Der Schlüssel 'state' steht schon in Zeile 6."},
    {"missing key in a list", TENANT "intermediaries:\n  - name: demo\n    url: http://x/\n", 7,
     GW_R_CONFIG_MISSING, "'intermediaries[1].cipher_certificate' is missing.",
     "Es fehlt 'intermediaries[1].cipher_certificate'."},
    {"needed value left empty",
     "tenant:\n  name:\n  identity:\n    signature: " PAIR "\n    cipher: " PAIR "\n", 2,
     GW_R_CONFIG_MISSING, "'tenant.name' is missing.", NULL},
    {"number too large", TENANT "retry: {expire_days: 400}\n", 6, GW_R_CONFIG_VALUE,
     "'retry.expire_days' cannot be '400'; allowed: number from 1 to 365.", NULL},
    {"number too small", TENANT "retry: {expire_days: 0}\n", 6, GW_R_CONFIG_VALUE,
     "'retry.expire_days' cannot be '0'; allowed: number from 1 to 365.", NULL},
    {"number with a unit", TENANT "limits:\n  memory_kb: 256k\n", 7, GW_R_CONFIG_VALUE,
     "'limits.memory_kb' cannot be '256k'; allowed: number from 16 to 65536.", NULL},
    {"number past 64 bits", TENANT "limits:\n  workers: 99999999999999999999\n", 7,
     GW_R_CONFIG_VALUE,
     "'limits.workers' cannot be '99999999999999999999'; allowed: number from 0 to 256.", NULL},
    {"negative number", TENANT "limits:\n  workers: -1\n", 7, GW_R_CONFIG_VALUE,
     "'limits.workers' cannot be '-1'; allowed: number from 0 to 256.", NULL},
    {"neither true nor false", TENANT "policy: {read_cbc: maybe}\n", 6, GW_R_CONFIG_VALUE,
     "'policy.read_cbc' cannot be 'maybe'; allowed: true or false.", NULL},
    {"no such choice", TENANT "log: {level: loud}\n", 6, GW_R_CONFIG_VALUE,
     "'log.level' cannot be 'loud'; allowed: debug, info, warning or error.", NULL},
    {"mode not octal", TENANT "api: {mode: 0690}\n", 6, GW_R_CONFIG_VALUE,
     "'api.mode' cannot be '0690'; allowed: permissions, octal, at most 0777.", NULL},
    {"mode with setuid", TENANT "api: {mode: 4755}\n", 6, GW_R_CONFIG_VALUE,
     "'api.mode' cannot be '4755'; allowed: permissions, octal, at most 0777.", NULL},
    {"text where a block is due", TENANT "retry: often\n", 6, GW_R_CONFIG_VALUE,
     "'retry' cannot be 'often'; allowed: a block of keys.", NULL},
    {"block where text is due", TENANT "state: {a: b}\n", 6, GW_R_CONFIG_VALUE,
     "'state' cannot be '{...}'; allowed: path.", NULL},
    {"block where a list is due", TENANT "trust:\n  osci: a.pem\n", 7, GW_R_CONFIG_VALUE,
     "'trust.osci' cannot be 'a.pem'; allowed: list of paths, at most 256.", NULL},
    {"list where text is due", TENANT "state: [a]\n", 6, GW_R_CONFIG_VALUE,
     "'state' cannot be '[...]'; allowed: path.", NULL},
    {"an alias", "tenant:\n  name: A\n  identity:\n    signature: &p " PAIR "\n    cipher: *p\n", 4,
     GW_R_CONFIG_VALUE, NULL, NULL},
    {"broken YAML", TENANT "state: 'open\n", 7, GW_R_CONFIG_SYNTAX, NULL, NULL},
    {"a tab for indentation", "tenant:\n\tname: A\n", 2, GW_R_CONFIG_SYNTAX, NULL, NULL},
    {"not UTF-8", "tenant: \xff\n", 0, GW_R_CONFIG_SYNTAX, NULL, NULL},
    {"empty file", "", 0, GW_R_CONFIG_NO_ROLE, "There is neither tenant nor osci_server.",
     "Weder tenant noch osci_server ist eingetragen."},
    {"only a comment", "# nothing\n", 0, GW_R_CONFIG_NO_ROLE, NULL, NULL},
    {"a list as a whole", "- a\n", 1, GW_R_CONFIG_VALUE, NULL, NULL},
    {"no role", "state: /var/lib/x\n", 0, GW_R_CONFIG_NO_ROLE, NULL, NULL},
    {"certificate without key",
     "tenant:\n  name: A\n  identity:\n    signature: {certificate: c}\n    cipher: " PAIR "\n", 4,
     GW_R_CONFIG_PAIR, "'identity.signature' needs either certificate and key or pkcs12, not both.",
     NULL},
    {"PEM and PKCS#12",
     "tenant:\n  name: A\n  identity:\n    signature: " PAIR
     "\n    cipher: {certificate: c, key: k, pkcs12: p}\n",
     5, GW_R_CONFIG_PAIR, NULL, NULL},
    {"a key in a token without its library", TOKEN("token=t;object=o", ""), 4, GW_R_CONFIG_MISSING,
     "'module' is missing.", NULL},
    {"a token, and no key in it", TOKEN("token=t", ", module: m"), 4, GW_R_CONFIG_TOKEN,
     "'identity.signature': pkcs11:token=t names nothing in a token: neither object nor id is "
     "named.",
     NULL},
    {"a PIN in the settings", TOKEN("object=o?pin-value=1", ", module: m"), 4, GW_R_CONFIG_TOKEN,
     NULL, NULL},
    {"a library in the URI", TOKEN("object=o?module-path=/m", ", module: m"), 4, GW_R_CONFIG_TOKEN,
     NULL, NULL},
    {"no URI", TOKEN("object=%zz", ", module: m"), 4, GW_R_CONFIG_TOKEN, NULL, NULL},
    {"TLS with a token",
     TENANT
     "xta_server:\n  instance: i\n  listeners:\n    - port: 1\n      tls: {certificate: c, key: "
     "'pkcs11:object=o', module: m}\n      client_authorities: [a]\n",
     10, GW_R_CONFIG_TOKEN,
     "'tls': pkcs11:object=o names nothing in a token: keys for TLS must be files.", NULL},
    {"a next certificate on no day", TENANT "    next: [{from: soon, cipher: " PAIR "}]\n", 6,
     GW_R_CONFIG_VALUE,
     "'tenant.identity.next[1].from' cannot be 'soon'; allowed: day or time, 2027-01-01 or "
     "2027-01-01T06:00:00+01:00 for instance.",
     NULL},
    {"a next certificate of nothing", TENANT "    next: [{from: 2027-01-01}]\n", 6,
     GW_R_CONFIG_MISSING, NULL, NULL},
    {"next certificates out of order",
     TENANT "    next:\n      - {from: 2027-01-02, cipher: " PAIR "}\n"
            "      - {from: 2027-01-01, cipher: " PAIR "}\n",
     8, GW_R_CONFIG_NEXT, NULL, NULL},
    {"half of a next certificate",
     TENANT "    next: [{from: 2027-01-01, signature: {certificate: c}}]\n", 6, GW_R_CONFIG_PAIR,
     NULL, NULL},
    {"next TLS of a listener without",
     TENANT "osci_server:\n  self_registering: true\n  listeners:\n"
            "    - {port: 1, next_tls: [{from: 2027-01-01, tls: " PAIR "}]}\n",
     9, GW_R_CONFIG_MISSING, "'tls' is missing.", NULL},
    {"URL without scheme",
     TENANT "intermediaries:\n  - name: d\n    cipher_certificate: i\n    url: host/osci\n", 9,
     GW_R_CONFIG_URL, "'url': 'host/osci' is no address with http:// or https://.", NULL},
    {"URL without host",
     TENANT "intermediaries: [{name: d, cipher_certificate: i, url: 'https:///osci'}]\n", 6,
     GW_R_CONFIG_URL, NULL, NULL},
    {"URL with a blank",
     TENANT "intermediaries: [{name: d, cipher_certificate: i, url: 'https://a b/'}]\n", 6,
     GW_R_CONFIG_URL, NULL, NULL},
    {"two intermediaries of one name",
     TENANT "intermediaries:\n  - " INTERMEDIARY "\n  - " INTERMEDIARY "\n", 8,
     GW_R_CONFIG_DUPLICATE_NAME, "'demo' already stands for intermediaries.name in line 7.",
     "'demo' steht bei intermediaries.name schon in Zeile 7."},
    {"partner at an unknown intermediary",
     TENANT "intermediaries: [" INTERMEDIARY "]\npartners:\n  - name: B\n    intermediary: dmeo\n"
            "    cipher_certificate: b.pem\n",
     9, GW_R_CONFIG_REFERENCE,
     "'intermediary' names 'dmeo', which is missing under intermediaries.", NULL},
    {"an address for two partners",
     TENANT "intermediaries: [" INTERMEDIARY "]\npartners:\n"
            "  - {name: B, intermediary: demo, cipher_certificate: b, addresses: [x]}\n"
            "  - {name: C, intermediary: demo, cipher_certificate: c, addresses: [x]}\n",
     9, GW_R_CONFIG_DUPLICATE_NAME, "'x' already stands for partners.addresses in line 8.", NULL},
    {"route to an unknown partner",
     TENANT "endpoints:\n  - name: e\n    routes:\n"
            "      - {partner: Nirgendwo}\n",
     9, GW_R_CONFIG_REFERENCE, "'partner' names 'Nirgendwo', which is missing under partners.",
     NULL},
    {"route without partner and xpath",
     TENANT "endpoints:\n  - name: e\n    routes:\n"
            "      - {files: '*'}\n",
     9, GW_R_CONFIG_ROUTE, "The route lacks 'partner'.", NULL},
    {"route with an impossible XPath",
     TENANT "endpoints:\n  - name: e\n    routes:\n"
            "      - {xpath: '//a[', partner: B}\n",
     9, GW_R_CONFIG_VALUE, "'xpath' cannot be '//a['; allowed: an XPath 1.0 expression.", NULL},
    {"forward without the partner's URL",
     TENANT INTERMEDIARIES "partners:\n  - name: B\n    intermediary: demo\n    delivery: forward\n"
                           "    cipher_certificate: b.pem\n",
     8, GW_R_CONFIG_WAY_URL, "delivery: forward is not possible, since B has no receiver_url.",
     NULL},
    {"a route that mediates without the partner's URL",
     TENANT INTERMEDIARIES "partners: [" PARTNER "]\nendpoints:\n  - name: e\n    routes:\n"
                           "      - {partner: B, delivery: mediate}\n",
     11, GW_R_CONFIG_WAY_URL, NULL, NULL},
    {"a route by address that forwards, one of the partners without URL",
     TENANT INTERMEDIARIES
     "partners:\n"
     "  - {name: B, intermediary: demo, cipher_certificate: b, addresses: [x]}\n"
     "  - {name: C, intermediary: demo, cipher_certificate: c}\n"
     "endpoints:\n  - name: e\n    routes:\n      - {xpath: //a, delivery: forward}\n",
     13, GW_R_CONFIG_WAY_URL, NULL, NULL},
    {"mediate in implicit dialogs",
     TENANT "intermediaries: [{name: demo, url: 'http://h/', cipher_certificate: i, dialog: "
            "implicit}]\npartners:\n  - {name: B, intermediary: demo, cipher_certificate: b,"
            " delivery: mediate, receiver_url: 'http://h/'}\n",
     8, GW_R_CONFIG_WAY_DIALOG,
     "delivery: mediate to B needs explicit dialogs, demo has dialog: implicit.", NULL},
    {"no such way",
     TENANT INTERMEDIARIES "endpoints:\n  - {name: e, routes: [{partner: B, delivery: bring}]}\n",
     8, GW_R_CONFIG_VALUE, NULL, NULL},
    {"answers without a door for requests", TENANT "endpoints:\n  - {name: e, answers: {}}\n", 7,
     GW_R_CONFIG_MISSING, "'osci_recipient' is missing.", NULL},
    {"a scanner of no kind", TENANT "virus_scan: {max_mb: 10}\n", 6, GW_R_CONFIG_MISSING,
     "'virus_scan.clamd' is missing.", NULL},
    {"two scanners", TENANT "virus_scan: {clamd: /run/c, command: [/bin/true]}\n", 6,
     GW_R_CONFIG_VALUE, NULL, NULL},
    {"a scanner in the network", TENANT "virus_scan: {clamd: '192.0.2.1:3310'}\n", 6,
     GW_R_CONFIG_VALUE,
     "'virus_scan.clamd' cannot be '192.0.2.1:3310'; allowed: the absolute path of a socket, or "
     "127.0.0.1:PORT.",
     NULL},
    {"a scanner's program without its path", TENANT "virus_scan: {command: [clamscan]}\n", 6,
     GW_R_CONFIG_VALUE, "'command' cannot be 'clamscan'; allowed: /....", NULL},
    {"no such way with large files",
     TENANT "virus_scan: {clamd: '127.0.0.1:3310', too_large: hold}\n", 6, GW_R_CONFIG_VALUE,
     "'virus_scan.too_large' cannot be 'hold'; allowed: refuse or pass.", NULL},
    {"a command without its path",
     TENANT "intermediaries: [" PINNED "]\nosci_recipient: {listeners: [{port: 1}]}\n"
            "endpoints:\n  - name: e\n    answers: {command: [answer, now]}\n",
     10, GW_R_CONFIG_VALUE, "'command' cannot be 'answer'; allowed: /....", NULL},
    {"a recipient that knows nobody's signature",
     TENANT "osci_recipient: {listeners: [{port: 1}]}\nintermediaries:\n  - " INTERMEDIARY "\n", 8,
     GW_R_CONFIG_UNPINNED,
     "Nothing is taken from demo, since its signature_certificate is missing.", NULL},
    {"two default endpoints",
     TENANT "endpoints:\n  - {name: e, receives: {default: true}}\n"
            "  - {name: f, receives: {default: true}}\n",
     8, GW_R_CONFIG_TWO_DEFAULTS, NULL, NULL},
    {"one folder for two endpoints",
     TENANT "endpoints:\n  - {name: e, folder: /s/e}\n  - {name: f, folder: /s/e}\n", 8,
     GW_R_CONFIG_DUPLICATE_NAME, "'/s/e' already stands for endpoints.folder in line 7.", NULL},
    {"endpoints without tenant", SERVER "endpoints:\n  - {name: e}\n", 5, GW_R_CONFIG_MISSING,
     "'tenant' is missing.", NULL},
    {"port out of range",
     TENANT "osci_server:\n  mailboxes: [{name: A, cipher_certificate: a}]\n"
            "  listeners:\n    - port: 70000\n",
     9, GW_R_CONFIG_VALUE,
     "'osci_server.listeners[1].port' cannot be '70000'; allowed: number from 0 to 65535.", NULL},
    {"server without listener", TENANT "osci_server:\n  self_registering: true\n", 6,
     GW_R_CONFIG_MISSING, "'osci_server.listeners' is missing.", NULL},
    {"server with an empty list of listeners",
     TENANT "osci_server:\n  self_registering: true\n  listeners: []\n", 8, GW_R_CONFIG_VALUE,
     "'osci_server.listeners' cannot be '[...]'; allowed: list of blocks, at least 1, at most 64.",
     NULL},
    {"server without mailboxes", TENANT "osci_server:\n  listeners: [{port: 1}]\n", 6,
     GW_R_CONFIG_MISSING, "'osci_server.mailboxes' is missing.", NULL},
    {"server without identity",
     "osci_server:\n  listeners: [{port: 1}]\n  mailboxes: [{name: A, cipher_certificate: a}]\n", 1,
     GW_R_CONFIG_MISSING, "'osci_server.identity' is missing.", NULL},
    {"a block with tenants needs no identity",
     "osci_server:\n  listeners: [{port: 1}]\n  tenants:\n    - name: T\n      path: /t\n", 4,
     GW_R_CONFIG_MISSING, "'osci_server.tenants[1].identity' is missing.", NULL},
    {"tenant without a door",
     SERVER "  tenants:\n    - name: T\n      identity: {signature: " PAIR ", cipher: " PAIR "}\n"
            "      mailboxes: [{name: A, cipher_certificate: a}]\n",
     6, GW_R_CONFIG_MISSING, "'osci_server.tenants.path' is missing.", NULL},
    {"tenant with two doors",
     SERVER "  tenants:\n    - name: T\n      identity: {signature: " PAIR ", cipher: " PAIR "}\n"
            "      mailboxes: [{name: A, cipher_certificate: a}]\n      path: /t\n"
            "      listeners: [{port: 1}]\n",
     9, GW_R_CONFIG_VALUE, "'path' cannot be '/t'; allowed: path or listeners, not both.", NULL},
    {"tenant at the block's own path",
     SERVER "  tenants:\n    - name: T\n      identity: {signature: " PAIR ", cipher: " PAIR "}\n"
            "      mailboxes: [{name: A, cipher_certificate: a}]\n      path: /osci\n",
     9, GW_R_CONFIG_DUPLICATE_NAME,
     "'/osci' already stands for osci_server.tenants.path in line 3.", NULL},
    {"tenant without mailboxes",
     SERVER "  tenants:\n    - name: T\n      identity: {signature: " PAIR ", cipher: " PAIR "}\n"
            "      path: /t\n",
     6, GW_R_CONFIG_MISSING, "'osci_server.mailboxes' is missing.", NULL},
    {"listener path without slash",
     TENANT "osci_server:\n  mailboxes: [{name: A, cipher_certificate: a}]\n"
            "  listeners: [{port: 1, path: osci}]\n",
     8, GW_R_CONFIG_VALUE, "'path' cannot be 'osci'; allowed: /....", NULL},
    {"longest wait below the first", TENANT "retry:\n  first_seconds: 100\n  max_seconds: 10\n", 8,
     GW_R_CONFIG_VALUE,
     "'retry.max_seconds' cannot be '10'; allowed: at least retry.first_seconds.", NULL},
    {"log file not named", TENANT "log:\n  target: file\n", 6, GW_R_CONFIG_MISSING,
     "'log.file' is missing.", NULL},
    {"a second document", TENANT "---\nstate: x\n", 7, GW_R_CONFIG_SYNTAX,
     "This is not valid YAML: a second document begins (---).", NULL},
    {"rubbish after the document", TENANT "...\n@@\n", 7, GW_R_CONFIG_SYNTAX, NULL, NULL},
    {"NUL inside a text", TENANT "state: \"a\\0b\"\n", 6, GW_R_CONFIG_VALUE, NULL, NULL},
};

static void bad_row(void **state)
{
    const struct bad_row *row = *state;
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    const struct gw_config *config = NULL;
    struct error err = {0};
    const struct gw_config_finding *f;

    gw_config_report_init(&report);
    assert_int_equal(gw_config_read(span_str(row->yaml), "d/x.yaml", &config, &report, &err),
                     ST_INVALID);
    assert_null(config);
    f = &report.findings[0];
    while (f < report.findings + report.count && f->warning)
        f++;
    if (f->code != row->code || f->line != row->line)
        print_message("got %s:%d: %d %s\n", report.file, f->line, f->code, f->en);
    assert_int_equal(f->code, row->code);
    assert_int_equal(f->line, row->line);
    if (row->en != NULL)
        assert_string_equal(f->en, row->en);
    if (row->de != NULL)
        assert_string_equal(f->de, row->de);
    assert_int_equal(err.reason, row->code);
    assert_non_null(strstr(err.text, "d/x.yaml"));
}

static const char full[] = TENANT "trust: {osci: [ca.pem, /abs/ca.pem]}\n"
                                  "intermediaries: [" INTERMEDIARY "]\n"
                                  "partners:\n"
                                  "  - name: Stadt Beheim\n"
                                  "    intermediary: demo\n"
                                  "    cipher_certificate: b.pem\n"
                                  "    addresses: [09999012-BAUAMT-80]\n"
                                  "endpoints:\n"
                                  "  - name: meldewesen\n"
                                  "    folder: spool/meldewesen\n"
                                  "    complete: settled\n"
                                  "    receives: {message_types: [a, b]}\n"
                                  "    routes:\n"
                                  "      - {files: '*.xml', xpath: '//Id'}\n"
                                  "      - {partner: Stadt Beheim, subject: ~}\n"
                                  "osci_server:\n"
                                  "  listeners: [{port: 0}]\n"
                                  "  self_registering: yes\n"
                                  "log: {level: debug}\n";

static void good(void **state)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(gw_config_drop) const struct gw_config *c = NULL;
    struct error err = {0};

    (void)state;
    gw_config_report_init(&report);
    assert_int_equal(gw_config_read(span_str(full), "/etc/depesche/x.yaml", &c, &report, &err),
                     ST_OK);
    assert_string_equal(c->state, "/var/lib/depesche");
    assert_string_equal(c->tenants[0].name, "Stadt Ahausen");
    assert_string_equal(c->tenants[0].identity.cipher.key, "/etc/depesche/k.pem");
    assert_int_equal(c->trust.osci_count, 2);
    assert_string_equal(c->trust.osci[0], "/etc/depesche/ca.pem");
    assert_string_equal(c->trust.osci[1], "/abs/ca.pem");
    assert_int_equal(c->trust.tls_count, 0);
    assert_int_equal(c->api.mode, 0660);
    assert_string_equal(c->api.socket, "/run/depesche/api.sock");
    assert_int_equal(c->intermediaries[0].poll_seconds, 60);
    assert_int_equal(c->intermediaries[0].dialog, GW_DIALOG_EXPLICIT);
    assert_true(c->intermediaries[0].fetch);
    assert_null(c->intermediaries[0].tls);
    assert_ptr_equal(gw_config_partner(c, "Stadt Beheim"), &c->partners[0]);
    assert_null(gw_config_partner(c, "Stadt C"));
    assert_ptr_equal(gw_config_address(c, NULL, SPAN("09999012-BAUAMT-80")), &c->partners[0]);
    assert_null(gw_config_address(c, NULL, SPAN("x")));
    assert_ptr_equal(gw_config_intermediary(c, "demo"), &c->intermediaries[0]);
    assert_ptr_equal(gw_config_endpoint(c, "meldewesen"), &c->endpoints[0]);
    assert_int_equal(c->endpoints[0].complete, GW_COMPLETE_SETTLED);
    assert_int_equal(c->endpoints[0].settled_seconds, 5);
    assert_false(c->endpoints[0].receives.by_default);
    assert_string_equal(c->endpoints[0].receives.message_types[1], "b");
    assert_int_equal(c->endpoints[0].routes_count, 2);
    assert_null(c->endpoints[0].routes[0].partner);
    assert_null(c->endpoints[0].routes[1].subject);
    assert_ptr_equal(c->osci_server->identity, &c->tenants[0].identity);
    assert_string_equal(c->osci_server->listeners[0].address, "127.0.0.1");
    assert_string_equal(c->osci_server->listeners[0].path, "/osci");
    assert_int_equal(c->osci_server->undelivered_days, 90);
    assert_true(c->osci_server->require_signature);
    assert_int_equal(c->retry.first_seconds, 30);
    assert_int_equal(c->log.level, GW_LOG_DEBUG);
    assert_int_equal(c->log.target, GW_LOG_STDERR);
    assert_int_equal(report.errors, 0);
    assert_int_equal(report.count, 1); /* the warning about open mailboxes */
    assert_int_equal(report.findings[0].code, GW_R_CONFIG_OPEN_MAILBOXES);
}

/* Cut anywhere, a file is either good or has findings; never both, never neither. */
static void cut_everywhere(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof full; len++) {
        AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
        AUTO(gw_config_drop) const struct gw_config *c = NULL;
        struct error err = {0};
        enum status st;

        gw_config_report_init(&report);
        st = gw_config_read(span_of(full, len), "x.yaml", &c, &report, &err);
        assert_int_equal(st == ST_OK, report.errors == 0);
        assert_int_equal(st == ST_OK, c != NULL);
    }
}

/* All that is wrong in one go, in the order of lines. */
static void collected(void **state)
{
    static const char yaml[] = "stat: x\n"
                               "retry: {first_seconds: 0, expire_dais: 3}\n"
                               "endpoints:\n"
                               "  - folder: f\n"
                               "api: {mode: 9}\n";
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(buf_deinit) struct buf text = {0};
    const struct gw_config *c = NULL;
    struct error err = {0};

    (void)state;
    gw_config_report_init(&report);
    buf_init(&text, 10000);
    assert_int_equal(gw_config_read(SPAN(yaml), "x.yaml", &c, &report, &err), ST_INVALID);
    gw_config_report_text(&report, GW_LANG_EN, &text);
    assert_string_equal(buf_cstr(&text),
                        "x.yaml:1: The key 'stat' is not known, did you mean 'state'? (D-1203)\n"
                        "    Correct the spelling.\n"
                        "x.yaml:2: The key 'expire_dais' is not known, did you mean "
                        "'expire_days'? (D-1203)\n"
                        "    Correct the spelling.\n"
                        "x.yaml:2: 'retry.first_seconds' cannot be '0'; allowed: number from 1 to "
                        "86400. (D-1205)\n"
                        "    Correct the value.\n"
                        "x.yaml:3: 'tenant' is missing. (D-1204)\n"
                        "    Add the key.\n"
                        "x.yaml:4: 'endpoints[1].name' is missing. (D-1204)\n"
                        "    Add the key.\n"
                        "x.yaml:5: 'api.mode' cannot be '9'; allowed: permissions, octal, at most "
                        "0777. (D-1205)\n"
                        "    Correct the value.\n");
}

static void many_findings(void **state)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(buf_deinit) struct buf yaml = {0}, text = {0};
    const struct gw_config *c = NULL;
    struct error err = {0};

    (void)state;
    gw_config_report_init(&report);
    buf_init(&yaml, 100000);
    buf_init(&text, 100000);
    for (int i = 0; i < GW_CONFIG_FINDINGS_MAX + 20; i++)
        buf_printf(&yaml, "banana%d: 1\n", i);
    assert_int_equal(gw_config_read(buf_span(&yaml), "x.yaml", &c, &report, &err), ST_INVALID);
    assert_int_equal(report.count, GW_CONFIG_FINDINGS_MAX);
    gw_config_report_text(&report, GW_LANG_DE, &text);
    assert_non_null(strstr(buf_cstr(&text), "... und 20 weitere Fehler\n"));
}

static void file_put(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void finding_expect(const struct gw_config_report *report, int code, int line,
                           const char *part)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->findings[i].code == code && report->findings[i].line == line &&
            strstr(report->findings[i].en, part) != NULL)
            return;
    fail_msg("no finding %d in line %d with '%s'", code, line, part);
}

/* What a file names is looked at: there, readable, secret, a certificate; users and folders too. */
static void files(void **state)
{
    char dir[] = "/tmp/test_config.XXXXXX", path[64];
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    const struct gw_config *c = NULL;
    struct error err = {0};

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    file_put("k.pem", "key", 0644);
    file_put("c.pem", "no certificate", 0644);
    file_put("x.yaml",
             "state: nowhere/state\n"
             "tenant:\n"
             "  name: A\n"
             "  identity:\n"
             "    signature:\n"
             "      certificate: c.pem\n"
             "      key: k.pem\n"
             "    cipher: {certificate: none.pem, key: none.key}\n"
             "api: {admins: [root, '0', no-such-user-here], owner: no-such-owner-here, group: "
             "no-such-group-here}\n",
             0600);
    gw_config_report_init(&report);
    (void)snprintf(path, sizeof path, "%s/x.yaml", dir);
    assert_int_equal(gw_config_load(path, &c, &report, &err), ST_INVALID);
    finding_expect(&report, GW_R_CONFIG_FILE_MISSING, 1, "nowhere");
    finding_expect(&report, GW_R_CONFIG_CERTIFICATE, 6, "c.pem");
    finding_expect(&report, GW_R_CONFIG_KEY_MODE, 7, "0644");
    finding_expect(&report, GW_R_CONFIG_FILE_MISSING, 8, "none.pem");
    finding_expect(&report, GW_R_CONFIG_FILE_MISSING, 8, "none.key");
    finding_expect(&report, GW_R_CONFIG_USER, 9, "no-such-user-here");
    finding_expect(&report, GW_R_CONFIG_USER, 9, "no-such-owner-here");
    finding_expect(&report, GW_R_CONFIG_USER, 9, "no-such-group-here");
    assert_int_equal(report.errors, 8);
    assert_int_equal(unlink("k.pem") | unlink("c.pem") | unlink("x.yaml"), 0);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void not_there(void **state)
{
    AUTO(gw_config_report_deinit) struct gw_config_report report = {0};
    AUTO(buf_deinit) struct buf text = {0};
    const struct gw_config *c = NULL;
    struct error err = {0};

    (void)state;
    gw_config_report_init(&report);
    buf_init(&text, 10000);
    assert_int_equal(gw_config_load("/nonexistent/x.yaml", &c, &report, &err), ST_NOT_FOUND);
    gw_config_report_text(&report, GW_LANG_DE, &text);
    assert_string_equal(
        buf_cstr(&text),
        "/nonexistent/x.yaml: /nonexistent/x.yaml kann nicht gelesen werden: "
        "Datei oder Ordner nicht vorhanden. (D-1200)\n    Pfad und Zugriffsrechte prüfen.\n");
}

/* The table itself: sentences in both languages, defaults that fit their own bounds. */
static void table_check(const struct gw_config_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct gw_config_row *row = &table->rows[i];

        assert_non_null(row->de);
        assert_non_null(row->en);
        assert_false(row->required && row->preset != NULL);
        assert_true(row->offset < table->size);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(row->key, table->rows[k].key);
        if (row->sub != NULL)
            table_check(row->sub);
    }
}

static void schema(void **state)
{
    (void)state;
    table_check(&gw_config_schema);
    table_check(&gw_directory_schema);
}

#define MAN_PAGE TEST_VECTORS "/../../docs/man/depesche.yaml.5"
static const char man_end[] = ".\\\" end of what is generated\n";
static const struct man_part {
    const struct gw_config_table *table;
    const char *begin;
} man_parts[] = {
    {&gw_config_schema, "the table in gateway/config_schema.c; WRITE_MAN=1 test_config writes it "
                        "anew\n"},
    {&gw_directory_schema, "the table of the directory in gateway/config_schema.c\n"},
};

static void page_read(struct buf *b)
{
    FILE *f = fopen(MAN_PAGE, "r");
    int c;

    assert_non_null(f);
    while ((c = fgetc(f)) != EOF)
        buf_char(b, (char)c);
    assert_int_equal(fclose(f), 0);
}

/* One generated part of the page is what its table says, or is made so. */
static void man_part_check(const struct man_part *part)
{
    AUTO(buf_deinit) struct buf page = {0}, want = {0};
    const char *begin, *end;

    buf_init(&page, 1024 * 1024);
    buf_init(&want, 1024 * 1024);
    page_read(&page);
    begin = strstr(buf_cstr(&page), part->begin);
    assert_non_null(begin);
    begin += strlen(part->begin);
    end = strstr(begin, man_end);
    assert_non_null(end);
    gw_config_doc_roff(&want, part->table);
    if (getenv("WRITE_MAN") != NULL) {
        FILE *f = fopen(MAN_PAGE, "w");

        assert_non_null(f);
        assert_true(fprintf(f, "%.*s%s%s", (int)(begin - buf_cstr(&page)), buf_cstr(&page),
                            buf_cstr(&want), end) > 0);
        assert_int_equal(fclose(f), 0);
        return;
    }
    if (!span_eq(span_of(begin, (size_t)(end - begin)), buf_span(&want)))
        fail_msg("docs/man/depesche.yaml.5 is not what the table says; run WRITE_MAN=1 %s",
                 "test_config");
}

/* The manual's lists of settings are the tables'. */
static void man_page(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(man_parts); i++)
        man_part_check(&man_parts[i]);
}

int main(void)
{
    static struct CMUnitTest tests[ARRAY_LEN(bad_rows) + 8];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++)
        tests[n++] = (struct CMUnitTest){bad_rows[i].name, bad_row, NULL, NULL, &bad_rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(good);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(cut_everywhere);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(collected);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(many_findings);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(files);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(not_there);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(schema);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(man_page);
    return _cmocka_run_group_tests("config", tests, n, NULL, NULL);
}
