/*
 * count_private.c - how often a process uses a private key: a preloaded library
 *
 * Counts what OpenSSL's public interface is asked to sign or decrypt, by the TLS library as well as
 * by the program, and writes both sums to the file COUNT_PRIVATE at SIGUSR2 and at the end.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

static atomic_long signs, decrypts;

static void tell(int sig)
{
    const char *path = getenv("COUNT_PRIVATE");
    char line[64];
    int len = snprintf(line, sizeof line, "%ld %ld\n", (long)signs, (long)decrypts);
    int fd = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    (void)sig;
    if (fd < 0)
        return;
    if (write(fd, line, (size_t)len) != len)
        abort();
    close(fd);
}

__attribute__((constructor)) static void begin(void)
{
    signal(SIGUSR2, tell);
}

__attribute__((destructor)) static void end(void)
{
    tell(0);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* One of these may call another one: the operation is one. */
static __thread int inside;

#define COUNTED(counter, wanted, call)                                                             \
    do {                                                                                           \
        int result_;                                                                               \
                                                                                                   \
        counter += (wanted) && inside == 0;                                                        \
        inside++;                                                                                  \
        result_ = call;                                                                            \
        inside--;                                                                                  \
        return result_;                                                                            \
    } while (0)

int EVP_DigestSign(EVP_MD_CTX *ctx, unsigned char *sig, size_t *len, const unsigned char *bytes,
                   size_t count)
{
    COUNTED(signs, sig != NULL, NEXT(EVP_DigestSign)(ctx, sig, len, bytes, count));
}

int EVP_DigestSignFinal(EVP_MD_CTX *ctx, unsigned char *sig, size_t *len)
{
    COUNTED(signs, sig != NULL, NEXT(EVP_DigestSignFinal)(ctx, sig, len));
}

int EVP_PKEY_sign(EVP_PKEY_CTX *ctx, unsigned char *sig, size_t *len, const unsigned char *bytes,
                  size_t count)
{
    COUNTED(signs, sig != NULL, NEXT(EVP_PKEY_sign)(ctx, sig, len, bytes, count));
}

int EVP_PKEY_decrypt(EVP_PKEY_CTX *ctx, unsigned char *out, size_t *len, const unsigned char *bytes,
                     size_t count)
{
    COUNTED(decrypts, out != NULL, NEXT(EVP_PKEY_decrypt)(ctx, out, len, bytes, count));
}
