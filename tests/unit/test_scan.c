/* The virus scanner, clamd or a program: good ones, bad ones, none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/payload.h"
#include "gateway/scan_impl.h"
#include "gateway/worker.h"
#include "tests/unit/helper_clamd.h"
#include "tests/unit/helper_runtime.h"
#include "tests/unit/helper_store.h"

enum { CHUNK_MAX = 64 * 1024, LARGE = 40 * 1024 * 1024, LATE_MS = 60 * 1000 };

/* A runtime whose loop runs, with a virus_scan block. */
struct world {
    struct helper_runtime h;
    struct helper_clamd clamd;
    struct gw_stage *stage;
    char id[GW_ID_SIZE];
    struct gw_scan_verdict verdict;
    struct error err;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    helper_dir_make(w->h.dir);
    helper_clamd_start(&w->clamd, w->h.dir);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    gw_stage_free(w->stage);
    if (w->h.rt != NULL)
        helper_runtime_close(&w->h);
    helper_clamd_stop(&w->clamd);
    helper_runtime_deinit(&w->h);
    free(w);
    return 0;
}

/* block: of virus_scan, without its braces. */
static void begin(struct world *w, const char *block)
{
    char yaml[1200];

    (void)snprintf(yaml, sizeof yaml, "virus_scan: {%s}\n", block);
    helper_runtime_open(&w->h, helper_town_yaml, block[0] == '\0' ? "" : yaml, NULL);
    helper_runtime_run(&w->h);
    assert_int_equal(gw_uuid_make(rng_system(), gw_now_ms(), w->id, &w->err), ST_OK);
    assert_int_equal(gw_stage_new(w->h.rt->store, w->id, &w->stage, &w->err), ST_OK);
}

static void add(struct world *w, const char *name, struct span bytes)
{
    assert_int_equal(
        gw_stage_add_bytes(w->stage, GW_FILE_PAYLOAD, name, NULL, NULL, bytes, &w->err), ST_OK);
}

static enum status scan(struct world *w)
{
    return gw_scan_stage(w->h.rt, w->stage, &w->verdict, &w->err);
}

/* ---- one file, every kind of scanner ---- */

#define CLAMD "clamd: '{dir}/clamd.ctl', timeout_seconds: 60"
#define SHORT "clamd: '{dir}/clamd.ctl', timeout_seconds: 1"
/* the script is one YAML text, in single quotes */
#define SH(script) "timeout_seconds: 60, command: [/bin/sh, -c, '" script "']"
#define SH_SHORT(script) "timeout_seconds: 1, command: [/bin/sh, -c, '" script "']"
#define NAME_50 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwx"
#define NAME_150 NAME_50 NAME_50 NAME_50

static struct row {
    const char *name, *block;
    enum helper_clamd_manner manner;
    const char *says; /* with its NUL, unless it ends in '!' */
    const char *file;
    enum status status;
    enum gw_scan_result result;
    const char *found; /* the finding's name, or a part of the trouble's text */
} rows[] = {
    /* clamd that does as it should */
    {"clean", CLAMD, CLAMD_HONEST, NULL, "harmless", ST_OK, GW_SCAN_CLEAN, ""},
    {"an empty file", CLAMD, CLAMD_HONEST, NULL, "", ST_OK, GW_SCAN_CLEAN, ""},
    {"a finding", CLAMD, CLAMD_HONEST, NULL, "a " HELPER_VIRUS " b", ST_OK, GW_SCAN_FINDING,
     HELPER_FINDING},
    {"a finding's name with blanks", CLAMD, CLAMD_SAYS, "stream: Win.A (b) FOUND", "x", ST_OK,
     GW_SCAN_FINDING, "Win.A (b)"},
    {"ended by a line feed", CLAMD, CLAMD_SAYS, "stream: A FOUND\n!", "x", ST_OK, GW_SCAN_FINDING,
     "A"},
    {"too large for clamd", CLAMD, CLAMD_SAYS, "INSTREAM size limit exceeded. ERROR", "x", ST_OK,
     GW_SCAN_TOO_LARGE, ""},
    {"too large, said early", CLAMD, CLAMD_SAYS_EARLY, "INSTREAM size limit exceeded. ERROR", "x",
     ST_OK, GW_SCAN_TOO_LARGE, ""},
    {"a finding, said early", CLAMD, CLAMD_SAYS_EARLY, "stream: A FOUND", "x", ST_OK,
     GW_SCAN_FINDING, "A"},
    /* and one that does not */
    {"OK, said early", CLAMD, CLAMD_SAYS_EARLY, "stream: OK", NULL, ST_RETRY, GW_SCAN_CLEAN,
     "before the file has ended: stream: OK"},
    {"OK and more", CLAMD, CLAMD_SAYS, "stream: OK FINE", "x", ST_RETRY, GW_SCAN_CLEAN, "OK FINE"},
    {"OK of another stream", CLAMD, CLAMD_SAYS, "/tmp/a: OK", "x", ST_RETRY, GW_SCAN_CLEAN,
     "/tmp/a"},
    {"OK in small letters", CLAMD, CLAMD_SAYS, "stream: ok", "x", ST_RETRY, GW_SCAN_CLEAN, "ok"},
    {"OK without its end", CLAMD, CLAMD_SAYS, "stream: OK!", "x", ST_RETRY, GW_SCAN_CLEAN,
     "hung up"},
    {"a finding without a name", CLAMD, CLAMD_SAYS, "stream:  FOUND", "x", ST_RETRY, GW_SCAN_CLEAN,
     "FOUND"},
    {"an empty answer", CLAMD, CLAMD_SAYS, "", "x", ST_RETRY, GW_SCAN_CLEAN, "clamd says"},
    {"an error", CLAMD, CLAMD_SAYS, "Can't allocate memory ERROR", "x", ST_RETRY, GW_SCAN_CLEAN,
     "Can't allocate memory"},
    {"an answer without end", CLAMD, CLAMD_FLOODS, NULL, "x", ST_RETRY, GW_SCAN_CLEAN,
     "does not end"},
    {"hangs up without a word", CLAMD, CLAMD_HANGS_UP, NULL, "x", ST_RETRY, GW_SCAN_CLEAN,
     "hung up"},
    {"hangs up at once", CLAMD, CLAMD_CLOSES, NULL, "x", ST_RETRY, GW_SCAN_CLEAN, "clamd"},
    {"says nothing", SHORT, CLAMD_SILENT, NULL, "x", ST_RETRY, GW_SCAN_CLEAN, "within 1 s"},
    {"reads nothing", SHORT, CLAMD_DEAF, NULL, NULL, ST_RETRY, GW_SCAN_CLEAN, "within 1 s"},
    {"is not there", "clamd: '{dir}/clamd.not'", CLAMD_HONEST, NULL, "x", ST_RETRY, GW_SCAN_CLEAN,
     "No such file"},
    {"nobody listens", "clamd: '127.0.0.1:1'", CLAMD_HONEST, NULL, "x", ST_RETRY, GW_SCAN_CLEAN,
     "127.0.0.1:1"},
    {"control characters in the name", CLAMD, CLAMD_SAYS, "stream: A\033[31m\001 FOUND", "x", ST_OK,
     GW_SCAN_FINDING, "A?[31m?"},
    {"bytes that are no UTF-8", CLAMD, CLAMD_SAYS, "stream: A\377 FOUND", "x", ST_OK,
     GW_SCAN_FINDING, "A?"},
    {"a name without end", CLAMD, CLAMD_SAYS, "stream: " NAME_150 " FOUND", "x", ST_OK,
     GW_SCAN_FINDING, NAME_50 NAME_50 "abcdefghijklmnopqrstuvwxyza"},
    /* programs */
    {"a program: clean", SH("exit 0"), CLAMD_HONEST, NULL, "x", ST_OK, GW_SCAN_CLEAN, ""},
    {"a program: a finding", SH("echo Virus.A; echo more; exit 1"), CLAMD_HONEST, NULL, "x", ST_OK,
     GW_SCAN_FINDING, "Virus.A"},
    {"a program reads the file", SH("grep -q " HELPER_VIRUS " && exit 1; exit 0"), CLAMD_HONEST,
     NULL, HELPER_VIRUS, ST_OK, GW_SCAN_FINDING, "?"},
    {"a program reads the file and finds nothing", SH("grep -q " HELPER_VIRUS " && exit 1; exit 0"),
     CLAMD_HONEST, NULL, "harmless", ST_OK, GW_SCAN_CLEAN, ""},
    {"a program that never reads", SH("exit 0"), CLAMD_HONEST, NULL, NULL, ST_OK, GW_SCAN_CLEAN,
     ""},
    {"a program in trouble", SH("echo out; echo no database >&2; exit 2"), CLAMD_HONEST, NULL, "x",
     ST_RETRY, GW_SCAN_CLEAN, "exit code 2; no database"},
    {"a program that crashes", SH("kill -9 $$"), CLAMD_HONEST, NULL, "x", ST_RETRY, GW_SCAN_CLEAN,
     "signal 9"},
    {"a program that hangs", SH_SHORT("sleep 1000"), CLAMD_HONEST, NULL, "x", ST_RETRY,
     GW_SCAN_CLEAN, "within 1 s"},
    {"a program that ignores its end", SH_SHORT("trap \"\" TERM; sleep 1000"), CLAMD_HONEST, NULL,
     "x", ST_RETRY, GW_SCAN_CLEAN, "within 1 s"},
    {"a program that floods", SH("yes"), CLAMD_HONEST, NULL, "x", ST_RETRY, GW_SCAN_CLEAN,
     "writes and writes"},
    {"a program that floods stderr", SH("yes >&2"), CLAMD_HONEST, NULL, "x", ST_RETRY,
     GW_SCAN_CLEAN, "writes and writes"},
    {"a program that leaves others behind", SH("sleep 1000 & exit 0"), CLAMD_HONEST, NULL, "x",
     ST_OK, GW_SCAN_CLEAN, ""},
    {"a program that is not there", "command: [/nowhere/scanner]", CLAMD_HONEST, NULL, "x",
     ST_RETRY, GW_SCAN_CLEAN, "/nowhere/scanner"},
    {"a program with a strange name for it", SH("printf \"a\\033\\377b\"; exit 1"), CLAMD_HONEST,
     NULL, "x", ST_OK, GW_SCAN_FINDING, "a??b"},
    /* no scanner */
    {"nobody asks", "", CLAMD_HONEST, NULL, HELPER_VIRUS, ST_OK, GW_SCAN_CLEAN, ""},
};

/* What row->file says; NULL: so much that it fits no pipe. */
static void add_row(struct world *w, const struct row *row)
{
    AUTO(buf_deinit) struct buf large = {0};

    if (row->file != NULL) {
        add(w, "a.doc", span_str(row->file));
        return;
    }
    buf_init(&large, 8 * 1024 * 1024);
    for (size_t i = 0; i < 512 * 1024; i++)
        buf_str(&large, "0123456789");
    add(w, "a.doc", buf_span(&large));
}

static void test_row(void **state)
{
    const struct row *row = *state;
    char says[256] = "";
    struct world *w;
    void *fixture;

    (void)setup(&fixture);
    w = fixture;
    if (row->says != NULL)
        (void)snprintf(says, sizeof says, "%s", row->says);
    w->clamd.says = says;
    if (says[0] != '\0' && says[strlen(says) - 1] == '!') {
        w->clamd.with_nul = 0;
        says[strlen(says) - 1] = '\0';
    }
    w->clamd.manner = row->manner;
    begin(w, row->block);
    add_row(w, row);
    assert_int_equal(scan(w), row->status);
    if (row->status == ST_OK) {
        assert_int_equal(w->verdict.result, row->result);
        assert_string_equal(w->verdict.name, row->found);
        assert_string_equal(w->verdict.file, row->result == GW_SCAN_CLEAN ? "" : "a.doc");
    } else {
        assert_int_equal(w->err.reason, GW_R_SCAN_UNAVAILABLE);
        if (strstr(w->err.text, row->found) == NULL)
            fail_msg("'%s' lacks '%s'", w->err.text, row->found);
    }
    (void)teardown(&fixture);
}

/* ---- more than one file ---- */

static void several(void **state)
{
    struct world *w = *state;

    begin(w, CLAMD);
    add(w, "one", SPAN("1"));
    assert_int_equal(gw_stage_add_bytes(w->stage, GW_FILE_EVIDENCE, "ours", NULL, NULL,
                                        SPAN(HELPER_VIRUS), &w->err),
                     ST_OK);
    add(w, "two", SPAN("2"));
    assert_int_equal(scan(w), ST_OK);
    assert_int_equal(w->verdict.result, GW_SCAN_CLEAN);
    assert_int_equal(w->verdict.scanned, 2); /* what is our own is not looked at */
    assert_int_equal(w->clamd.asked, 2);
    add(w, NULL, SPAN(HELPER_VIRUS));
    add(w, "four", SPAN("4"));
    assert_int_equal(scan(w), ST_OK);
    assert_int_equal(w->verdict.result, GW_SCAN_FINDING);
    assert_string_equal(w->verdict.file, "?");
    assert_int_equal(w->verdict.scanned, 2);
    assert_int_equal(w->clamd.asked, 5); /* the fourth not any more */
}

/* A header block of others is a file that others get. */
static void headers(void **state)
{
    struct world *w = *state;

    begin(w, CLAMD);
    assert_int_equal(gw_stage_add_bytes(w->stage, GW_FILE_HEADER, "h.xml", NULL, "id",
                                        SPAN("<a>" HELPER_VIRUS "</a>"), &w->err),
                     ST_OK);
    assert_int_equal(scan(w), ST_OK);
    assert_int_equal(w->verdict.result, GW_SCAN_FINDING);
}

/* The same after it was published, and by the rows of the index. */
static void published(void **state)
{
    struct world *w = *state;
    struct gw_file_list list;

    begin(w, CLAMD);
    add(w, "one", SPAN(HELPER_VIRUS));
    assert_int_equal(gw_stage_publish(w->stage, &w->err), ST_OK);
    assert_int_equal(scan(w), ST_OK);
    assert_int_equal(w->verdict.result, GW_SCAN_FINDING);
    list.rows = (struct gw_file_row *)(uintptr_t)gw_stage_files(w->stage, &list.count);
    assert_int_equal(gw_scan_files(w->h.rt, &list, &w->verdict, &w->err), ST_OK);
    assert_string_equal(w->verdict.name, HELPER_FINDING);
    assert_string_equal(w->verdict.file, "one");
}

/* All of it goes through, in chunks of a bounded size, and the word at the very end is found. */
static void large(void **state)
{
    struct world *w = *state;
    char *piece = calloc(1, 1024 * 1024);
    struct sink *sink;

    assert_non_null(piece);
    begin(w, CLAMD ", max_mb: 100");
    assert_int_equal(gw_stage_add(w->stage, GW_FILE_PAYLOAD, "big", NULL, NULL, &sink, &w->err),
                     ST_OK);
    for (size_t i = 0; i < LARGE; i += 1024 * 1024)
        assert_int_equal(sink_write(sink, span_of(piece, 1024 * 1024), &w->err), ST_OK);
    assert_int_equal(sink_write(sink, SPAN(HELPER_VIRUS), &w->err), ST_OK);
    assert_int_equal(gw_stage_close(w->stage, &w->err), ST_OK);
    free(piece);
    assert_int_equal(scan(w), ST_OK);
    assert_int_equal(w->verdict.result, GW_SCAN_FINDING);
    assert_int_equal(w->clamd.bytes, LARGE + sizeof HELPER_VIRUS - 1);
    assert_true(w->clamd.chunk_max <= CHUNK_MAX);
}

static void by_port(void **state)
{
    struct world *w = *state;
    char block[200];

    helper_clamd_stop(&w->clamd);
    helper_clamd_start(&w->clamd, NULL);
    (void)snprintf(block, sizeof block, "clamd: '%s'", w->clamd.address);
    begin(w, block);
    add(w, "one", SPAN(HELPER_VIRUS));
    assert_int_equal(scan(w), ST_OK);
    assert_int_equal(w->verdict.result, GW_SCAN_FINDING);
}

/* A program gets the file from its beginning, each time. */
static void again(void **state)
{
    struct world *w = *state;
    AUTO(gw_file_source_deinit) struct gw_file_source file = {.fd = -1};

    begin(w, SH("grep -q " HELPER_VIRUS " && exit 1; exit 0"));
    add(w, "one", SPAN(HELPER_VIRUS));
    assert_int_equal(gw_stage_source(w->stage, 0, &file, &w->err), ST_OK);
    for (int i = 0; i < 2; i++) {
        w->verdict = (struct gw_scan_verdict){0};
        assert_int_equal(gw_scan_file(w->h.rt, &file, "one", &w->verdict, &w->err), ST_OK);
        assert_int_equal(w->verdict.result, GW_SCAN_FINDING);
    }
}

/* ---- what the settings allow ---- */

static void note_expect(const struct gw_scan_verdict *verdict, const char *part)
{
    AUTO(gw_scan_note_deinit) struct gw_scan_note note = {0};
    struct gw_cause cause = {0};

    gw_scan_remark(verdict, &note, &cause);
    assert_int_equal(cause.reason, part == NULL ? 0 : GW_R_SCAN_PASSED);
    if (part == NULL)
        return;
    assert_non_null(strstr(cause.en, part));
    assert_non_null(strstr(cause.de, part));
}

/* Larger than max_mb: not even asked. */
static void too_large(void **state)
{
    struct world *w = *state;
    AUTO(free_drop) char *bytes = calloc(1, 1024 * 1024 + 1);

    begin(w, CLAMD ", max_mb: 1");
    add(w, "fits", span_of(bytes, 1024 * 1024));
    assert_int_equal(scan(w), ST_OK);
    assert_int_equal(w->verdict.result, GW_SCAN_CLEAN);
    add(w, "large", span_of(bytes, 1024 * 1024 + 1));
    assert_int_equal(scan(w), ST_OK);
    assert_int_equal(w->verdict.result, GW_SCAN_TOO_LARGE);
    assert_string_equal(w->verdict.file, "large");
    assert_int_equal(w->clamd.asked, 2);
    note_expect(&w->verdict, NULL);
    assert_int_equal(gw_scan_outgoing(w->h.rt, w->stage, &w->verdict, &w->err), ST_LIMIT);
    assert_int_equal(w->err.reason, GW_R_SCAN_TOO_LARGE_OUT);
}

static void too_large_passes(void **state)
{
    struct world *w = *state;
    AUTO(free_drop) char *bytes = calloc(1, 1024 * 1024 + 1);

    begin(w, CLAMD ", max_mb: 1, too_large: pass");
    add(w, "large", span_of(bytes, 1024 * 1024 + 1));
    assert_int_equal(gw_scan_outgoing(w->h.rt, w->stage, &w->verdict, &w->err), ST_OK);
    assert_int_equal(w->verdict.unscanned, 1);
    note_expect(&w->verdict, "large (more than 1 MB)");
    add(w, "small", SPAN(HELPER_VIRUS)); /* the others are looked at all the same */
    assert_int_equal(gw_scan_outgoing(w->h.rt, w->stage, &w->verdict, &w->err), ST_DENIED);
    assert_int_equal(w->err.reason, GW_R_SCAN_FINDING_OUT);
    assert_string_equal(w->err.text, HELPER_FINDING " (small)");
}

/* A scanner that gave no word is left alone for a while. */
static void scan_until_asked(struct world *w)
{
    const int64_t from = gw_monotonic_ms();

    while ((scan(w) != ST_OK || w->verdict.unscanned > 0) && gw_monotonic_ms() - from < LATE_MS)
        (void)poll(NULL, 0, 50);
    assert_int_equal(w->verdict.unscanned, 0);
}

static void unavailable_passes(void **state)
{
    struct world *w = *state;

    begin(w, CLAMD ", when_unavailable: pass");
    w->clamd.manner = CLAMD_CLOSES;
    add(w, "one", SPAN("1"));
    add(w, "two", SPAN("2"));
    assert_int_equal(scan(w), ST_OK);
    assert_int_equal(w->verdict.unscanned, 2);
    note_expect(&w->verdict, "one (clamd");
    w->clamd.manner = CLAMD_HONEST;
    scan_until_asked(w);
    assert_int_equal(w->verdict.scanned, 2);
    note_expect(&w->verdict, NULL);
}

/* Two who ask wait for it; then nobody does, until one finds that it is back. */
static void hanging(void **state)
{
    struct world *w = *state;
    struct error why = {0};

    begin(w, SHORT);
    w->clamd.manner = CLAMD_SILENT;
    add(w, "one", SPAN("1"));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(gw_scan_guard_down_since(w->h.rt->scan_guard, &why), 0);
        assert_int_equal(scan(w), ST_RETRY);
    }
    assert_true(gw_scan_guard_down_since(w->h.rt->scan_guard, &why) > 0);
    assert_int_equal(w->clamd.asked, 2);
    memset(&w->err, 0, sizeof w->err);
    assert_int_equal(scan(w), ST_RETRY);
    assert_int_equal(w->clamd.asked, 2);
    assert_int_equal(w->err.reason, GW_R_SCAN_UNAVAILABLE);
    assert_non_null(strstr(w->err.text, "within 1 s"));
    w->clamd.manner = CLAMD_HONEST;
    scan_until_asked(w);
    assert_int_equal(w->verdict.scanned, 1);
    assert_int_equal(gw_scan_guard_down_since(w->h.rt->scan_guard, &why), 0);
}

/* ---- stopping ---- */

static void *stop_soon(void *arg)
{
    struct world *w = arg;

    while (w->clamd.asked == 0)
        (void)poll(NULL, 0, 10);
    gw_loop_stop(w->h.loop);
    return NULL;
}

/* A stop does not wait for a scanner that says nothing, and lets nothing through. */
static void stop_clamd(void **state)
{
    struct world *w = *state;
    int64_t from = gw_monotonic_ms();
    pthread_t thread;

    w->clamd.manner = CLAMD_SILENT;
    begin(w, "clamd: '{dir}/clamd.ctl', timeout_seconds: 3600, when_unavailable: pass");
    add(w, "one", SPAN("1"));
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, w), 0);
    assert_int_equal(scan(w), ST_RETRY);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(gw_monotonic_ms() - from < LATE_MS);
}

struct job {
    struct world *w;
    enum status st;
};

static void job_run(void *ctx)
{
    struct job *job = ctx;

    job->st = scan(job->w);
}

static void job_start(void *ctx)
{
    struct job *job = ctx;

    gw_worker_run(job->w->h.loop, job_run, NULL, job);
}

static void stop_command(void **state)
{
    struct world *w = *state;
    struct job job = {w, ST_OK};

    begin(w, "timeout_seconds: 3600, command: [/bin/sh, -c, 'echo > {dir}/ran; sleep 3600']");
    add(w, "one", SPAN("1"));
    gw_loop_post(w->h.loop, job_start, &job);
    while (!helper_there(&w->h, "ran"))
        (void)poll(NULL, 0, 10);
    assert_true(helper_runtime_stop(&w->h) < LATE_MS);
    assert_int_equal(job.st, ST_RETRY);
}

/* ---- addresses ---- */

static void addresses(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } list[] = {
        {"/run/clamav/clamd.ctl", true},
        {"127.0.0.1:3310", true},
        {"127.1.2.3:1", true},
        {"localhost:3310", true},
        {"[::1]:65535", true},
        {"", false},
        {"clamd.ctl", false},
        {"127.0.0.1", false},
        {"127.0.0.1:", false},
        {"127.0.0.1:0", false},
        {"127.0.0.1:65536", false},
        {"127.0.0.1:33x", false},
        {"192.0.2.1:3310", false},
        {"0.0.0.0:3310", false},
        {"[::]:3310", false},
        {"[2001:db8::1]:3310", false},
        {"scanner.example:3310", false},
        {":3310", false},
    };
    struct sockaddr_storage address;
    char longest[200];
    socklen_t len;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        if (gw_scan_address(list[i].text, &address, &len) != list[i].good)
            fail_msg("'%s'", list[i].text);
    memset(longest, '/', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(gw_scan_address(longest, &address, &len));
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test_setup_teardown(several, setup, teardown),
        cmocka_unit_test_setup_teardown(headers, setup, teardown),
        cmocka_unit_test_setup_teardown(published, setup, teardown),
        cmocka_unit_test_setup_teardown(large, setup, teardown),
        cmocka_unit_test_setup_teardown(by_port, setup, teardown),
        cmocka_unit_test_setup_teardown(again, setup, teardown),
        cmocka_unit_test_setup_teardown(too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(too_large_passes, setup, teardown),
        cmocka_unit_test_setup_teardown(unavailable_passes, setup, teardown),
        cmocka_unit_test_setup_teardown(hanging, setup, teardown),
        cmocka_unit_test_setup_teardown(stop_clamd, setup, teardown),
        cmocka_unit_test_setup_teardown(stop_command, setup, teardown),
        cmocka_unit_test(addresses),
    };
    static struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(others)];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[n++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        tests[n++] = others[i];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
