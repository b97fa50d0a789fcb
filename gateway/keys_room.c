#include "gateway/keys_room.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/key_away.h"
#include "gateway/explain.h"

enum { FILE_BYTES_MAX = 4 * 1024 * 1024, PATH_BYTES_MAX = 4096 };

struct gw_keys_room {
    pthread_rwlock_t lock; /* written to until it is sealed */
    struct key *keys[GW_KEYS_MAX];
    size_t count;
    bool sealed;
    int (*seal)(void *ctx);
    void *ctx;
};

/* The strings of a LOAD; "" is none. */
struct files {
    const char *cert, *key, *passphrase;
};

enum status gw_keys_room_new(int (*seal)(void *ctx), void *ctx, struct gw_keys_room **room,
                             struct error *err)
{
    struct gw_keys_room *made = calloc(1, sizeof *made);

    TRY_ALLOC(made, err);
    pthread_rwlock_init(&made->lock, NULL);
    made->seal = seal;
    made->ctx = ctx;
    *room = made;
    return ST_OK;
}

void gw_keys_room_free(struct gw_keys_room *room)
{
    if (room == NULL)
        return;
    for (size_t i = 0; i < room->count; i++)
        key_free(room->keys[i]);
    pthread_rwlock_destroy(&room->lock);
    free(room);
}

/* ---- files ---- */

static enum status caused(enum status st, int cause, struct error *err)
{
    err->cause = cause;
    return st;
}

/* What is not there now may be there later, but nothing goes on without it. */
static enum status unreadable(const char *path, struct error *err)
{
    enum status st = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EIO
                         ? ST_RETRY
                         : ST_DENIED;

    (void)error_set(err, st, 0, "%s: %s", path, strerror(errno));
    return caused(st, GW_R_KEY_UNREADABLE, err);
}

static enum status file_read(const char *path, struct buf *bytes, struct error *err)
{
    AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat info;
    uint8_t *at;
    ssize_t got = 0;

    if (fd < 0 || fstat(fd, &info) != 0)
        return unreadable(path, err);
    if (!S_ISREG(info.st_mode) || info.st_size > FILE_BYTES_MAX) {
        (void)error_set(err, ST_DENIED, 0, "%s: no file of at most %d bytes", path, FILE_BYTES_MAX);
        return caused(ST_DENIED, GW_R_KEY_UNREADABLE, err);
    }
    buf_init(bytes, FILE_BYTES_MAX + 1);
    at = buf_grow(bytes, (size_t)info.st_size);
    TRY(buf_check(bytes, err));
    bytes->len = 0;
    while (bytes->len < (size_t)info.st_size &&
           (got = read(fd, at + bytes->len, (size_t)info.st_size - bytes->len)) > 0)
        bytes->len += (size_t)got;
    return got < 0 ? unreadable(path, err) : ST_OK;
}

/* The first line of a file. */
static enum status line_read(const char *path, struct buf *secret, struct error *err)
{
    TRY(file_read(path, secret, err));
    secret->len = strcspn(buf_cstr(secret), "\r\n");
    (void)buf_cstr(secret);
    return buf_check(secret, err);
}

static enum status pem_load(const struct files *f, const char *passphrase, struct key **key,
                            struct cert **cert, struct error *err)
{
    AUTO(buf_deinit_secret) struct buf cert_pem = {0}, key_pem = {0};
    AUTO(key_drop) struct key *made = NULL;

    if (f->cert[0] != '\0') {
        TRY(file_read(f->cert, &cert_pem, err));
        if (cert_from_pem(buf_span(&cert_pem), cert, err) != ST_OK)
            return error_context(err, "%s", f->cert);
    }
    TRY(file_read(f->key, &key_pem, err));
    if (key_from_pem(buf_span(&key_pem), passphrase, &made, err) != ST_OK)
        return error_context(err, "%s", f->key);
    if (*cert != NULL && !key_matches(made, *cert)) {
        (void)error_set(err, ST_INVALID, 0,
                        "%s: the key in %s does not belong to the certificate %s", f->cert, f->key,
                        cert_subject(*cert));
        return caused(ST_INVALID, GW_R_KEY_MISMATCH, err);
    }
    *key = TAKE(made);
    return ST_OK;
}

static enum status pkcs12_load(const struct files *f, const char *passphrase, struct key **key,
                               struct cert **cert, struct error *err)
{
    AUTO(buf_deinit_secret) struct buf p12 = {0};

    TRY(file_read(f->cert, &p12, err));
    if (key_from_pkcs12(buf_span(&p12), passphrase, key, cert, err) != ST_OK)
        return error_context(err, "%s", f->cert);
    return ST_OK;
}

static enum status pair_load(const struct files *f, struct key **key, struct cert **cert,
                             struct error *err)
{
    AUTO(buf_deinit_secret) struct buf secret = {0};
    const char *passphrase = NULL;

    if (f->passphrase[0] != '\0') {
        TRY(line_read(f->passphrase, &secret, err));
        passphrase = buf_cstr(&secret);
    }
    return f->key[0] != '\0' ? pem_load(f, passphrase, key, cert, err)
                             : pkcs12_load(f, passphrase, key, cert, err);
}

/* ---- questions ---- */

static bool string_take(struct span *bytes, const char **text)
{
    const uint8_t *end = bytes->len == 0 ? NULL : memchr(bytes->ptr, '\0', bytes->len);

    if (end == NULL || end - bytes->ptr >= PATH_BYTES_MAX)
        return false;
    *text = (const char *)bytes->ptr;
    bytes->len -= (size_t)(end + 1 - bytes->ptr);
    bytes->ptr = end + 1;
    return true;
}

static bool files_read(struct span bytes, struct files *f)
{
    return string_take(&bytes, &f->cert) && string_take(&bytes, &f->key) &&
           string_take(&bytes, &f->passphrase) && bytes.len == 0 &&
           (f->cert[0] != '\0' || f->key[0] != '\0');
}

static size_t refuse(const struct gw_keys_message *question, const struct error *err,
                     uint8_t *answer)
{
    struct gw_keys_message m = {.op = question->op,
                                .status = (uint8_t)err->status,
                                .number = (uint16_t)err->cause,
                                .id = question->id,
                                .bytes = span_str(err->text)};

    return gw_keys_write(&m, answer);
}

static size_t say(const struct gw_keys_message *question, struct span bytes, uint8_t *answer)
{
    struct gw_keys_message m = {.op = question->op, .id = question->id, .bytes = bytes};

    return gw_keys_write(&m, answer);
}

static size_t load(struct gw_keys_room *room, const struct gw_keys_message *question,
                   uint8_t *answer)
{
    AUTO(cert_drop) struct cert *cert = NULL;
    struct error err = {0};
    struct files f;

    if (room->sealed || question->number != room->count || room->count == GW_KEYS_MAX ||
        !files_read(question->bytes, &f))
        return 0;
    room->count++; /* it keeps its number, whatever becomes of it */
    if (pair_load(&f, &room->keys[question->number], &cert, &err) != ST_OK) {
        err.cause = err.cause != 0 ? err.cause : GW_R_KEY_UNREADABLE;
        return refuse(question, &err, answer);
    }
    return say(question, cert == NULL ? SPAN_NONE : cert_der(cert), answer);
}

static size_t seal(struct gw_keys_room *room, const struct gw_keys_message *question,
                   uint8_t *answer)
{
    int held = room->sealed || question->bytes.len > 0 ? -1 : room->seal(room->ctx);
    const uint8_t byte = (uint8_t)held;

    room->sealed = true;
    return held < 0 ? 0 : say(question, span_of(&byte, 1), answer);
}

static size_t power(const struct gw_keys_room *room, const struct gw_keys_message *question,
                    uint8_t *answer)
{
    struct error err = {0};
    size_t len = 0;

    if (!room->sealed || question->number >= room->count ||
        question->bytes.len > RSA_BITS_MAX / 8 || question->bytes.len == 0)
        return 0;
    if (room->keys[question->number] == NULL)
        (void)error_set(&err, ST_RETRY, 0, "there is no such key");
    else if (key_power(room->keys[question->number], question->bytes, answer + GW_KEYS_HEAD,
                       &err) == ST_OK)
        len = question->bytes.len;
    return len == 0 ? refuse(question, &err, answer)
                    : say(question, span_of(answer + GW_KEYS_HEAD, len), answer);
}

size_t gw_keys_room_answer(struct gw_keys_room *room, struct span question, uint8_t *answer)
{
    struct gw_keys_message m;
    size_t len;

    if (!gw_keys_read(question, &m) || m.status != ST_OK)
        return 0;
    if (m.op == GW_KEYS_POWER)
        pthread_rwlock_rdlock(&room->lock);
    else
        pthread_rwlock_wrlock(&room->lock);
    len = m.op == GW_KEYS_LOAD   ? load(room, &m, answer)
          : m.op == GW_KEYS_SEAL ? seal(room, &m, answer)
                                 : power(room, &m, answer);
    pthread_rwlock_unlock(&room->lock);
    return len;
}
