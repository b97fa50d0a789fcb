/* depesche - the operator's command; what it does stands in cli.h and depesche(1). */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "gateway/cli.h"

/* The first of these that says anything, as setlocale(3) has it. */
static enum gw_lang locale_lang(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = getenv(names[i]);

        if (value != NULL && value[0] != '\0')
            return gw_lang_of(value, GW_LANG_EN);
    }
    return GW_LANG_EN;
}

static int terminal_width(void)
{
    struct winsize size = {0};

    if (isatty(STDOUT_FILENO) == 0)
        return 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

static bool wait_ms(void *ctx, int ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000L};

    (void)ctx;
    (void)nanosleep(&time, NULL);
    return true;
}

int main(int argc, char **argv)
{
    struct timespec now;
    struct gw_cli_io io = {.out = stdout, .err = stderr, .pause = wait_ms};
    int rc;

    /* all text is UTF-8, also where the locale is "C" as under cron */
    if (setlocale(LC_ALL, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    (void)clock_gettime(CLOCK_REALTIME, &now);
    io.now = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    io.lang = locale_lang();
    io.width = terminal_width();
    io.color = io.width > 0 && getenv("NO_COLOR") == NULL;
    io.progress = isatty(STDERR_FILENO) != 0;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return EX_SOFTWARE;
    rc = gw_cli_run(argc, argv, &io);
    curl_global_cleanup();
    return rc;
}
