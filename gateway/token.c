#include "gateway/token.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "crypto/key_away.h"
#include "gateway/explain.h"
#include "gateway/key_file.h"

enum { SLOTS_MAX = 64, ATTRIBUTES_MAX = 16, BLOCK_MAX = RSA_BITS_MAX / 8 };

/* Which PIN the token has refused. */
struct refused {
    bool is;
    dev_t dev;
    ino_t ino;
    struct timespec changed;
};

/* A library. Calls are made under the read lock, and it is started anew under the write lock, when
 * all that was open is void. */
struct module {
    char *path;
    CK_FUNCTION_LIST *calls;
    pthread_rwlock_t lock;
    unsigned epoch; /* one more with each start */
    int64_t renewed_at;
    struct module *next;
};

struct gw_tokens {
    pthread_mutex_t lock;
    struct module *modules;
};

struct token {
    struct module *owner;
    CK_FUNCTION_LIST *module; /* its calls */
    P11KitUri *uri;
    char *label, *pin_file; /* label: the URI, for texts */
    struct cert *cert;      /* of the key; NULL: a certificate is wanted */
    pthread_mutex_t lock;
    pthread_cond_t returned;
    /* under lock */
    CK_SESSION_HANDLE idle[GW_TOKEN_SESSIONS];
    size_t idle_count, out_count; /* out: working, or being opened */
    unsigned generation;          /* one more with each loss: older sessions and objects are void */
    unsigned epoch;               /* of the library, when they were opened */
    bool found, signs;            /* signs: it may sign; otherwise it may decipher */
    CK_OBJECT_HANDLE object;
    struct refused refused;
    int64_t failed_at; /* of the monotonic clock; 0: it has not */
    struct error failure;
};

struct visit {
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object;
    unsigned generation;
    bool signs;
};

bool gw_token_is(const char *value)
{
    return value != NULL && strncmp(value, "pkcs11:", 7) == 0;
}

bool gw_token_is_cause(int cause)
{
    return cause >= GW_R_TOKEN_MODULE && cause <= GW_R_TOKEN_FAILED;
}

/* ---- what a token says ---- */

static const struct {
    CK_RV rv;
    int cause;
} causes[] = {
    {CKR_PIN_INCORRECT, GW_R_TOKEN_PIN},       {CKR_PIN_INVALID, GW_R_TOKEN_PIN},
    {CKR_PIN_LEN_RANGE, GW_R_TOKEN_PIN},       {CKR_PIN_LOCKED, GW_R_TOKEN_LOCKED},
    {CKR_PIN_EXPIRED, GW_R_TOKEN_LOCKED},      {CKR_TOKEN_NOT_PRESENT, GW_R_TOKEN_MISSING},
    {CKR_DEVICE_REMOVED, GW_R_TOKEN_MISSING},  {CKR_TOKEN_NOT_RECOGNIZED, GW_R_TOKEN_MISSING},
    {CKR_SLOT_ID_INVALID, GW_R_TOKEN_MISSING}, {CKR_MECHANISM_INVALID, GW_R_TOKEN_MECHANISM},
};

static enum status caused(struct error *err, enum status st, int cause)
{
    err->cause = cause;
    return st;
}

static enum status refuses(struct error *err, const struct token *t, const char *what, CK_RV rv)
{
    int cause = GW_R_TOKEN_FAILED;

    for (size_t i = 0; i < ARRAY_LEN(causes); i++)
        if (causes[i].rv == rv)
            cause = causes[i].cause;
    (void)error_set(err, ST_RETRY, 0, "%s: %s: %s", t->label, what, p11_kit_strerror(rv));
    return caused(err, ST_RETRY, cause);
}

/* ---- the URI ---- */

static enum status uri_read(const char *text, P11KitUri **uri, struct error *err)
{
    int rc;

    *uri = p11_kit_uri_new();
    TRY_ALLOC(*uri, err);
    rc = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, *uri);
    if (rc != P11_KIT_URI_OK)
        return error_set(err, ST_INVALID, 0, "%s", p11_kit_uri_message(rc));
    if (p11_kit_uri_any_unrecognized(*uri) != 0)
        return error_set(err, ST_INVALID, 0, "part of it is unknown");
    if (p11_kit_uri_get_pin_value(*uri) != NULL || p11_kit_uri_get_pin_source(*uri) != NULL)
        return error_set(err, ST_INVALID, 0, "the PIN belongs into passphrase_file");
    if (p11_kit_uri_get_module_path(*uri) != NULL || p11_kit_uri_get_module_name(*uri) != NULL)
        return error_set(err, ST_INVALID, 0, "the library belongs into module");
    if (p11_kit_uri_get_attribute(*uri, CKA_LABEL) == NULL &&
        p11_kit_uri_get_attribute(*uri, CKA_ID) == NULL)
        return error_set(err, ST_INVALID, 0, "neither object nor id is named");
    (void)p11_kit_uri_clear_attribute(*uri, CKA_CLASS); /* the setting tells which it is */
    return ST_OK;
}

enum status gw_token_uri_check(const char *text, struct error *err)
{
    P11KitUri *uri = NULL;
    enum status st = uri_read(text, &uri, err);

    p11_kit_uri_free(uri);
    return st;
}

/* ---- a session ---- */

/* The first slot with a token as the URI describes it. */
static enum status slot_find(struct token *t, CK_SLOT_ID *slot, CK_TOKEN_INFO *info,
                             struct error *err)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    CK_RV rv = t->module->C_GetSlotList(CK_TRUE, slots, &count);

    if (rv != CKR_OK)
        return refuses(err, t, "the slots", rv);
    for (CK_ULONG i = 0; i < count; i++) {
        *slot = slots[i];
        if (t->module->C_GetTokenInfo(slots[i], info) == CKR_OK &&
            (info->flags & CKF_TOKEN_INITIALIZED) != 0 &&
            p11_kit_uri_match_token_info(t->uri, info) == 1)
            return ST_OK;
    }
    (void)error_set(err, ST_RETRY, 0, "%s: there is no such token", t->label);
    return caused(err, ST_RETRY, GW_R_TOKEN_MISSING);
}

static bool refused_before(const struct refused *r, const struct stat *info)
{
    return r->is && r->dev == info->st_dev && r->ino == info->st_ino &&
           r->changed.tv_sec == info->st_mtim.tv_sec && r->changed.tv_nsec == info->st_mtim.tv_nsec;
}

static enum status pin_refused(struct token *t, const char *why, struct error *err)
{
    (void)error_set(err, ST_RETRY, 0, "%s: the PIN in %s %s", t->label, t->pin_file, why);
    return caused(err, ST_RETRY, GW_R_TOKEN_PIN);
}

static enum status pin_show(struct token *t, CK_SESSION_HANDLE session, struct error *err)
{
    AUTO(buf_deinit_secret) struct buf pin = {0};
    struct stat info = {0};
    CK_RV rv;

    if (stat(t->pin_file, &info) == 0 && refused_before(&t->refused, &info))
        return pin_refused(t, "was refused, and is still the same", err);
    if (gw_key_file_line(t->pin_file, &pin, err) != ST_OK)
        return caused(err, err->status = ST_RETRY, GW_R_TOKEN_PIN);
    rv = t->module->C_Login(session, CKU_USER, pin.ptr, pin.len);
    t->refused = (struct refused){rv == CKR_PIN_INCORRECT, info.st_dev, info.st_ino, info.st_mtim};
    if (rv == CKR_PIN_INCORRECT)
        return pin_refused(t, "is wrong", err);
    if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
        return refuses(err, t, "login", rv);
    return ST_OK;
}

static enum status login(struct token *t, CK_SESSION_HANDLE session, const CK_TOKEN_INFO *info,
                         struct error *err)
{
    CK_SESSION_INFO state;

    if ((info->flags & CKF_LOGIN_REQUIRED) == 0 ||
        (t->module->C_GetSessionInfo(session, &state) == CKR_OK &&
         (state.state == CKS_RO_USER_FUNCTIONS || state.state == CKS_RW_USER_FUNCTIONS)))
        return ST_OK;
    if (t->pin_file == NULL) {
        (void)error_set(err, ST_RETRY, 0,
                        "%s: the token wants a PIN, but passphrase_file is not set", t->label);
        return caused(err, ST_RETRY, GW_R_TOKEN_PIN);
    }
    if ((info->flags & (CKF_USER_PIN_LOCKED | CKF_USER_PIN_FINAL_TRY)) != 0) {
        (void)error_set(err, ST_RETRY, 0, "%s: %s", t->label,
                        (info->flags & CKF_USER_PIN_LOCKED) != 0
                            ? "the PIN is locked"
                            : "one wrong PIN more would lock it");
        return caused(err, ST_RETRY, GW_R_TOKEN_LOCKED);
    }
    return pin_show(t, session, err);
}

/* ---- an object ---- */

static bool bool_get(const struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                     CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};

    return t->module->C_GetAttributeValue(session, object, &attribute, 1) == CKR_OK &&
           value == CK_TRUE;
}

/* Exactly one, of that class, with the attributes of the URI. */
static enum status object_find(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class,
                               CK_OBJECT_HANDLE *object, struct error *err)
{
    CK_ATTRIBUTE wanted[ATTRIBUTES_MAX + 1] = {{CKA_CLASS, &class, sizeof class}};
    CK_ULONG wanted_count = 0, count = 0;
    CK_ATTRIBUTE *of_uri = p11_kit_uri_get_attributes(t->uri, &wanted_count);
    CK_OBJECT_HANDLE objects[2];
    CK_RV rv;

    if (wanted_count > ATTRIBUTES_MAX)
        wanted_count = ATTRIBUTES_MAX;
    memcpy(wanted + 1, of_uri, wanted_count * sizeof *wanted);
    rv = t->module->C_FindObjectsInit(session, wanted, wanted_count + 1);
    if (rv == CKR_OK) {
        rv = t->module->C_FindObjects(session, objects, 2, &count);
        (void)t->module->C_FindObjectsFinal(session);
    }
    if (rv != CKR_OK)
        return refuses(err, t, "search", rv);
    *object = objects[0];
    if (count == 1)
        return ST_OK;
    (void)error_set(err, ST_RETRY, 0, "%s: the token has %s %s of that name", t->label,
                    count == 0 ? "no" : "more than one",
                    class == CKO_PRIVATE_KEY ? "private key" : "certificate");
    return caused(err, ST_RETRY, GW_R_TOKEN_OBJECT);
}

static enum status key_find(struct token *t, CK_SLOT_ID slot, CK_SESSION_HANDLE session,
                            struct error *err)
{
    CK_MECHANISM_INFO info;
    bool deciphers;

    TRY(object_find(t, session, CKO_PRIVATE_KEY, &t->object, err));
    t->signs = bool_get(t, session, t->object, CKA_SIGN);
    deciphers = bool_get(t, session, t->object, CKA_DECRYPT);
    if (t->module->C_GetMechanismInfo(slot, CKM_RSA_X_509, &info) != CKR_OK ||
        (t->signs ? (info.flags & CKF_SIGN) == 0 : (info.flags & CKF_DECRYPT) == 0)) {
        (void)error_set(err, ST_DENIED, 0, "%s: the token does not compute RSA without padding",
                        t->label);
        return caused(err, ST_DENIED, GW_R_TOKEN_MECHANISM);
    }
    if ((t->signs || deciphers) && !bool_get(t, session, t->object, CKA_ALWAYS_AUTHENTICATE))
        return ST_OK;
    (void)error_set(err, ST_DENIED, 0, "%s: the key %s", t->label,
                    t->signs || deciphers ? "asks for the PIN each time"
                                          : "may neither sign nor decipher");
    return caused(err, ST_DENIED, GW_R_TOKEN_OBJECT);
}

/* ---- sessions, under the lock ---- */

static void idle_close(struct token *t)
{
    while (t->idle_count > 0)
        (void)t->module->C_CloseSession(t->idle[--t->idle_count]);
}

static enum status session_open(struct token *t, CK_SESSION_HANDLE *session, struct error *err)
{
    CK_TOKEN_INFO info;
    CK_SLOT_ID slot = 0;
    enum status st;
    CK_RV rv;

    TRY(slot_find(t, &slot, &info, err));
    rv = t->module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, session);
    if (rv != CKR_OK)
        return refuses(err, t, "a session", rv);
    st = t->cert == NULL ? ST_OK : login(t, *session, &info, err); /* certificates want none */
    if (st == ST_OK && t->cert != NULL && !t->found) {
        st = key_find(t, slot, *session, err);
        t->found = st == ST_OK;
    }
    if (st != ST_OK)
        (void)t->module->C_CloseSession(*session);
    return st;
}

static int64_t monotonic_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The library was started anew: nothing is open any more. */
static void epoch_follow(struct token *t)
{
    if (t->epoch == t->owner->epoch)
        return;
    t->epoch = t->owner->epoch;
    t->generation++;
    t->found = false;
    t->idle_count = 0;
    t->failed_at = 0;
}

static enum status visit_prepare(struct token *t, struct visit *v, struct error *err)
{
    enum status st;

    epoch_follow(t);
    if (t->idle_count > 0) {
        v->session = t->idle[--t->idle_count];
    } else if (t->failed_at != 0 && monotonic_ms() - t->failed_at < GW_TOKEN_PAUSE_MS) {
        *err = t->failure;
        return err->status;
    } else {
        st = session_open(t, &v->session, err);
        t->failed_at = st == ST_OK ? 0 : monotonic_ms();
        t->failure = *err;
        if (st != ST_OK)
            return st;
    }
    v->object = t->object;
    v->signs = t->signs;
    v->generation = t->generation;
    return ST_OK;
}

static enum status visit_begin(struct token *t, struct visit *v, struct error *err)
{
    enum status st;

    pthread_mutex_lock(&t->lock);
    while (t->out_count == GW_TOKEN_SESSIONS)
        pthread_cond_wait(&t->returned, &t->lock);
    t->out_count++;
    st = visit_prepare(t, v, err);
    if (st != ST_OK) {
        t->out_count--;
        pthread_cond_signal(&t->returned);
    }
    pthread_mutex_unlock(&t->lock);
    return st;
}

/* good: the session may serve again, if nobody else has found it void meanwhile. */
static void visit_end(struct token *t, const struct visit *v, bool good)
{
    pthread_mutex_lock(&t->lock);
    if (!good && v->generation == t->generation) {
        t->generation++;
        t->found = false;
        idle_close(t);
    }
    if (v->generation == t->generation)
        t->idle[t->idle_count++] = v->session;
    else
        (void)t->module->C_CloseSession(v->session);
    t->out_count--;
    pthread_cond_signal(&t->returned);
    pthread_mutex_unlock(&t->lock);
}

/* ---- the operation ---- */

static CK_RV compute(const struct token *t, const struct visit *v, struct span in, uint8_t *out)
{
    uint8_t answer[BLOCK_MAX], *bytes = (uint8_t *)(uintptr_t)in.ptr; /* C without const */
    CK_MECHANISM mechanism = {CKM_RSA_X_509, NULL, 0};
    CK_ULONG len = sizeof answer;
    CK_RV rv = v->signs ? t->module->C_SignInit(v->session, &mechanism, v->object)
                        : t->module->C_DecryptInit(v->session, &mechanism, v->object);

    if (rv == CKR_OK)
        rv = v->signs ? t->module->C_Sign(v->session, bytes, in.len, answer, &len)
                      : t->module->C_Decrypt(v->session, bytes, in.len, answer, &len);
    if (rv == CKR_OK && len <= in.len) { /* some leave zeros out in front */
        memset(out, 0, in.len - len);
        memcpy(out + in.len - len, answer, len);
    } else if (rv == CKR_OK) {
        rv = CKR_GENERAL_ERROR;
    }
    explicit_bzero(answer, sizeof answer);
    return rv;
}

/* What was open may be void by now, but is asked once. Under the library's read lock. */
static enum status turns(struct token *t, struct span in, uint8_t *out, struct error *err)
{
    CK_RV rv = CKR_OK;

    for (int turn = 0; turn < 2; turn++) {
        struct visit v;

        TRY(visit_begin(t, &v, err));
        rv = compute(t, &v, in, out);
        visit_end(t, &v, rv == CKR_OK);
        if (rv == CKR_OK)
            return ST_OK;
    }
    return refuses(err, t, "the key", rv);
}

/* Unless somebody has done so since epoch, or a moment ago. True: it is worth another try. */
static bool module_renew(struct module *m, unsigned epoch)
{
    int64_t now = monotonic_ms();
    bool worth;

    pthread_rwlock_wrlock(&m->lock);
    if (m->epoch == epoch && now - m->renewed_at >= GW_TOKEN_RENEW_MS) {
        m->renewed_at = now;
        m->epoch++;
        (void)p11_kit_module_finalize(m->calls);
        (void)p11_kit_module_initialize(m->calls); /* or else all calls fail until the next time */
    }
    worth = m->epoch != epoch;
    pthread_rwlock_unlock(&m->lock);
    return worth;
}

static enum status power(void *ctx, struct span in, uint8_t *out, struct error *err)
{
    struct token *t = ctx;
    enum status st = ST_OK;

    for (int turn = 0; turn < 2; turn++) {
        unsigned epoch;

        pthread_rwlock_rdlock(&t->owner->lock);
        epoch = t->owner->epoch;
        st = turns(t, in, out, err);
        pthread_rwlock_unlock(&t->owner->lock);
        if (st == ST_OK || (err->cause != GW_R_TOKEN_MISSING && err->cause != GW_R_TOKEN_FAILED) ||
            !module_renew(t->owner, epoch))
            return st;
    }
    return st;
}

/* ---- from the start to the end ---- */

static void token_free(void *ctx)
{
    struct token *t = ctx;

    if (t->owner != NULL) {
        pthread_rwlock_rdlock(&t->owner->lock);
        epoch_follow(t);
        idle_close(t);
        pthread_rwlock_unlock(&t->owner->lock);
    }
    p11_kit_uri_free(t->uri);
    pthread_cond_destroy(&t->returned);
    pthread_mutex_destroy(&t->lock);
    cert_free(t->cert);
    free(t->label);
    free(t->pin_file);
    free(t);
}

enum status gw_tokens_new(struct gw_tokens **tokens, struct error *err)
{
    struct gw_tokens *made = calloc(1, sizeof *made);

    TRY_ALLOC(made, err);
    pthread_mutex_init(&made->lock, NULL);
    *tokens = made;
    return ST_OK;
}

static void module_free(struct module *m)
{
    if (m->calls != NULL) {
        (void)p11_kit_module_finalize(m->calls);
        p11_kit_module_release(m->calls);
    }
    pthread_rwlock_destroy(&m->lock);
    free(m->path);
    free(m);
}

void gw_tokens_free(struct gw_tokens *tokens)
{
    if (tokens == NULL)
        return;
    while (tokens->modules != NULL) {
        struct module *m = tokens->modules;

        tokens->modules = m->next;
        module_free(m);
    }
    pthread_mutex_destroy(&tokens->lock);
    free(tokens);
}

static enum status module_new(const char *path, struct module **module, struct error *err)
{
    struct module *m = calloc(1, sizeof *m);
    const char *why = NULL;
    CK_RV rv = CKR_OK;

    TRY_ALLOC(m, err);
    pthread_rwlock_init(&m->lock, NULL);
    m->path = strdup(path);
    m->calls = m->path == NULL ? NULL : p11_kit_module_load(path, 0);
    if (m->calls == NULL)
        why = p11_kit_message();
    else if ((rv = p11_kit_module_initialize(m->calls)) != CKR_OK)
        why = p11_kit_strerror(rv);
    if (m->calls != NULL && rv == CKR_OK) {
        *module = m;
        return ST_OK;
    }
    (void)error_set(err, ST_DENIED, 0, "%s: %s", path, why != NULL ? why : "it cannot be loaded");
    module_free(m);
    return caused(err, ST_DENIED, GW_R_TOKEN_MODULE);
}

static enum status module_get(struct gw_tokens *tokens, const char *path, struct module **module,
                              struct error *err)
{
    enum status st = ST_OK;

    pthread_mutex_lock(&tokens->lock);
    for (*module = tokens->modules; *module != NULL; *module = (*module)->next)
        if (strcmp((*module)->path, path) == 0)
            break;
    if (*module == NULL && (st = module_new(path, module, err)) == ST_OK) {
        (*module)->next = tokens->modules;
        tokens->modules = *module;
    }
    pthread_mutex_unlock(&tokens->lock);
    return st;
}

/* cert: whose key it is; NULL: for a certificate. */
static enum status token_new(struct gw_tokens *tokens, const struct gw_token_conf *conf,
                             const struct cert *cert, struct token **token, struct error *err)
{
    struct token *t = calloc(1, sizeof *t);
    struct module *module = NULL;
    enum status st;

    TRY_ALLOC(t, err);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->returned, NULL);
    t->label = strdup(conf->uri);
    if (conf->pin_file != NULL)
        t->pin_file = strdup(conf->pin_file);
    st = t->label == NULL || (conf->pin_file != NULL && t->pin_file == NULL)
             ? error_starved(err)
             : uri_read(conf->uri, &t->uri, err);
    if (st == ST_OK && cert != NULL)
        st = cert_from_der(cert_der(cert), &t->cert, err);
    if (st == ST_OK)
        st = module_get(tokens, conf->module, &module, err);
    if (st != ST_OK) {
        token_free(t);
        return st;
    }
    t->owner = module;
    t->module = module->calls;
    *token = t;
    return ST_OK;
}

/* What trying again would not mend, at the start: wrong PINs above all must not be tried again. */
static enum status start_judge(struct error *err)
{
    if (err->cause == 0)
        err->cause = GW_R_KEY_MISMATCH; /* it has computed something else */
    if (err->cause != GW_R_TOKEN_MISSING && err->cause != GW_R_TOKEN_FAILED)
        err->status = ST_DENIED;
    return err->status;
}

enum status gw_token_key(struct gw_tokens *tokens, const struct gw_token_conf *conf,
                         const struct cert *cert, struct key **key, struct error *err)
{
    AUTO(key_drop) struct key *made = NULL;
    struct token *token;

    TRY(token_new(tokens, conf, cert, &token, err));
    TRY(key_away_new(cert, &(struct key_away){power, token_free, token}, &made, err));
    if (key_try(made, err) != ST_OK)
        return start_judge(err);
    *key = TAKE(made);
    return ST_OK;
}

static enum status cert_read(struct token *t, struct buf *pem, struct error *err)
{
    uint8_t der[CERT_DER_MAX];
    CK_ATTRIBUTE value = {CKA_VALUE, der, sizeof der};
    CK_OBJECT_HANDLE object;
    struct visit v;
    enum status st;
    CK_RV rv = CKR_OK;

    TRY(visit_begin(t, &v, err));
    st = object_find(t, v.session, CKO_CERTIFICATE, &object, err);
    if (st == ST_OK &&
        (rv = t->module->C_GetAttributeValue(v.session, object, &value, 1)) != CKR_OK)
        st = refuses(err, t, "the certificate", rv);
    visit_end(t, &v, st == ST_OK);
    TRY(st);
    cert_to_pem(span_of(der, value.ulValueLen), pem);
    return buf_check(pem, err);
}

enum status gw_token_cert(struct gw_tokens *tokens, const struct gw_token_conf *conf,
                          struct buf *pem, struct error *err)
{
    struct token *token;
    enum status st;

    TRY(token_new(tokens, conf, NULL, &token, err));
    pthread_rwlock_rdlock(&token->owner->lock);
    st = cert_read(token, pem, err);
    pthread_rwlock_unlock(&token->owner->lock);
    token_free(token);
    return st == ST_OK ? ST_OK : start_judge(err);
}
