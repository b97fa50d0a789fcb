/*
 * helper_clamd.h - something that listens where clamd should
 *
 * A thread that takes INSTREAM as clamd does, one connection after the other, and finds whatever
 * holds the word HELPER_VIRUS; or misbehaves, by its manner. All of it fails the running test when
 * the framing of what it is sent is wrong.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HELPER_VIRUS "X5-not-a-virus-X5"
#define HELPER_FINDING "Test.Not-A-Virus"

enum helper_clamd_manner {
    CLAMD_HONEST,
    CLAMD_SAYS,       /* takes the file, then says what it is told to */
    CLAMD_SAYS_EARLY, /* says it after the command, and reads no further */
    CLAMD_HANGS_UP,   /* takes the file, then hangs up without a word */
    CLAMD_CLOSES,     /* hangs up as soon as somebody connects */
    CLAMD_SILENT,     /* takes the file, and says nothing until it is stopped */
    CLAMD_DEAF,       /* takes the connection and never reads */
    CLAMD_FLOODS,     /* writes without end */
};

struct helper_clamd {
    char address[128]; /* for the settings */
    pthread_t thread;
    int listener, wake[2];
    _Atomic(enum helper_clamd_manner) manner;
    const char *says; /* up to its NUL, and with it when with_nul */
    _Atomic(int) with_nul;
    atomic_uint asked;       /* files taken to their end */
    atomic_size_t bytes;     /* of the last one */
    atomic_size_t chunk_max; /* the largest chunk so far */
};

/* At a UNIX socket in dir, or for NULL at a port of loopback. */
void helper_clamd_start(struct helper_clamd *c, const char *dir);
void helper_clamd_stop(struct helper_clamd *c);
