/* gateway/revocation_impl.h - what the parts of gateway/revocation*.c share */
#pragma once

#include <pthread.h>

#include <openssl/types.h>

#include "certs/crl_list.h"
#include "certs/ocsp.h"
#include "gateway/http_client.h"
#include "gateway/revocation.h"

enum gw_ask_kind { GW_ASK_OCSP, GW_ASK_LIST, GW_ASK_DELTA };
enum { GW_ASK_FILE_SIZE = 80, GW_ASK_ORIGIN_SIZE = 280 };

/* Who is asked: scheme, host, port. */
struct gw_origin {
    struct gw_origin *next;
    char name[GW_ASK_ORIGIN_SIZE];
    unsigned failures; /* no word in a row */
    int64_t again_at;  /* monotonic: nobody is asked before */
    bool heard;        /* it has answered, and not failed since */
    struct cert_standing why;
};

/* One thing that is asked for: an answer about one certificate, or a list. */
struct gw_ask {
    struct gw_ask *next;
    struct gw_revocation *r;
    enum gw_ask_kind kind;
    char url[CERT_POINT_SIZE];
    char file[GW_ASK_FILE_SIZE]; /* in the folder; its name is made of what is asked */
    struct gw_origin *origin;
    X509 *x509, *issuer; /* about whom; counted */
    /* guarded by the lock */
    size_t users;
    bool looked, running;
    struct buf answer;     /* OCSP, DER; empty: none */
    struct crl_list *list; /* NULL: none */
    int64_t fetched_at;    /* monotonic; 0: not since the start */
    int64_t as_of;         /* of what is known, as far as it has been judged; 0: it has not */
    int64_t refresh_at;    /* ms since 1970: from then on it is asked for anew */
    int64_t again_at;      /* monotonic: not before, after a failure */
    unsigned failures;
    struct cert_standing why; /* of the last failure */
    int64_t used_at;          /* ms since 1970 */
};

struct gw_revocation {
    struct cert_source base;
    const struct gw_revocation_conf *conf;
    struct rng *rng;
    struct gw_log *log;
    struct ocsp_rules ocsp_rules;
    struct crl_rules crl_rules;
    unsigned online; /* purposes, as bits */
    char folder[1024];
    int dir; /* state/revocation */
    /* on the loop */
    struct gw_loop *loop;
    struct gw_http_client *http;
    struct gw_timer *timer;
    unsigned refreshes;      /* rounds of it */
    pthread_mutex_t reading; /* one list is parsed at a time: it can be large */
    pthread_mutex_t lock;    /* guards what follows */
    pthread_cond_t news;
    bool running; /* the loop is, on this thread: */
    pthread_t loop_thread;
    bool open; /* somebody may be asked */
    size_t waiting, asks_count;
    struct gw_ask *asks;
    struct gw_origin *origins;
};

/* ---- revocation_fetch.c: all with the lock held ---- */

/* Asks, unless it is being asked. */
void gw_ask_begin(struct gw_ask *ask);
/* Every half minute, on the loop: what is in use and ends soon is asked for anew. */
void gw_asks_refresh(void *revocation);

/* ---- revocation_disk.c: without the lock ---- */

/* Empty where there is nothing, or nothing that can be read. */
void gw_ask_file_read(const struct gw_ask *ask, struct buf *bytes, int64_t *written_at);
void gw_ask_file_write(const struct gw_ask *ask, struct span bytes);
/* Leaves the newest, within the bounds of number and size. */
void gw_ask_files_prune(struct gw_revocation *r);

/* ---- revocation.c ---- */

/* A list from its bytes. Without the lock. */
enum status gw_ask_list_read(struct gw_revocation *r, struct span der, struct crl_list **list,
                             struct error *err);
uint64_t gw_ask_bytes_max(const struct gw_ask *ask);
/* When what holds until then is to be asked for anew. */
int64_t gw_ask_refresh_at(const struct gw_ask *ask, int64_t fetched_at, int64_t until);
