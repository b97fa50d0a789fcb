#include "certs/checker.h"

#include <pthread.h>

/* The memory is sets of a few slots, found by the certificate's digest. */
enum { SET_SLOTS = 4, SHA256_BYTES = 32 };

struct slot {
    bool used;
    enum cert_purpose purpose;
    uint8_t sha256[SHA256_BYTES];
    int64_t until;      /* ms; the verdict may be used from checked_at up to here */
    uint64_t exchanged; /* what base had when it was given; otherwise it is forgotten */
    struct cert_verdict verdict;
};

/* Lists with the number of those who hold them. */
struct shelf {
    struct crls *crls;
    size_t users;
};

struct cert_checker {
    const struct trust *trust;
    struct cert_checker *base;  /* whose shelf it looks into; often itself */
    struct cert_source *source; /* NULL: nobody is asked */
    int64_t ttl_ms;
    pthread_mutex_t lock; /* guards what follows */
    struct shelf *shelf;  /* NULL: no revocation lists */
    uint64_t exchanged;   /* how often the shelf was */
    size_t sets;
    struct slot *slots; /* sets * SET_SLOTS */
};

enum status cert_checker_new(const struct trust *trust, size_t max, int64_t ttl_ms,
                             struct cert_checker **checker, struct error *err)
{
    struct cert_checker *c = calloc(1, sizeof *c);

    TRY_ALLOC(c, err);
    c->trust = trust;
    c->base = c;
    c->ttl_ms = ttl_ms;
    c->sets = max / SET_SLOTS + (max % SET_SLOTS != 0 || max == 0);
    c->slots = calloc(c->sets * SET_SLOTS, sizeof *c->slots);
    if (c->slots == NULL || pthread_mutex_init(&c->lock, NULL) != 0) {
        free(c->slots);
        free(c);
        return error_starved(err);
    }
    *checker = c;
    return ST_OK;
}

enum status cert_checker_new_beside(struct cert_checker *base, const struct trust *trust,
                                    size_t max, int64_t ttl_ms, struct cert_checker **checker,
                                    struct error *err)
{
    TRY(cert_checker_new(trust, max, ttl_ms, checker, err));
    (*checker)->base = base;
    return ST_OK;
}

/* With the lock held, or alone. */
static void shelf_leave(struct shelf *shelf)
{
    if (shelf == NULL || --shelf->users > 0)
        return;
    crls_free(shelf->crls);
    free(shelf);
}

void cert_checker_take_crls(struct cert_checker *checker, struct crls *crls)
{
    struct shelf *shelf = crls == NULL ? NULL : malloc(sizeof *shelf), *before;

    if (shelf == NULL && crls != NULL) { /* the lists of before are better than none */
        crls_free(crls);
        return;
    }
    if (shelf != NULL)
        *shelf = (struct shelf){crls, 1};
    pthread_mutex_lock(&checker->lock);
    before = checker->shelf;
    checker->shelf = shelf;
    checker->exchanged++; /* which makes all verdicts forgotten */
    shelf_leave(before);
    pthread_mutex_unlock(&checker->lock);
}

void cert_checker_use_source(struct cert_checker *checker, struct cert_source *source)
{
    checker->source = source;
}

void cert_checker_free(struct cert_checker *checker)
{
    if (checker == NULL)
        return;
    shelf_leave(checker->shelf);
    (void)pthread_mutex_destroy(&checker->lock);
    free(checker->slots);
    free(checker);
}

/* The digest is an attacker's to choose only as far as he can find digests: crowding one set out
 * costs a chain check again, no more. */
static struct slot *set_of(struct cert_checker *c, const uint8_t *sha256)
{
    size_t hash = 0;

    memcpy(&hash, sha256, sizeof hash);
    return &c->slots[hash % c->sets * SET_SLOTS];
}

static bool slot_holds(const struct slot *slot, const uint8_t *sha256, enum cert_purpose purpose)
{
    return slot->used && slot->purpose == purpose &&
           memcmp(slot->sha256, sha256, SHA256_BYTES) == 0;
}

static uint64_t exchanges_of(struct cert_checker *c)
{
    uint64_t exchanged;

    pthread_mutex_lock(&c->lock);
    exchanged = c->exchanged;
    pthread_mutex_unlock(&c->lock);
    return exchanged;
}

static bool recall(struct cert_checker *c, const uint8_t *sha256, enum cert_purpose purpose,
                   int64_t now, struct cert_verdict *verdict)
{
    uint64_t exchanged = exchanges_of(c->base);
    struct slot *set = set_of(c, sha256);
    bool found = false;

    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < SET_SLOTS && !found; i++) {
        found = slot_holds(&set[i], sha256, purpose) && set[i].exchanged == exchanged &&
                now >= set[i].verdict.checked_at && now < set[i].until;
        if (found)
            *verdict = set[i].verdict;
    }
    pthread_mutex_unlock(&c->lock);
    return found;
}

/* Up to when a verdict of now holds: the time to live, or the next bound of the validity. */
static int64_t good_until(const struct cert_checker *c, const struct cert *cert, int64_t now)
{
    int64_t until = now > INT64_MAX - c->ttl_ms ? INT64_MAX : now + c->ttl_ms;

    if (now < cert_not_before(cert) && until > cert_not_before(cert))
        until = cert_not_before(cert);
    if (now < cert_not_after(cert) && until > cert_not_after(cert))
        until = cert_not_after(cert);
    return until;
}

static void remember(struct cert_checker *c, const struct slot *fresh)
{
    struct slot *set = set_of(c, fresh->sha256);
    struct slot *place = &set[0];

    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < SET_SLOTS; i++) {
        if (slot_holds(&set[i], fresh->sha256, fresh->purpose)) {
            place = &set[i];
            break;
        }
        if (place->used && (!set[i].used || set[i].until < place->until))
            place = &set[i];
    }
    *place = *fresh;
    pthread_mutex_unlock(&c->lock);
}

static struct shelf *shelf_enter(struct cert_checker *c, uint64_t *exchanged)
{
    struct shelf *shelf;

    pthread_mutex_lock(&c->lock);
    shelf = c->shelf;
    if (shelf != NULL)
        shelf->users++;
    *exchanged = c->exchanged;
    pthread_mutex_unlock(&c->lock);
    return shelf;
}

void cert_checker_lists(struct cert_checker *checker,
                        void (*see)(void *ctx, const struct crl_facts *facts), void *ctx)
{
    struct cert_checker *base = checker->base;
    uint64_t exchanged;
    struct shelf *shelf = shelf_enter(base, &exchanged);

    if (shelf != NULL)
        crls_each(shelf->crls, see, ctx);
    pthread_mutex_lock(&base->lock);
    shelf_leave(shelf);
    pthread_mutex_unlock(&base->lock);
}

enum status cert_checker_check(struct cert_checker *checker, const struct cert *cert,
                               enum cert_purpose purpose, int64_t now, struct cert_verdict *verdict,
                               struct error *err)
{
    struct slot fresh = {.used = true, .purpose = purpose};
    const uint8_t *sha256 = cert_sha256(cert).ptr;
    struct cert_checker *base = checker->base;
    struct shelf *shelf;
    enum status st;

    if (recall(checker, sha256, purpose, now, verdict))
        return ST_OK;
    shelf = shelf_enter(base, &fresh.exchanged); /* lists that come meanwhile may know better */
    st = cert_check_with(
        checker->trust, (struct cert_evidence){shelf == NULL ? NULL : shelf->crls, checker->source},
        cert, NULL, 0, purpose, now, &fresh.verdict, err);
    pthread_mutex_lock(&base->lock);
    shelf_leave(shelf);
    pthread_mutex_unlock(&base->lock);
    TRY(st);
    memcpy(fresh.sha256, sha256, sizeof fresh.sha256);
    fresh.until = good_until(checker, cert, now);
    if (fresh.verdict.told_until != 0 && fresh.until > fresh.verdict.told_until)
        fresh.until = fresh.verdict.told_until;
    if (checker->source == NULL || !fresh.verdict.status_missing)
        remember(checker, &fresh);
    *verdict = fresh.verdict;
    return ST_OK;
}
