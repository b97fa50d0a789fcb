/*
 * helper_fake.h - an intermediary that misbehaves on demand
 *
 * The real one (gateway/osci_server.h) with a door before it that carries requests to it and its
 * answers back, and by a script spoils one after the other:
 *
 *   + let it through        L the order arrives, its answer is lost   N nothing arrives
 *   G garbage with 200      U status 503 (or status) instead            R the answer of before
 * again F a fault               V an unsigned answer in the clear X feedback 9600 (or code),
 * properly signed, for an order outside of a dialog
 *   D fault 9400: the dialog is forgotten     E the same, but the order arrives
 *   H the answer waits until those to so many later requests have gone (hold)
 *
 * After the script everything goes through. All of it fails the running test when it goes wrong.
 */
#pragma once

#include "gateway/http_server.h"
#include "gateway/osci_server.h"
#include "tests/unit/helper_intermediary.h"
#include "tests/unit/helper_runtime.h"

struct helper_fake {
    struct helper_runtime h;
    struct gw_osci_server *server;
    struct gw_http_server *front;
    char inner[64], url[64]; /* of the intermediary itself, and of the door before it */
    pthread_mutex_t lock;
    const char *script;
    unsigned requests;            /* since helper_fake_script */
    int code, status;             /* what X and U say; 0: 9600 and 503 */
    unsigned hold;                /* for H */
    bool holds;                   /* H has come */
    struct gw_http_request *held; /* its request, until then; the loop's */
    struct buf held_answer;
    char digits[8];       /* of code */
    struct buf last;      /* the last answer that came from inside */
    struct im_fixture im; /* says X */
};

/* open: everybody believed has a mailbox; else only "addressee". */
void helper_fake_open(struct helper_fake *f, bool open);
void helper_fake_close(struct helper_fake *f);
/* From now on; requests is 0 again. */
void helper_fake_script(struct helper_fake *f, const char *script);
unsigned helper_fake_requests(struct helper_fake *f);
