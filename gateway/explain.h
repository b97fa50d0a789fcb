/*
 * gateway/explain.h - what a reason code means to the people who read it
 *
 * One catalogue for every reason the gateway can give: the feedback codes of OSCI 1.2 (0800 to
 * 9950) as they are, and our own from 10000 on. Each says in German and English what happened,
 * whose side it is on, and what to do next. The texts go into .error.txt beside refused files, into
 * receipts, the API's problem documents and the command's output. Text holds {name} where a field
 * of that name is filled in; a field that is missing leaves "?", so no text ever fails.
 *
 * People know a reason by its code, D-1300 say, which stands in docs/errors.md and never changes
 * its meaning. gw_explain_code makes it; nobody prints the number itself.
 *
 * A new reason: one row in the enum here, one in the table in explain_own.c, one section in
 * docs/errors.md (`explain_page`, built with the tests, writes it); the tests find the gap.
 */
#pragma once

#include "crypto/base/buf.h"

enum gw_lang { GW_LANG_DE, GW_LANG_EN };

/* Where the matter lies, and so who has to act. */
enum gw_side {
    GW_SIDE_NOBODY,       /* nothing is wrong, or it settles by itself */
    GW_SIDE_US,           /* the operator of this gateway: settings, keys, rights, programs */
    GW_SIDE_APPLICATION,  /* the line-of-business program (Fachverfahren) */
    GW_SIDE_PARTNER,      /* the authority at the other end */
    GW_SIDE_INTERMEDIARY, /* the intermediary between, or somebody else's XTA server */
    GW_SIDE_NETWORK,      /* name look-up, routing, firewall, TLS on the way */
    GW_SIDE_DIRECTORY, /* what is known of the partners: the settings' own, DVDV, lookupService */
    GW_SIDE_CERTIFICATES, /* expired, revoked, not trusted; whose it is the sentence says */
    GW_SIDE_STORAGE,      /* disk and index of this gateway */
    GW_SIDE_COUNT
};

/* Our own reasons; the fields their texts use stand behind. They never go to an OSCI peer. */
enum gw_reason {
    /* drop folder */
    GW_R_SPOOL_NO_ROUTE = 10000,      /* file, endpoint */
    GW_R_SPOOL_BAD_META = 10001,      /* file, detail */
    GW_R_SPOOL_EMPTY = 10002,         /* file */
    GW_R_SPOOL_TOO_LARGE = 10003,     /* file, size, max */
    GW_R_SPOOL_UNREADABLE = 10004,    /* file, detail */
    GW_R_SPOOL_CHANGED = 10005,       /* file: it grew while being taken in */
    GW_R_SPOOL_NOT_A_FILE = 10006,    /* file: a link, device or socket */
    GW_R_SPOOL_BAD_NAME = 10007,      /* file */
    GW_R_SPOOL_XPATH_EMPTY = 10008,   /* file, xpath */
    GW_R_SPOOL_NOT_XML = 10009,       /* file, detail */
    GW_R_SPOOL_FOLDER = 10010,        /* folder, detail: the endpoint's folder cannot be used */
    GW_R_SPOOL_BUSY = 10011,          /* file, detail: locked, or a share stumbles */
    GW_R_SPOOL_NOT_SIGNALLED = 10012, /* file, detail: no marker or manifest beside it */
    GW_R_SPOOL_SIGNAL_ALONE = 10013,  /* file: a marker or manifest without its file */
    GW_R_SPOOL_DIGEST = 10014,        /* file, detail: not what the manifest says */
    GW_R_SPOOL_SHARE = 10015,         /* folder: it was ours and is not there: not mounted? */
    /* route and recipient */
    GW_R_PARTNER_UNKNOWN = 10100,        /* recipient */
    GW_R_PARTNER_NO_CERTIFICATE = 10101, /* recipient */
    GW_R_ENDPOINT_UNKNOWN = 10102,       /* endpoint */
    GW_R_ADDRESS_UNKNOWN = 10103,        /* file, address: what the XPath found belongs to nobody */
    GW_R_NO_ENDPOINT_FOR_TYPE = 10104,   /* message_type: no endpoint receives it */
    GW_R_ROUTE_UNDECIDED = 10105,        /* detail: nobody can say which route holds */
    GW_R_TENANT_OTHER = 10106,           /* detail: whose message it is, and whose recipient */
    GW_R_ROUTE_WORK = 10107,             /* detail: all XPaths together take too long on it */
    /* configuration */
    GW_R_CONFIG_UNREADABLE = 10200,     /* file, detail */
    GW_R_CONFIG_SYNTAX = 10201,         /* detail */
    GW_R_CONFIG_UNKNOWN_KEY = 10202,    /* key */
    GW_R_CONFIG_DID_YOU_MEAN = 10203,   /* key, suggestion */
    GW_R_CONFIG_MISSING = 10204,        /* key */
    GW_R_CONFIG_VALUE = 10205,          /* key, value, expected */
    GW_R_CONFIG_DUPLICATE_KEY = 10206,  /* key, first */
    GW_R_CONFIG_DUPLICATE_NAME = 10207, /* key, value, first */
    GW_R_CONFIG_REFERENCE = 10208,      /* key, value, list */
    GW_R_CONFIG_FILE_MISSING = 10209,   /* key, path, detail */
    GW_R_CONFIG_KEY_MODE = 10210,       /* key, path, owner, mode, right_owner, right_mode */
    GW_R_CONFIG_PAIR = 10211,           /* key: neither certificate+key nor pkcs12 */
    GW_R_CONFIG_URL = 10212,            /* key, value */
    GW_R_CONFIG_ROUTE = 10213,          /* key: neither partner nor xpath */
    GW_R_CONFIG_NO_ROLE = 10214,        /* neither tenant nor osci_server */
    GW_R_CONFIG_OPEN_MAILBOXES = 10215, /* warning: anybody may have a mailbox */
    GW_R_CONFIG_USER = 10216,           /* key, value: no such user on this machine */
    GW_R_CONFIG_CERTIFICATE = 10217,    /* key, path, detail: the file holds no certificate */
    GW_R_CONFIG_TWO_DEFAULTS = 10218,   /* key: a second endpoint receives by default */
    GW_R_CONFIG_WAY_URL = 10219,        /* value, partner: forward or mediate without a URL */
    GW_R_CONFIG_WAY_DIALOG = 10220,     /* partner, intermediary: mediate in implicit dialogs */
    GW_R_CONFIG_UNPINNED = 10221,       /* intermediary: it may not deliver to us */
    GW_R_CONFIG_AMBIGUOUS = 10222,      /* key, value, list: the name of several things */
    GW_R_CONFIG_ROUTE_SHADOWED = 10223, /* value, route, first: it can never hold */
    GW_R_CONFIG_REGEX = 10224,          /* key, value, detail */
    GW_R_CONFIG_STYLESHEET = 10225,     /* value, detail */
    GW_R_CONFIG_TENANT = 10226,         /* key, value: it does not say whose it is */
    GW_R_CONFIG_TENANT_OTHER = 10227,   /* key, value, tenant, other: it is another tenant's */
    GW_R_CONFIG_REFUSED = 10230,        /* detail: new settings that do not become those in force */
    GW_R_CONFIG_FELL_BACK = 10231,      /* nothing: the check was passed, the start was not */
    GW_R_CONFIG_NOT_SEEN = 10232,       /* nothing: the daemon has not begun anew in time */
    GW_R_CONFIG_PENDING = 10233,        /* nothing: the file is newer than the settings in force */
    /* network */
    GW_R_NET_NAME = 10300,            /* host */
    GW_R_NET_REFUSED = 10301,         /* host, port */
    GW_R_NET_TIMEOUT = 10302,         /* host, seconds */
    GW_R_NET_TLS = 10303,             /* host, detail */
    GW_R_NET_TLS_TRUST = 10304,       /* host, detail: its certificate is not trusted */
    GW_R_NET_HTTP = 10305,            /* host, http_status */
    GW_R_NET_CUT = 10306,             /* host: the connection ended in the middle */
    GW_R_NET_ANSWER = 10307,          /* host, detail: no OSCI, or not signed by whom it must be */
    GW_R_NET_CLIENT_CERT = 10308,     /* host: it wants a client certificate we do not have */
    GW_R_NET_UNREACHABLE = 10320,     /* host: no route */
    GW_R_NET_PROXY = 10321,           /* detail */
    GW_R_NET_CONNECT_TIMEOUT = 10322, /* host, port: nobody answers the attempt to connect */
    GW_R_NET_TLS_NAME = 10323,        /* host: its certificate is for another name */
    GW_R_NET_TLS_EXPIRED = 10324,     /* host, detail: its certificate, or not yet valid */
    GW_R_NET_TLS_REVOKED = 10325,     /* host */
    GW_R_NET_TLS_OWN = 10326,         /* host, detail: a TLS file of ours cannot be used */
    GW_R_NET_CLIENT_REFUSED = 10327,  /* host, detail: it refuses our client certificate */
    GW_R_NET_URL = 10328,             /* detail */
    GW_R_NET_HTTP_AUTH = 10329,       /* host, http_status: as all to HTTP_GATEWAY */
    GW_R_NET_HTTP_DENIED = 10330,
    GW_R_NET_HTTP_PATH = 10331,
    GW_R_NET_HTTP_LARGE = 10332,
    GW_R_NET_HTTP_BUSY = 10333,
    GW_R_NET_HTTP_FAULT = 10334,
    GW_R_NET_HTTP_REDIRECT = 10335,
    GW_R_NET_HTTP_GATEWAY = 10336, /* what stands before it cannot reach it */
    GW_R_NET_LOGIN = 10337,        /* host, recipient, detail: user or password are refused */
    GW_R_NET_HOST_KEY = 10338,     /* host, recipient, detail: its SSH key is not the known one */
    /* store */
    GW_R_STORE_FULL = 10400,      /* path, detail */
    GW_R_STORE_WRITE = 10401,     /* path, detail */
    GW_R_STORE_DAMAGED = 10402,   /* path, detail */
    GW_R_STORE_LOCKED = 10403,    /* path: another process has it */
    GW_R_MESSAGE_UNKNOWN = 10404, /* id */
    GW_R_MESSAGE_STATE = 10405,   /* id, state: not possible in this state */
    GW_R_FILE_UNKNOWN = 10406,    /* id, file */
    GW_R_NOT_OPENED = 10407,      /* id: in quarantine, and there is nothing to hand over */
    GW_R_PAYLOAD_GONE = 10408,    /* id: its content was deleted after its time */
    GW_R_SUBMITTED = 10409,       /* id, recipient, state: too late to cancel it */
    GW_R_IN_TRANSMISSION = 10410, /* id: it is being sent at this very moment */
    GW_R_BACKUP = 10411,          /* path, detail */
    GW_R_BACKUP_UNUSABLE = 10412, /* path, detail */
    GW_R_RESTORED = 10413,        /* a message from a backup: nobody knows whether it was sent */
    GW_R_STORE_DENIED = 10420,    /* path, detail: no right to write, or a read-only disk */
    GW_R_STORE_BUSY = 10421,      /* path, detail */
    GW_R_STORE_HANDLES = 10422,   /* detail: too many open files */
    GW_R_STORE_NEWER = 10423,     /* path: made by a newer version */
    GW_R_DISK_LOW = 10430,        /* path, percent: that are free */
    /* certificates and content */
    GW_R_CERT_EXPIRED = 10500,       /* subject, until */
    GW_R_CERT_NOT_YET = 10501,       /* subject, from */
    GW_R_CERT_UNTRUSTED = 10502,     /* subject, issuer */
    GW_R_CERT_PURPOSE = 10503,       /* subject */
    GW_R_CERT_REVOKED = 10504,       /* subject, detail */
    GW_R_CERT_EXPIRES_SOON = 10505,  /* subject, until */
    GW_R_KEY_UNREADABLE = 10506,     /* path, detail */
    GW_R_KEY_MISMATCH = 10507,       /* path */
    GW_R_CONTENT_NOT_FOR_US = 10508, /* sender */
    GW_R_CONTENT_DAMAGED = 10509,    /* sender, detail */
    GW_R_CONTENT_UNSIGNED = 10510,   /* sender */
    GW_R_CONTENT_AUTHOR = 10511,     /* sender, subject: signed by somebody not agreed */
    GW_R_ALGORITHM = 10512,          /* algorithm */
    GW_R_CONTENT_NONE = 10513,       /* sender */
    GW_R_XTA_ID_TWICE = 10514,       /* sender, detail: another message had this id */
    /* a message's course */
    GW_R_EXPIRED = 10600,    /* recipient, days */
    GW_R_OVERDUE = 10601,    /* recipient, since: forwarded or stored, but not fetched for long */
    GW_R_CANCELLED = 10602,  /* id */
    GW_R_DUPLICATE = 10603,  /* id: the same idempotency key or MessageId as before */
    GW_R_DEFERRED = 10604,   /* recipient, next */
    GW_R_NO_RECEIPT = 10605, /* id: none exists yet */
    GW_R_MESSAGE_TOO_LARGE = 10606, /* recipient, detail: no intermediary takes it so large */
    /* where a message stands; since and next as fields, too */
    GW_R_QUEUED = 10620,         /* recipient */
    GW_R_PLANNED = 10621,        /* recipient, next */
    GW_R_ORDER_HELD = 10622,     /* recipient, ahead: the message before it */
    GW_R_IN_MAILBOX = 10623,     /* recipient, intermediary, since */
    GW_R_ON_ITS_WAY = 10624,     /* recipient, intermediary, since */
    GW_R_DELIVERED = 10625,      /* recipient, since */
    GW_R_UNCLEAR = 10626,        /* recipient, intermediary */
    GW_R_RETRY_ASKED = 10627,    /* recipient */
    GW_R_RECEIVED = 10630,       /* sender, endpoint */
    GW_R_HANDED_OVER = 10631,    /* sender, endpoint, since */
    GW_R_UNACKNOWLEDGED = 10632, /* sender, endpoint, since: for long */
    GW_R_ACKNOWLEDGED = 10633,   /* sender, endpoint, since */
    GW_R_DISCARDED = 10634,      /* sender, since */
    GW_R_ANSWER_AWAITED = 10635, /* sender, endpoint, next */
    GW_R_ARCHIVED = 10636,       /* sender, since */
    GW_R_DROPPED = 10637,        /* recipient, detail: from its quarantine, in this house */
    /* API and command */
    GW_R_API_DENIED = 10700,      /* user, endpoint */
    GW_R_API_BAD_REQUEST = 10701, /* detail */
    GW_R_API_NOT_FOUND = 10702,   /* path */
    GW_R_API_METHOD = 10703,      /* method, path */
    GW_R_API_TOO_LARGE = 10704,   /* max */
    GW_R_API_BUSY = 10705,        /* seconds */
    GW_R_API_SOCKET = 10706,      /* path, detail: no daemon behind the socket */
    GW_R_API_ANSWER = 10707,      /* detail: the daemon's answer cannot be read */
    GW_R_ID_AMBIGUOUS = 10708,    /* id, count */
    GW_R_CLI_USAGE = 10709,       /* detail */
    GW_R_CLI_FILE = 10710,        /* path, detail */
    GW_R_CLI_EXISTS = 10711,      /* path: init does not write over it */
    GW_R_API_CUT = 10712,         /* detail: a transfer to the daemon was interrupted */
    GW_R_CLI_FORM = 10713,        /* form: how the command is to be written */
    GW_R_KEY_REUSED = 10714,      /* key, id: the idempotency key stands for another message */
    GW_R_API_TYPE = 10715,        /* detail: the body is of a type that is not taken here */
    GW_R_API_STREAMS = 10716,     /* max: more event streams than are kept open at once */
    GW_R_API_RANGE = 10717,       /* detail: a range that the file does not have */
    GW_R_API_HEAD = 10718,        /* detail: HTTP that cannot be read, or breaks a bound */
    GW_R_API_SLOW = 10719,        /* detail: the request did not come in time */
    GW_R_API_OTHER = 10720,       /* etag: another file than the one that If-Match names */
    /* requests that want an answer */
    GW_R_REQUEST_LATE = 10800,        /* endpoint, seconds */
    GW_R_REQUEST_COMMAND = 10801,     /* endpoint, detail: the program failed */
    GW_R_REQUEST_EMPTY = 10802,       /* endpoint: the program gave no file */
    GW_R_REQUEST_INTERRUPTED = 10803, /* endpoint: the gateway stopped meanwhile */
    GW_R_REQUEST_OVER = 10804,        /* id: it is answered, or its deadline has passed */
    GW_R_REQUEST_NONE = 10805,        /* id: the message is no request */
    GW_R_REPLY_NONE = 10806,          /* recipient: our request arrived, its answer did not */
    /* ourselves */
    GW_R_INTERNAL = 10900, /* detail */
    GW_R_MEMORY = 10901,
    GW_R_LIMIT = 10902,      /* detail */
    GW_R_CLOCK = 10903,      /* nothing: no time server sets it */
    GW_R_STOPPING = 10904,   /* nothing: the gateway is being stopped */
    GW_R_OVERLOADED = 10905, /* detail: what takes too long */
    GW_R_UNKNOWN = 10999,    /* code: a code this catalogue does not know */
    /* virus scanner; detail: finding and file, or what the scanner said */
    GW_R_SCAN_FINDING_IN = 11000,    /* sender, detail */
    GW_R_SCAN_FINDING_OUT = 11001,   /* detail */
    GW_R_SCAN_TOO_LARGE_IN = 11002,  /* sender, detail */
    GW_R_SCAN_TOO_LARGE_OUT = 11003, /* detail */
    GW_R_SCAN_UNAVAILABLE = 11004,   /* detail */
    GW_R_SCAN_MISSED = 11005,        /* sender, detail: kept unscanned, since it cannot wait */
    GW_R_SCAN_PASSED = 11006,        /* count, detail: as the settings allow */
    /* what an XTA server said, or we of it */
    GW_R_XTA_DENIED = 11100,      /* intermediary, detail: PermissionDenied */
    GW_R_XTA_PARAMETER = 11101,   /* intermediary, detail: ParameterIsNotValid */
    GW_R_XTA_TECHNICAL = 11102,   /* intermediary, detail */
    GW_R_XTA_SCHEMA = 11103,      /* intermediary, detail: the content, not the envelope */
    GW_R_XTA_VIRUS = 11104,       /* intermediary, detail */
    GW_R_XTA_UNKNOWN_ID = 11105,  /* intermediary, detail */
    GW_R_XTA_SYNC = 11106,        /* recipient, detail */
    GW_R_XTA_UNSUPPORTED = 11107, /* intermediary, detail */
    GW_R_XTA_FAULT = 11108,       /* intermediary, detail: a fault of SOAP, not of XTA */
    GW_R_XTA_NO_SERVICE = 11109,  /* recipient, detail: lookupService says so */
    GW_R_XTA_REPORT = 11110,      /* recipient, detail: the report ends red */
    GW_R_XTA_WARNING = 11111,     /* recipient, detail: the report ends yellow */
    GW_R_XTA_NO_PARTY = 11112,    /* intermediary, endpoint: who we are there is not set */
    GW_R_XTA_CERTIFICATE = 11113, /* intermediary, detail: ours has expired, it says */
    GW_R_XTA_ACCOUNT = 11114,   /* intermediary, detail: locked, missing, or without the service */
    GW_R_XTA_TOO_LARGE = 11115, /* intermediary, detail */
    GW_R_XTA_DIRECTORY = 11116, /* intermediary, detail: it cannot ask the directory */
    GW_R_XTA_DELIVERY = 11117,  /* recipient, detail: it cannot deliver it further */
    GW_R_XTA_TOO_LATE = 11118,  /* intermediary, detail: no longer to be withdrawn */
    /* targets: program, e-mail, SFTP, WebDAV */
    GW_R_TARGET_LATER = 11200,     /* recipient, detail: it says that it cannot take it now */
    GW_R_TARGET_REFUSED = 11201,   /* recipient, detail: it says that it will not take it */
    GW_R_TARGET_COMMAND = 11202,   /* recipient, detail: the program failed */
    GW_R_TARGET_START = 11203,     /* recipient, detail: the program cannot be run */
    GW_R_TARGET_TIME = 11204,      /* recipient, detail: the program took too long */
    GW_R_TARGET_TOO_LARGE = 11205, /* recipient, detail: than its settings allow */
    GW_R_TARGET_RIGHTS = 11206,    /* recipient, detail: we may not write there */
    GW_R_TARGET_FOLDER = 11207,    /* recipient, detail: its folder is not there */
    GW_R_TARGET_FULL = 11208,      /* recipient, detail: no space there */
    GW_R_TARGET_SECRET = 11209,    /* recipient, detail: a file with a password or key */
    GW_R_TARGET_TAKEN = 11210, /* recipient, detail: something else has the message's name there */
    /* transformation; detail: file, stylesheet and its words */
    GW_R_TRANSFORM_OUT = 11220,    /* detail: refused */
    GW_R_TRANSFORM_IN = 11221,     /* sender, detail: in quarantine */
    GW_R_TRANSFORM_PASSED = 11222, /* detail: the original alone, as the settings allow */
    /* keys in tokens */
    GW_R_CONFIG_TOKEN = 11340,    /* key, value, detail */
    GW_R_TOKEN_MODULE = 11341,    /* detail: its library cannot be used */
    GW_R_TOKEN_MISSING = 11342,   /* detail: it is not there */
    GW_R_TOKEN_PIN = 11343,       /* detail: it is wrong, or there is none */
    GW_R_TOKEN_LOCKED = 11344,    /* detail: the PIN, or one wrong one more would lock it */
    GW_R_TOKEN_OBJECT = 11345,    /* detail: key or certificate is not there, or not for this */
    GW_R_TOKEN_MECHANISM = 11346, /* detail: it cannot compute RSA without padding */
    GW_R_TOKEN_FAILED = 11347,    /* detail */
    /* the key process */
    GW_R_KEYS_AWAY = 11350,    /* detail: it does not run, or does not answer */
    GW_R_KEYS_CHANGED = 11351, /* detail: it was started anew and finds other keys */
    /* rollover and calendar */
    GW_R_CONFIG_NEXT = 11360,   /* key: what takes over is not listed with the earliest first */
    GW_R_CONFIG_NEEDED = 11361, /* subject, count, detail: messages still need this key */
    GW_R_LIST_OUTDATED = 11362, /* subject, until: a revocation list */
    GW_R_CALENDAR_MAIL = 11363, /* recipient, detail: no letter about certificates that end */
    /* revocation that cannot be checked; detail: certificate, purpose, and what was said */
    GW_R_STATUS_SILENT = 11370,  /* detail: whoever is asked gives no answer */
    GW_R_STATUS_ANSWER = 11371,  /* detail: an answer that does not count */
    GW_R_STATUS_OLD = 11372,     /* detail: an answer that does not count any more, or not yet */
    GW_R_STATUS_UNKNOWN = 11373, /* detail: the responder does not know the certificate */
    GW_R_STATUS_SOURCE = 11374,  /* detail: nobody can be asked */
    GW_R_STATUS_PASSED = 11375,  /* detail: as the settings allow */
    /* algorithms */
    GW_R_CONFIG_ALGORITHMS = 11380, /* key, path, detail */
    GW_R_ALGORITHM_ENDS = 11381,    /* kind, name, until: what we write with */
    /* trust */
    GW_R_CONFIG_TRUST_EMPTY = 11390,   /* key: a store that names nobody */
    GW_R_CONFIG_TRUST_EXPIRED = 11391, /* key, path, subject, until: who is in it has expired */
    GW_R_CONFIG_TRUST_NEVER = 11392,   /* key, path, detail: a certificate no store here believes */
};

struct gw_explain {
    int code;
    enum gw_side side;
    const char *de, *en;               /* what happened, one sentence */
    const char *action_de, *action_en; /* what to do, one or two sentences */
};

struct gw_explain_field {
    const char *name;
    const char *value; /* UTF-8, NULL as if absent; control characters come out as '?' */
};

/* Never NULL: codes nobody assigned give the row of their class (3xxx warning, 9xxx error), all
 * others GW_R_UNKNOWN. */
const struct gw_explain *gw_explain_find(int code);
/* True when the catalogue has a row of its own for code. */
bool gw_explain_knows(int code);
/* Every row, in ascending order of code; NULL past the last. */
const struct gw_explain *gw_explain_row(size_t index);

enum { GW_CODE_SIZE = 16 }; /* of a code as text, its NUL included */
/*
 * The code as people see it: "D-9602" for a feedback code of OSCI as it is, "D-1300" for 10300, one
 * of our own. Written to text, which is returned.
 */
const char *gw_explain_code(int code, char text[static GW_CODE_SIZE]);
/* And back, upper or lower case; false: that is none. */
bool gw_explain_code_read(const char *text, int *code);

/* "what happened" with fields filled in, no line end. {code} is always known. */
void gw_explain_what(struct buf *b, int code, enum gw_lang lang,
                     const struct gw_explain_field *fields, size_t count);
/* "what to do", likewise. */
void gw_explain_action(struct buf *b, int code, enum gw_lang lang,
                       const struct gw_explain_field *fields, size_t count);
/* Any text with fields in it, likewise. */
void gw_explain_fill(struct buf *b, const char *text, const struct gw_explain_field *fields,
                     size_t count);
/* "our side", "the intermediary", ... for people. */
const char *gw_side_text(enum gw_side side, enum gw_lang lang);
/* "own", "application", ... for JSON; never changed. */
const char *gw_side_name(enum gw_side side);

/*
 * The whole .error.txt: German, then English: what, where the fault lies, what to do, code, and
 * the technical detail (err->text), when detail is not NULL. Lines end with CRLF, since the readers
 * of drop folders sit at Windows machines.
 */
void gw_explain_error_txt(struct buf *b, int code, const struct gw_explain_field *fields,
                          size_t count, const char *detail);

/* The fields host and port of http(s)://host[:port]/path; each text has room for cap bytes. */
void gw_explain_url(const char *url, char *host, char *port, size_t cap);

/* A word of our own interfaces, for people. */
struct gw_word {
    const char *name, *de, *en;
};
/* What the word of that name is called; other when there is none. */
const char *gw_word_text(const struct gw_word *words, size_t count, const char *name,
                         enum gw_lang lang, const char *other);

/* GW_LANG_DE for "de", "de_DE.UTF-8", "de-AT, en;q=0.5"; GW_LANG_EN for "en..."; else fallback.
 * Takes locale names and Accept-Language values, where the highest q wins. */
enum gw_lang gw_lang_of(const char *text, enum gw_lang fallback);
