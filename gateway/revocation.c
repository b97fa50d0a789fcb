#include "gateway/revocation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include <openssl/x509.h>

#include "crypto/digest.h"
#include "gateway/files.h"
#include "gateway/revocation_impl.h"
#include "gateway/worker.h"

enum { REFRESH_MS = 30 * 1000, ORIGINS_MAX = 256, CONNECTIONS_MAX = 16, PER_HOST_MAX = 4 };
enum { RESPONDERS_MAX = 2, LISTS_MAX = 2, PLACES_MAX = 2, REFRESH_MIN_MS = 60 * 1000 };
enum { REFRESH_MAX_MS = 6 * 3600 * 1000, WAIT_MORE_MS = 500 };

uint64_t gw_ask_bytes_max(const struct gw_ask *ask)
{
    return ask->kind == GW_ASK_OCSP ? OCSP_ANSWER_MAX : (uint64_t)ask->r->conf->list_max_mb << 20;
}

int64_t gw_ask_refresh_at(const struct gw_ask *ask, int64_t fetched_at, int64_t until)
{
    int64_t half = (until - fetched_at) / 2;

    (void)ask;
    half = half < REFRESH_MIN_MS ? REFRESH_MIN_MS : half > REFRESH_MAX_MS ? REFRESH_MAX_MS : half;
    return fetched_at + half;
}

/* ---- what is remembered; with the lock held ---- */

static void ask_free(struct gw_ask *a)
{
    X509_free(a->x509);
    X509_free(a->issuer);
    buf_deinit(&a->answer);
    crl_list_free(a->list);
    free(a);
}

/* An answer is about one certificate, a list about one issuer: more than its address may change. */
static bool file_name(const struct gw_ask *a, char name[static GW_ASK_FILE_SIZE], struct error *err)
{
    static const char *const ends[] = {"ocsp", "crl", "delta"};
    const X509 *const whom[] = {a->issuer, a->kind == GW_ASK_OCSP ? a->x509 : a->issuer};
    unsigned char print[EVP_MAX_MD_SIZE];
    AUTO(buf_deinit) struct buf key = {0};
    AUTO(buf_deinit) struct buf hex = {0};
    struct digest_value sha256;
    unsigned len = 0;

    buf_init(&key, 2048);
    buf_init(&hex, 256);
    buf_printf(&key, "%s\n", a->url);
    for (size_t i = 0; i < ARRAY_LEN(whom); i++) {
        if (X509_digest(whom[i], EVP_sha256(), print, &len) != 1)
            return false;
        buf_add(&key, span_of(print, len));
    }
    if (buf_check(&key, err) != ST_OK || digest_of(alg_find(SPAN(ALG_SHA256_URI), ALG_DIGEST),
                                                   buf_span(&key), &sha256, err) != ST_OK)
        return false;
    buf_hex(&hex, digest_span(&sha256));
    (void)snprintf(name, GW_ASK_FILE_SIZE, "%s.%s", buf_cstr(&hex), ends[a->kind]);
    return true;
}

static void ask_drop(struct gw_revocation *r, struct gw_ask **at)
{
    struct gw_ask *gone = *at;

    *at = gone->next;
    ask_free(gone);
    r->asks_count--;
}

/* The one that nobody has wanted for longest makes room. False: all are in use. */
static bool room_make(struct gw_revocation *r)
{
    struct gw_ask **oldest = NULL;

    if (r->asks_count < GW_REVOCATION_ASKS_MAX)
        return true;
    for (struct gw_ask **at = &r->asks; *at != NULL; at = &(*at)->next)
        if ((*at)->users == 0 && (oldest == NULL || (*at)->used_at < (*oldest)->used_at))
            oldest = at;
    if (oldest == NULL)
        return false;
    ask_drop(r, oldest);
    return true;
}

/* When somebody last wanted something from there; INT64_MAX: somebody does now. */
static int64_t origin_used_at(const struct gw_revocation *r, const struct gw_origin *o)
{
    int64_t last = 0;

    for (const struct gw_ask *a = r->asks; a != NULL; a = a->next)
        if (a->origin == o && (a->users > 0 || a->used_at > last))
            last = a->users > 0 ? INT64_MAX : a->used_at;
    return last;
}

/* As room_make, with all that was asked there. */
static bool origin_room_make(struct gw_revocation *r)
{
    struct gw_origin **oldest = NULL, *gone;
    int64_t least = INT64_MAX;

    for (struct gw_origin **at = &r->origins; *at != NULL; at = &(*at)->next) {
        const int64_t used_at = origin_used_at(r, *at);

        if (used_at < least) {
            least = used_at;
            oldest = at;
        }
    }
    if (oldest == NULL)
        return false;
    gone = *oldest;
    for (struct gw_ask **at = &r->asks; *at != NULL;)
        if ((*at)->origin == gone)
            ask_drop(r, at);
        else
            at = &(*at)->next;
    *oldest = gone->next;
    free(gone);
    return true;
}

static struct gw_origin *origin_of(struct gw_revocation *r, const char *url)
{
    const size_t len = strlen("http://") + strcspn(url + strlen("http://"), "/?");
    struct gw_origin *o;
    size_t count = 0;

    for (o = r->origins; o != NULL; o = o->next, count++)
        if (strlen(o->name) == len && strncmp(o->name, url, len) == 0)
            return o;
    if (len >= sizeof o->name || (count >= ORIGINS_MAX && !origin_room_make(r)))
        return NULL;
    o = gw_alloc(sizeof *o);
    memcpy(o->name, url, len);
    o->next = r->origins;
    r->origins = o;
    return o;
}

/* NULL: no room. One user more. */
static struct gw_ask *ask_enter(struct gw_revocation *r, enum gw_ask_kind kind, const char *url,
                                X509 *x509, X509 *issuer)
{
    struct gw_ask key = {.kind = kind, .x509 = x509, .issuer = issuer}, *a;
    struct error err = {0};

    (void)snprintf(key.url, sizeof key.url, "%s", url);
    if (!file_name(&key, key.file, &err))
        return NULL;
    for (a = r->asks; a != NULL && strcmp(a->file, key.file) != 0; a = a->next)
        ;
    if (a == NULL) {
        key.origin = origin_of(r, url);
        if (key.origin == NULL || !room_make(r) || X509_up_ref(x509) != 1)
            return NULL;
        (void)X509_up_ref(issuer);
        a = gw_alloc(sizeof *a);
        *a = key;
        a->r = r;
        a->next = r->asks;
        r->asks = a;
        r->asks_count++;
    }
    a->users++;
    a->used_at = gw_now_ms();
    return a;
}

/* ---- asking ---- */

/* About whom, and for how long. */
struct about {
    X509 *x509, *issuer;
    int64_t now;
    int64_t deadline; /* monotonic: nobody waits longer, whoever is silent */
};

/* Copies of what is known, so that it may be looked into without the lock. */
struct known {
    struct buf answer;
    struct crl_list *list;
};

static void known_deinit(struct known *k)
{
    buf_deinit(&k->answer);
    crl_list_free(k->list);
    *k = (struct known){0};
}

static void judge(const struct gw_ask *a, const struct known *k, const struct about *q,
                  struct cert_standing *s)
{
    struct error err = {0};

    if (a->kind == GW_ASK_DELTA)
        crl_list_judge_delta(k->list, q->x509, q->issuer, &a->r->crl_rules, q->now, s);
    else if (a->kind == GW_ASK_LIST)
        crl_list_judge(k->list, NULL, q->x509, q->issuer, &a->r->crl_rules, q->now, s);
    else if (ocsp_answer_judge(buf_span(&k->answer), q->x509, q->issuer, SPAN_NONE,
                               &a->r->ocsp_rules, q->now, s, &err) != ST_OK)
        cert_standing_lacks(s, CERT_LACK_FORM, "%.150s", err.text);
}

enum status gw_ask_list_read(struct gw_revocation *r, struct span der, struct crl_list **list,
                             struct error *err)
{
    enum status st;

    (void)pthread_mutex_lock(&r->reading);
    st = crl_list_read(der, list, err);
    (void)pthread_mutex_unlock(&r->reading);
    return st;
}

/* From the folder, once. The lock is left meanwhile. */
static void file_look(struct gw_ask *a)
{
    struct gw_revocation *r = a->r;
    AUTO(buf_deinit) struct buf bytes = {0};
    struct crl_list *list = NULL;
    struct error err = {0};
    int64_t at = 0;

    a->looked = true;
    (void)pthread_mutex_unlock(&r->lock);
    gw_ask_file_read(a, &bytes, &at);
    if (bytes.len > 0 && a->kind != GW_ASK_OCSP)
        (void)!gw_ask_list_read(r, buf_span(&bytes), &list, &err);
    (void)pthread_mutex_lock(&r->lock);
    if (a->kind == GW_ASK_OCSP && a->answer.len == 0 && bytes.len > 0) {
        a->answer = bytes;
        bytes = (struct buf){0};
        a->refresh_at = gw_ask_refresh_at(a, at, at);
    }
    if (list != NULL && a->list == NULL) {
        a->list = TAKE(list);
        a->refresh_at = gw_ask_refresh_at(a, at, at);
    }
    crl_list_free(list);
}

static bool known_copy(const struct gw_ask *a, struct known *k)
{
    if (a->list != NULL)
        k->list = crl_list_ref(a->list);
    if (a->answer.len > 0) {
        buf_init(&k->answer, OCSP_ANSWER_MAX);
        buf_add(&k->answer, buf_span(&a->answer));
    }
    return a->list != NULL || k->answer.len > 0;
}

/* What is known counts: *s says so. The lock is left meanwhile. */
static bool known_look(struct gw_ask *a, struct known *k, const struct about *q,
                       struct cert_standing *s)
{
    if (!a->looked)
        file_look(a);
    known_deinit(k);
    if (!known_copy(a, k))
        return false;
    (void)pthread_mutex_unlock(&a->r->lock);
    judge(a, k, q, s);
    (void)pthread_mutex_lock(&a->r->lock);
    if (s->known != CERT_KNOWN_NOTHING && s->as_of > a->as_of)
        a->as_of = s->as_of;
    return s->known != CERT_KNOWN_NOTHING;
}

/* Somebody failed a moment ago, and it is not asked again yet. */
static bool rests(const struct gw_ask *a, struct cert_standing *s)
{
    const int64_t now = gw_monotonic_ms();

    if (now < a->again_at)
        *s = a->why;
    else if (now < a->origin->again_at)
        *s = a->origin->why;
    return now < a->again_at || now < a->origin->again_at;
}

/* What has just come will not say more when it is fetched once more. */
static bool is_new(const struct gw_ask *a)
{
    return a->fetched_at != 0 && gw_monotonic_ms() - a->fetched_at < REFRESH_MIN_MS;
}

static void pending(const struct gw_ask *a, struct cert_standing *s)
{
    cert_standing_lacks(s, CERT_LACK_PENDING, "%.120s has been asked, and has not answered yet",
                        a->url);
}

/* How many may wait: workers have to be left, who judge what comes, too. */
static size_t waiting_max(const struct gw_origin *o)
{
    const size_t threads = gw_worker_threads(), most = threads > 2 ? threads - 2 : threads / 2;

    return o->heard || most < GW_REVOCATION_WAITING_MAX ? most : GW_REVOCATION_WAITING_MAX;
}

/* False: not on this thread, not so many, or no longer. */
static bool may_wait(const struct gw_ask *a, int64_t deadline)
{
    const struct gw_revocation *r = a->r;

    return r->open && r->running && !pthread_equal(pthread_self(), r->loop_thread) &&
           r->waiting < waiting_max(a->origin) && gw_monotonic_ms() < deadline;
}

static void news_wait(struct gw_revocation *r, int64_t deadline)
{
    const struct timespec until = {.tv_sec = deadline / 1000,
                                   .tv_nsec = deadline % 1000 * 1000 * 1000};

    r->waiting++;
    (void)pthread_cond_timedwait(&r->news, &r->lock, &until);
    r->waiting--;
}

/* With the lock held, and left now and then. k: what *s is drawn from, where it is known. */
static void ask_wait(struct gw_ask *a, struct known *k, const struct about *q,
                     struct cert_standing *s)
{
    struct gw_revocation *r = a->r;
    const int64_t own = gw_monotonic_ms() + r->conf->timeout_seconds * 1000 + WAIT_MORE_MS;
    const int64_t deadline = own < q->deadline ? own : q->deadline;
    struct cert_standing rest;

    for (;;) {
        const bool known = known_look(a, k, q, s);

        if (known && (q->now < a->refresh_at || rests(a, &rest)))
            return;
        if (!known && !a->running && (rests(a, s) || is_new(a)))
            return;
        gw_ask_begin(a);
        if (known)
            return;
        if (!may_wait(a, deadline)) {
            pending(a, s);
            return;
        }
        news_wait(r, deadline);
    }
}

/* Nothing is known: k is empty. */
static void ask(struct gw_revocation *r, enum gw_ask_kind kind, const char *url,
                const struct about *q, struct known *k, struct cert_standing *s)
{
    struct gw_ask *a;

    (void)pthread_mutex_lock(&r->lock);
    a = ask_enter(r, kind, url, q->x509, q->issuer);
    if (a == NULL) {
        cert_standing_lacks(s, CERT_LACK_SOURCE, "too many are asked at the same time");
    } else {
        ask_wait(a, k, q, s);
        a->users--;
    }
    (void)pthread_mutex_unlock(&r->lock);
}

/* ---- one certificate ---- */

/* The first lack is told: whom the certificate names first is whom it should be known by. */
static bool settle(struct cert_standing *s, const struct cert_standing *one)
{
    if (one->known != CERT_KNOWN_NOTHING || s->lack == CERT_LACK_SOURCE)
        *s = *one;
    return one->known != CERT_KNOWN_NOTHING;
}

static bool responders_ask(struct gw_revocation *r, const struct about *q, struct cert_standing *s)
{
    struct cert_points points;
    bool settled = false;

    cert_points_ocsp(q->x509, &points);
    for (size_t i = 0; i < points.count && i < RESPONDERS_MAX && !settled; i++) {
        AUTO(known_deinit) struct known k = {0};
        struct cert_standing one;

        ask(r, GW_ASK_OCSP, points.url[i], q, &k, &one);
        settled = settle(s, &one);
    }
    return settled;
}

/* What has changed since the list, as far as it is to be had; the list counts without it. */
static void delta_ask(struct gw_revocation *r, struct crl_list *list, const struct about *q,
                      struct cert_standing *s)
{
    AUTO(known_deinit) struct known k = {0};
    struct cert_points points;
    struct cert_standing one;

    cert_points_deltas(q->x509, crl_list_x509(list), &points);
    if (points.count == 0)
        return;
    ask(r, GW_ASK_DELTA, points.url[0], q, &k, &one);
    if (one.known == CERT_KNOWN_GOOD)
        crl_list_judge(list, k.list, q->x509, q->issuer, &r->crl_rules, q->now, s);
}

/* By a delta list: also a suspension may be over. */
static bool may_change(const struct cert_standing *s)
{
    return s->known == CERT_KNOWN_GOOD ||
           (s->why != NULL && strcmp(s->why, "certificateHold") == 0);
}

static void lists_ask(struct gw_revocation *r, const struct about *q, struct cert_standing *s)
{
    struct cert_points points;
    bool settled = false;

    cert_points_lists(q->x509, &points);
    for (size_t i = 0; i < points.count && i < LISTS_MAX && !settled; i++) {
        AUTO(known_deinit) struct known k = {0};
        struct cert_standing one;

        ask(r, GW_ASK_LIST, points.url[i], q, &k, &one);
        settled = settle(s, &one);
        if (settled && may_change(s))
            delta_ask(r, k.list, q, s);
    }
    if (s->lack == CERT_LACK_SOURCE && points.passed_over > 0)
        cert_standing_lacks(s, CERT_LACK_SOURCE,
                            "the certificate names nobody who can be asked by http://");
}

static bool source_ask(struct cert_source *self, X509 *x509, X509 *issuer,
                       enum cert_purpose purpose, int64_t now, struct cert_standing *s)
{
    struct gw_revocation *r = (struct gw_revocation *)self;
    const int64_t timeout_ms = r->conf->timeout_seconds * 1000;
    const struct about q = {.x509 = x509,
                            .issuer = issuer,
                            .now = now,
                            .deadline = gw_monotonic_ms() + PLACES_MAX * timeout_ms + WAIT_MORE_MS};

    if ((r->online & CERT_PURPOSE_BIT(purpose)) == 0)
        return false;
    cert_standing_lacks(s, CERT_LACK_SOURCE, "the certificate names nobody who can be asked");
    if (!responders_ask(r, &q, s))
        lists_ask(r, &q, s);
    return true;
}

/* ---- from start to end ---- */

static unsigned bits_of(enum gw_revocation_purpose purpose)
{
    static const unsigned bits[] = {
        [GW_REVOCATION_SIGNING] = CERT_PURPOSE_BIT(CERT_FOR_OSCI_SIGNATURE),
        [GW_REVOCATION_ENCIPHERING] = CERT_PURPOSE_BIT(CERT_FOR_OSCI_CIPHER),
    };

    return bits[purpose];
}

static void purposes_read(struct gw_revocation *r)
{
    const struct gw_revocation_conf *conf = r->conf;

    r->online = conf->mode == GW_REVOCATION_ONLINE ? CERT_FOR_EVERYTHING : 0;
    r->base.closed = conf->when_unknown == GW_UNKNOWN_HOLD ? CERT_FOR_EVERYTHING : 0;
    for (unsigned i = 0; i < conf->purposes_count; i++) {
        const struct gw_revocation_purpose_conf *p = &conf->purposes[i];
        const unsigned bits = bits_of(p->purpose);

        r->online = p->mode == GW_REVOCATION_ONLINE ? r->online | bits : r->online & ~bits;
        r->base.closed =
            p->when_unknown == GW_UNKNOWN_HOLD ? r->base.closed | bits : r->base.closed & ~bits;
    }
}

static enum status locks_init(struct gw_revocation *r, struct error *err)
{
    pthread_condattr_t attr;

    if (pthread_condattr_init(&attr) != 0)
        return error_starved(err);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_mutex_init(&r->reading, NULL);
    (void)pthread_cond_init(&r->news, &attr);
    (void)pthread_condattr_destroy(&attr);
    return ST_OK;
}

enum status gw_revocation_new(const struct gw_revocation_conf *conf, const struct policy *policy,
                              struct rng *rng, const char *state, struct gw_log *log,
                              struct gw_revocation **revocation, struct error *err)
{
    AUTO(gw_revocation_drop) struct gw_revocation *r = calloc(1, sizeof *r);

    TRY_ALLOC(r, err);
    r->base.ask = source_ask;
    r->conf = conf;
    r->rng = rng;
    r->log = log;
    r->dir = -1;
    r->ocsp_rules = (struct ocsp_rules){.nonce_demanded = conf->nonce == GW_NONCE_DEMAND,
                                        .skew_ms = OCSP_SKEW_MS,
                                        .age_max_ms = OCSP_AGE_MAX_MS,
                                        .policy = policy};
    r->crl_rules = (struct crl_rules){
        .skew_ms = OCSP_SKEW_MS, .age_max_ms = OCSP_AGE_MAX_MS, .policy = policy};
    purposes_read(r);
    TRY(locks_init(r, err));
    if (r->online != 0) {
        (void)snprintf(r->folder, sizeof r->folder, "%s/revocation", state);
        TRY(gw_dir_make(AT_FDCWD, r->folder, 0700, err));
        TRY(gw_dir_open(AT_FDCWD, r->folder, &r->dir, err));
        gw_ask_files_prune(r);
    }
    *revocation = TAKE(r);
    return ST_OK;
}

/* The first thing on the loop. */
static void thread_note(void *ctx)
{
    struct gw_revocation *r = ctx;

    (void)pthread_mutex_lock(&r->lock);
    r->loop_thread = pthread_self();
    r->running = true;
    (void)pthread_mutex_unlock(&r->lock);
}

enum status gw_revocation_start(struct gw_revocation *r, struct gw_loop *loop, const char *temp_dir,
                                struct error *err)
{
    const struct gw_http_client_conf http = {.spool_dir = temp_dir,
                                             .connections_max = CONNECTIONS_MAX,
                                             .per_host_max = PER_HOST_MAX,
                                             .proxy = r->conf->proxy};

    if (r->online == 0)
        return ST_OK;
    TRY(gw_http_client_new(loop, &http, &r->http, err));
    r->loop = loop;
    gw_loop_post(loop, thread_note, r);
    r->timer = gw_timer_new(loop, gw_asks_refresh, r);
    gw_timer_start(r->timer, REFRESH_MS, REFRESH_MS);
    (void)pthread_mutex_lock(&r->lock);
    r->open = true;
    (void)pthread_mutex_unlock(&r->lock);
    return ST_OK;
}

void gw_revocation_close(struct gw_revocation *r)
{
    if (r == NULL || r->http == NULL)
        return;
    (void)pthread_mutex_lock(&r->lock);
    r->open = false;
    (void)pthread_cond_broadcast(&r->news);
    (void)pthread_mutex_unlock(&r->lock);
    gw_timer_drop(&r->timer);
    gw_http_client_close(r->http);
    r->http = NULL;
}

void gw_revocation_free(struct gw_revocation *r)
{
    if (r == NULL)
        return;
    gw_revocation_close(r);
    while (r->asks != NULL) {
        struct gw_ask *a = r->asks;

        r->asks = a->next;
        ask_free(a);
    }
    while (r->origins != NULL) {
        struct gw_origin *o = r->origins;

        r->origins = o->next;
        free(o);
    }
    fd_drop(&r->dir);
    (void)pthread_cond_destroy(&r->news);
    (void)pthread_mutex_destroy(&r->lock);
    (void)pthread_mutex_destroy(&r->reading);
    free(r);
}

struct cert_source *gw_revocation_source(struct gw_revocation *r)
{
    return &r->base;
}
