/*
 * depesched-keys - the private keys, in a process of their own (gateway/key_process.h)
 *
 * Started by depesched with one argument, how many sockets there are, and these from descriptor 3
 * on; on each of them questions are answered by a thread of its own (gateway/keys_wire.h). It reads
 * no XML, no message and no settings; it opens the files that it is told before SEAL, and after
 * that nothing: the kernel leaves it reading, writing, memory and the end.
 *
 * It ends when the sockets do, whatever depesched came to, and not by the signals that ask a
 * service to end: until depesched has, keys are needed.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <openssl/crypto.h>

#include "crypto/base/sanitized.h"
#include "gateway/confine.h"
#include "gateway/keys_room.h"

enum { STACK_BYTES = 512 * 1024, SECURE_BYTES = 4 * 1024 * 1024, SECURE_MIN = 16 };
/* so much must be allowed for all of the process to be kept in memory */
enum { LOCK_BYTES_MIN = 48 * 1024 * 1024 };

struct life {
    struct gw_keys_room *room;
    bool locked;
};

struct channel {
    struct life *life;
    int fd;
    pthread_t thread;
    uint8_t question[GW_KEYS_MESSAGE_MAX + 1], answer[GW_KEYS_MESSAGE_MAX]; /* + 1: too long */
};

static bool limit(__rlimit_resource_t what, rlim_t max)
{
    const struct rlimit rl = {max, max};

    return setrlimit(what, &rl) == 0;
}

/* Keys are not to be written to swap: all of the process, or else where OpenSSL keeps them. */
static bool memory_lock(void)
{
    struct rlimit rl;
    bool all = getrlimit(RLIMIT_MEMLOCK, &rl) == 0 && rl.rlim_cur >= LOCK_BYTES_MIN;

    (void)mallopt(M_ARENA_MAX, 1); /* each would take 64 MB of what may be locked */
    if (!SANITIZED && all && mlockall(MCL_CURRENT | MCL_FUTURE) == 0)
        return true;
    return CRYPTO_secure_malloc_init(SECURE_BYTES, SECURE_MIN) == 1;
}

static bool harden(void)
{
    static const int asking[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2};

    (void)umask(0077);
    for (size_t i = 0; i < ARRAY_LEN(asking); i++)
        (void)signal(asking[i], SIG_IGN);
    return prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0);
}

/* From now on for all threads. A kernel without filters leaves us with the rest. */
static int seal(void *ctx)
{
    const struct life *life = ctx;
    struct error err = {0};
    int held = life->locked ? GW_KEYS_LOCKED : 0;
    enum status st;

    if (!limit(RLIMIT_NOFILE, 0))
        return -1;
    st = SANITIZED ? ST_NOT_FOUND : gw_confine_compute(&err);
    if (st == ST_OK)
        held |= GW_KEYS_CONFINED;
    return st == ST_OK || st == ST_NOT_FOUND ? held : -1;
}

static void *channel_serve(void *ctx)
{
    struct channel *c = ctx;

    for (;;) {
        ssize_t got = read(c->fd, c->question, sizeof c->question);
        size_t len;

        if (got <= 0)
            break;
        len = gw_keys_room_answer(c->life->room, span_of(c->question, (size_t)got), c->answer);
        if (len == 0) /* nobody we know asks like this */
            _exit(EX_PROTOCOL);
        if (write(c->fd, c->answer, len) != (ssize_t)len)
            break;
    }
    (void)close(c->fd);
    return NULL;
}

static bool channels_serve(struct life *life, int count)
{
    struct channel *channels = calloc((size_t)count, sizeof *channels);
    pthread_attr_t attributes;

    if (channels == NULL || pthread_attr_init(&attributes) != 0 ||
        pthread_attr_setstacksize(&attributes, STACK_BYTES) != 0)
        return false;
    for (int i = 0; i < count; i++) {
        channels[i].life = life;
        channels[i].fd = GW_KEYS_CHANNELS_FD + i;
        if (pthread_create(&channels[i].thread, &attributes, channel_serve, &channels[i]) != 0)
            return false;
    }
    for (int i = 0; i < count; i++)
        (void)pthread_join(channels[i].thread, NULL);
    return true;
}

/* Only keys are wiped; the rest goes with the process. */
int main(int argc, char **argv)
{
    struct life life = {0};
    struct error err = {0};
    int count = argc == 2 ? atoi(argv[1]) : 0;
    bool served;

    if (count < 1 || count > GW_KEYS_CHANNELS_MAX || !harden())
        _exit(EX_OSERR);
    life.locked = memory_lock();
    if (gw_keys_room_new(seal, &life, &life.room, &err) != ST_OK)
        _exit(EX_OSERR);
    served = channels_serve(&life, count);
    if (served)
        gw_keys_room_free(life.room);
    _exit(served ? EX_OK : EX_OSERR);
}
