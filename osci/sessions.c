#include "osci/sessions.h"

#include <pthread.h>
#include <stdio.h>

enum { SESSIONS_DEFAULT = 4096, CLIENT_DEFAULT = 64, IDLE_DEFAULT_MS = 600000 };

struct slot {
    struct osci_session session;
    int64_t used_at;
    bool open, taken, proven; /* proven: the Challenge of initDialog's answer was answered */
};

struct osci_sessions {
    pthread_mutex_t lock;
    struct osci_sessions_conf conf;
    struct slot *slots;
};

void osci_session_deinit(struct osci_session *s)
{
    cert_free(s->cipher);
    cert_free(s->signature);
    *s = (struct osci_session){0};
}

static void slot_clear(struct slot *slot)
{
    osci_session_deinit(&slot->session);
    *slot = (struct slot){0};
}

enum status osci_sessions_new(const struct osci_sessions_conf *conf,
                              struct osci_sessions **sessions, struct error *err)
{
    AUTO(free_drop) struct osci_sessions *s = calloc(1, sizeof *s);

    TRY_ALLOC(s, err);
    s->conf = *conf;
    if (s->conf.max == 0)
        s->conf.max = SESSIONS_DEFAULT;
    if (s->conf.client_max == 0)
        s->conf.client_max = CLIENT_DEFAULT;
    if (s->conf.idle_ms == 0)
        s->conf.idle_ms = IDLE_DEFAULT_MS;
    s->slots = calloc(s->conf.max, sizeof *s->slots);
    TRY_ALLOC(s->slots, err);
    if (pthread_mutex_init(&s->lock, NULL) != 0) {
        free(s->slots);
        return error_set(err, ST_INTERNAL, 0, "no mutex");
    }
    *sessions = TAKE(s);
    return ST_OK;
}

void osci_sessions_free(struct osci_sessions *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->conf.max; i++)
        slot_clear(&s->slots[i]);
    (void)pthread_mutex_destroy(&s->lock);
    free(s->slots);
    free(s);
}

/* The lock is held in all that follows up to the public functions. */

static void expire(struct osci_sessions *s, int64_t now)
{
    for (size_t i = 0; i < s->conf.max; i++) {
        struct slot *slot = &s->slots[i];

        if (slot->open && !slot->taken && now - slot->used_at > s->conf.idle_ms)
            slot_clear(slot);
    }
}

static struct slot *find(struct osci_sessions *s, const char *conversation_id)
{
    for (size_t i = 0; i < s->conf.max; i++)
        if (s->slots[i].open && strcmp(s->slots[i].session.conversation_id, conversation_id) == 0)
            return &s->slots[i];
    return NULL;
}

/* Whoever has no certificate of somebody else makes himself as many as he likes. */
enum rank { UNPROVEN, PROVEN, BELIEVED };

static enum rank rank_of(const struct slot *slot)
{
    return !slot->proven ? UNPROVEN : slot->session.believed ? BELIEVED : PROVEN;
}

/* Of two that nobody has in hand, the one to leave first. */
static bool leaves_before(const struct slot *a, const struct slot *b)
{
    if (b == NULL)
        return true;
    if (rank_of(a) != rank_of(b))
        return rank_of(a) < rank_of(b);
    return a->used_at < b->used_at;
}

/* A free slot; where a bound is reached, a session below BELIEVED makes room, or among those of one
 * client the longest unused. NULL: full. */
static struct slot *room(struct osci_sessions *s, const struct cert *cipher)
{
    struct slot *empty = NULL, *first = NULL, *own = NULL;
    size_t of_client = 0;

    for (size_t i = 0; i < s->conf.max; i++) {
        struct slot *slot = &s->slots[i];

        if (!slot->open) {
            empty = empty == NULL ? slot : empty;
            continue;
        }
        if (cert_eq(slot->session.cipher, cipher)) {
            of_client++;
            if (!slot->taken && leaves_before(slot, own))
                own = slot;
        }
        if (!slot->taken && rank_of(slot) < BELIEVED && leaves_before(slot, first))
            first = slot;
    }
    if (of_client >= s->conf.client_max)
        empty = own;
    else if (empty == NULL)
        empty = first;
    if (empty != NULL)
        slot_clear(empty);
    return empty;
}

enum status osci_sessions_open(struct osci_sessions *s, const struct osci_session *session,
                               int64_t now, struct error *err)
{
    struct slot *slot = NULL;
    bool known;

    pthread_mutex_lock(&s->lock);
    expire(s, now);
    known = find(s, session->conversation_id) != NULL;
    if (!known)
        slot = room(s, session->cipher);
    if (slot != NULL) {
        slot->session = *session;
        slot->session.cipher = cert_ref(session->cipher);
        slot->session.signature = session->signature == NULL ? NULL : cert_ref(session->signature);
        slot->used_at = now;
        slot->open = true;
    }
    pthread_mutex_unlock(&s->lock);
    if (known)
        return error_set(err, ST_DUPLICATE, 0, "the conversation id exists");
    if (slot == NULL)
        return error_set(err, ST_LIMIT, 9811, "too many open dialogs");
    return ST_OK;
}

static bool answers(const struct osci_session *session, const struct osci_controlblock *control)
{
    return control->has_sequence && control->sequence == session->next_sequence &&
           control->response.ptr != NULL &&
           span_eq_secret(control->response, span_str(session->challenge));
}

enum status osci_sessions_take(struct osci_sessions *s, const struct osci_controlblock *control,
                               int64_t now, struct osci_session *session, struct error *err)
{
    char id[OSCI_SESSION_TEXT_MAX];
    struct slot *slot = NULL;

    if (control->conversation_id.len > 0 && control->conversation_id.len < sizeof id &&
        memchr(control->conversation_id.ptr, '\0', control->conversation_id.len) == NULL) {
        memcpy(id, control->conversation_id.ptr, control->conversation_id.len);
        id[control->conversation_id.len] = '\0';
        pthread_mutex_lock(&s->lock);
        expire(s, now);
        slot = find(s, id);
        if (slot != NULL && (slot->taken || !answers(&slot->session, control)))
            slot = NULL;
        if (slot != NULL) {
            slot->taken = slot->proven = true;
            slot->used_at = now;
            *session = slot->session;
            session->cipher = cert_ref(session->cipher);
            session->signature = session->signature == NULL ? NULL : cert_ref(session->signature);
        }
        pthread_mutex_unlock(&s->lock);
    }
    if (slot == NULL)
        return error_set(err, ST_INVALID, 9400, "not the next request of an open dialog");
    return ST_OK;
}

void osci_sessions_put(struct osci_sessions *s, const struct osci_session *session, int64_t now)
{
    struct slot *slot;

    pthread_mutex_lock(&s->lock);
    slot = find(s, session->conversation_id);
    if (slot != NULL) {
        struct cert *cipher = slot->session.cipher, *signature = slot->session.signature;

        slot->session = *session;
        slot->session.cipher = cipher;
        slot->session.signature = signature;
        slot->used_at = now;
        slot->taken = false;
    }
    pthread_mutex_unlock(&s->lock);
}

void osci_sessions_close(struct osci_sessions *s, const char *conversation_id)
{
    struct slot *slot;

    pthread_mutex_lock(&s->lock);
    slot = find(s, conversation_id);
    if (slot != NULL)
        slot_clear(slot);
    pthread_mutex_unlock(&s->lock);
}

size_t osci_sessions_count(struct osci_sessions *s)
{
    size_t n = 0;

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->conf.max; i++)
        n += s->slots[i].open;
    pthread_mutex_unlock(&s->lock);
    return n;
}
