#include "gateway/scan_impl.h"

#include <string.h>
#include <unistd.h>

#include "gateway/command.h"

enum { OUTPUT_MAX = 1024 * 1024, SAID_MAX = 400 };

static enum status judge(const struct gw_command_result *r, int64_t timeout_seconds,
                         struct gw_scan_word *word, struct error *err)
{
    if (!r->started)
        return error_set(err, ST_RETRY, GW_R_SCAN_UNAVAILABLE, "%s", r->why.text);
    if (r->flooded)
        return error_set(err, ST_RETRY, GW_R_SCAN_UNAVAILABLE, "it writes and writes");
    if (r->late)
        return error_set(err, ST_RETRY, GW_R_SCAN_UNAVAILABLE, "no word within %lld s",
                         (long long)timeout_seconds);
    if (r->signal != 0)
        return error_set(err, ST_RETRY, GW_R_SCAN_UNAVAILABLE, "ended by signal %d", r->signal);
    if (r->exit_code != 0 && r->exit_code != 1)
        return error_set(err, ST_RETRY, GW_R_SCAN_UNAVAILABLE, "exit code %lld; %.*s",
                         (long long)r->exit_code, SAID_MAX, r->tail[0] != '\0' ? r->tail : r->head);
    word->result = r->exit_code == 0 ? GW_SCAN_CLEAN : GW_SCAN_FINDING;
    (void)snprintf(word->name, sizeof word->name, "%.*s", (int)sizeof word->name - 1, r->head);
    return ST_OK;
}

enum status gw_scan_command(const struct gw_virus_scan_conf *conf, struct gw_loop *loop,
                            struct gw_file_source *file, struct gw_scan_word *word,
                            struct error *err)
{
    static const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", NULL};
    const char **argv = gw_alloc((conf->command_count + 1) * sizeof *argv);
    const struct gw_command_conf run = {
        .argv = argv, .env = env, .dir = "/", .input = file, .output_max = OUTPUT_MAX};
    struct gw_command_result result = {0};

    memcpy(argv, conf->command, conf->command_count * sizeof *argv);
    (void)lseek(file->fd, 0, SEEK_SET); /* another program may have read it before */
    gw_command_wait(loop, &run, conf->timeout_seconds * 1000, &result);
    free(argv);
    return judge(&result, conf->timeout_seconds, word, err);
}
