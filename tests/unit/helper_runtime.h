/*
 * helper_runtime.h - a running gateway's runtime from a settings text, in a temporary folder
 *
 * The keys are those of the golden vectors: "originator" is Ahausen, "addressee" Beheim, and
 * "intermediary". In the text, {dir} is the temporary folder and {keys} the folder of the keys. All
 * of it fails the running test when something goes wrong.
 */
#pragma once

#include <pthread.h>

#include "gateway/loop.h"
#include "gateway/runtime.h"

struct helper_runtime {
    char dir[64];
    const struct gw_config *conf;
    struct gw_loop *loop;
    struct gw_log *log;
    struct gw_runtime *rt;
    pthread_t thread;
    bool runs, ran;
};

/* Trust, the tenant Ahausen, an intermediary "demo" at {url} and the partner Beheim there; state in
 * {dir}/state. Endpoints follow in the test's own text. */
extern const char helper_town_yaml[];
/* The same for the tenant Beheim, without partners. */
extern const char helper_other_town_yaml[];

/* dir is made when it is empty. yaml and more may hold {dir}, {keys}, {url} (NULL: one where nobody
 * listens) and the identities {originator}, {addressee} and {intermediary}. */
void helper_runtime_open(struct helper_runtime *h, const char *yaml, const char *more,
                         const char *url);
/* Runs the loop in a thread of its own, until helper_runtime_stop. */
void helper_runtime_run(struct helper_runtime *h);
/* Stops the loop and waits for its end; returns the ms that took. */
int64_t helper_runtime_stop(struct helper_runtime *h);
/* Closes all and keeps the folder, for opening again: what a restart does. */
void helper_runtime_close(struct helper_runtime *h);
void helper_runtime_deinit(struct helper_runtime *h);
/* The path in the temporary folder; 512 bytes. */
const char *helper_path(const struct helper_runtime *h, char path[512], const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Writes a file there. */
void helper_file(const struct helper_runtime *h, const char *name, struct span bytes);
bool helper_there(const struct helper_runtime *h, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The whole file as a string; free it. */
char *helper_read_file(const struct helper_runtime *h, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* How many entries a folder has, hidden ones too; the last one's name in name (may be NULL). */
size_t helper_entries(const struct helper_runtime *h, const char *folder, char name[256]);
/* Messages of a box, newest first; of all states with 0. */
struct gw_message_list helper_messages(const struct helper_runtime *h, struct arena *arena,
                                       enum gw_box box, uint32_t states);
/* A message to send, as the spool makes one. */
void helper_message_out(struct helper_runtime *h, const char *recipient, struct span content,
                        int64_t expires_at, char id[GW_ID_SIZE]);
/* The same with all that the row says; id, endpoint, box and time are filled in, and the first
 * tenant where it names none. */
void helper_message_row(struct helper_runtime *h, const struct gw_message_row *row,
                        struct span content, char id[GW_ID_SIZE]);
struct gw_message_row helper_message_of(const struct helper_runtime *h, struct arena *arena,
                                        const char *id);
