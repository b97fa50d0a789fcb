/*
 * tests/fault/page.h - what the harness and the process under test share: orders and what was seen
 *
 * A file of FAULT_PAGE_BYTES that both map. The harness (torture.py) writes the orders at the front
 * before it starts the process; time_ms, cut, phase and mode may change while it runs. The rest is
 * the process's record, and outlives its kill. torture.py knows this layout by offsets: whoever
 * changes it here also changes it there.
 *
 * A site is a call of some kind on some kind of thing from some place in the program: the frames
 * of the program itself, innermost first, relative to where it was loaded. Each visit to it has a
 * number, its occurrence, counted from 1 in each phase. (site, occurrence) is a point. Allocations
 * are sites without points: there are too many of them.
 */
#pragma once

#include <stdint.h>

enum { FAULT_SITES_MAX = 8192, FAULT_POINTS_MAX = 65536, FAULT_FRAMES = 10, FAULT_ROOT_SIZE = 512 };

enum fault_mode {
    FAULT_WATCH,       /* record only */
    FAULT_KILL,        /* SIGKILL before the call */
    FAULT_KILL_BEHIND, /* and behind it */
    FAULT_FAIL,        /* the call is not made and returns number */
    FAULT_SHORT,       /* half of a write is done; the rest comes when it is written again */
    FAULT_FAIL_ALL,    /* from then on every call of this kind on whatever thing fails */
    FAULT_SWALLOW,     /* the call is not made and says it was: the harness's self-test */
};

/* What of the changes that were not made durable is gone after the kill. */
enum fault_power {
    FAULT_POWER_KEPT, /* nothing: the machine has power, just the process died */
    FAULT_POWER_ALL,  /* all of it */
    FAULT_POWER_DATA, /* bytes are gone, names are there: files that are empty or have holes */
    FAULT_POWER_SOME, /* a seeded choice: names in their order up to some moment, any bytes */
};

/* Calls that are treated alike share a word. */
enum fault_call {
    FAULT_WRITE = 1,
    FAULT_FSYNC,
    FAULT_RENAME,
    FAULT_LINK,
    FAULT_UNLINK,
    FAULT_TRUNCATE,
    FAULT_MKDIR,
    FAULT_OPEN, /* of a new file, or of one to be written */
    FAULT_CONNECT,
    FAULT_ACCEPT,
    FAULT_SEND,
    FAULT_RECV,
    FAULT_MALLOC,
    FAULT_READ, /* an open or a read of what was stored: for failing alone */
};

enum fault_thing {
    FAULT_NONE, /* not watched */
    FAULT_INDEX,
    FAULT_WAL,
    FAULT_PAYLOAD,
    FAULT_TMP,
    FAULT_STATE, /* else in the state folder */
    FAULT_OUT,   /* the drop folder's parts */
    FAULT_SENT,
    FAULT_REFUSED,
    FAULT_IN,
    FAULT_RECEIPTS,
    FAULT_CALLER, /* a socket that somebody opened to us */
    FAULT_PEER,   /* one that we opened */
    FAULT_LOCAL,  /* the API's */
    FAULT_MEMORY,
};

struct fault_site {
    uint64_t key;
    uint32_t phase;
    uint32_t call, thing;
    uint32_t seen; /* how often */
    uint64_t frames[FAULT_FRAMES];
};

struct fault_point {
    uint32_t site;
    uint32_t occurrence;
};

struct fault_page {
    /* orders */
    uint32_t mode;
    uint32_t phase;      /* counted anew in each */
    uint64_t key;        /* the site meant; 0: none */
    uint32_t occurrence; /* and which visit */
    uint32_t times;      /* FAULT_FAIL: so many visits from that one on */
    int32_t number;      /* errno */
    uint32_t power;
    uint32_t seed;
    uint32_t memory;            /* allocations are sites, too */
    int64_t time_ms;            /* added to the time of day */
    uint32_t cut;               /* the power goes at the next call */
    char root[FAULT_ROOT_SIZE]; /* the folder whose files are watched, without a slash at its end */
    /* record */
    uint32_t hit;    /* the point was reached so often */
    uint32_t undone; /* changes taken back at the kill */
    uint32_t sites, points;
    uint32_t pid;
    uint32_t overflow; /* something did not fit: the record is not complete */
    struct fault_site site[FAULT_SITES_MAX];
    struct fault_point point[FAULT_POINTS_MAX];
};
