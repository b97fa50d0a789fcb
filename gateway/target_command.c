/*
 * A program takes the message: its files in a folder, message.json on stdin. It says by its exit
 * code what came of it, and by the last line on stderr why. What a crash or the end of the gateway
 * interrupts is run again with the same DEPESCHE_ID.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "gateway/command.h"
#include "gateway/target.h"

enum { EXIT_LATER = 75 /* EX_TEMPFAIL */ };

struct folder {
    char path[GW_PATH_SIZE];
    struct gw_file_source message; /* message.json, for its stdin */
};

static enum status folder_make(struct gw_target_visit *v, struct folder *f, struct error *err)
{
    AUTO(fd_drop) int fd = -1;

    if (snprintf(f->path, sizeof f->path, "%s/target-%s", v->rt->temp_dir, v->row->id) >=
        (int)sizeof f->path)
        return error_set(err, ST_LIMIT, GW_R_LIMIT, "the path of the state folder is too long");
    TRY(gw_dir_remove(AT_FDCWD, f->path, err)); /* of an attempt that was interrupted */
    TRY(gw_dir_make(AT_FDCWD, f->path, 0700, err));
    TRY(gw_dir_open(AT_FDCWD, f->path, &fd, err));
    TRY(gw_folder_fill(v->rt->store, v->row, fd, NULL, NULL, err));
    return gw_file_source_open(&f->message, fd, "message.json", err);
}

static void run(const struct gw_target_visit *v, const struct folder *f,
                struct gw_command_result *result)
{
    const struct gw_target_conf *conf = v->target->conf;
    char folder[sizeof f->path + 32], id[64], attempt[48];
    const char **argv = arena_array(v->arena, sizeof *argv, conf->command_count + 1);
    char *name = arena_array(v->arena, 1, strlen(conf->name) + 32);
    const char *const env[] = {
        "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", folder, id, attempt, name, NULL};
    const struct gw_command_conf command = {
        .argv = argv, .env = env, .dir = f->path, .input = &f->message};

    if (argv == NULL || name == NULL) {
        (void)error_set(&result->why, ST_LIMIT, 0, "out of memory");
        return;
    }
    memcpy(argv, conf->command, conf->command_count * sizeof *argv);
    (void)snprintf(folder, sizeof folder, "DEPESCHE_FOLDER=%s", f->path);
    (void)snprintf(id, sizeof id, "DEPESCHE_ID=%s", v->row->id);
    (void)snprintf(attempt, sizeof attempt, "DEPESCHE_ATTEMPT=%d", v->row->attempts + 1);
    (void)snprintf(name, strlen(conf->name) + 32, "DEPESCHE_TARGET=%s", conf->name);
    gw_command_wait(v->rt->loop, &command, conf->timeout_seconds * 1000, result);
}

static enum status judge(const struct gw_target_visit *v, const struct gw_command_result *result,
                         struct error *err)
{
    const char *last = result->last[0] != '\0' ? result->last : "it wrote nothing to stderr";

    if (!result->started)
        return error_set(err, ST_RETRY, GW_R_TARGET_START, "%s", result->why.text);
    if (result->late)
        return error_set(err, ST_RETRY, GW_R_TARGET_TIME, "ended after %lld s; %s",
                         (long long)v->target->conf->timeout_seconds, last);
    if (result->signal != 0) /* memory, say: that may be otherwise the next time */
        return error_set(err, ST_RETRY, GW_R_TARGET_LATER, "ended by signal %d; %s", result->signal,
                         last);
    if (result->exit_code == EXIT_LATER)
        return error_set(err, ST_RETRY, GW_R_TARGET_LATER, "%s", last);
    if (result->exit_code != 0)
        return error_set(err, ST_DENIED, GW_R_TARGET_COMMAND, "exit code %lld; %s",
                         (long long)result->exit_code, last);
    buf_str(v->answer, result->last);
    return ST_OK;
}

enum status gw_target_command(struct gw_target_visit *v, struct error *err)
{
    struct folder f = {.message = {.fd = -1}};
    struct gw_command_result result = {0};
    struct error ignored;
    enum status st = folder_make(v, &f, err);

    if (st == ST_OK)
        run(v, &f, &result);
    gw_file_source_deinit(&f.message);
    if (f.path[0] != '\0')
        (void)!gw_dir_remove(AT_FDCWD, f.path, &ignored); /* at the latest the next start does */
    return st == ST_OK ? judge(v, &result, err) : st;
}
