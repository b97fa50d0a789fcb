/* Drop folders: real folders, a real store, no network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "gateway/spool_in.h"
#include "gateway/worker.h"
#include "tests/unit/helper_crypto.h"
#include "tests/unit/helper_runtime.h"
#include "tests/unit/helper_store.h"

enum { FILES_MANY = 3000, NOBODY = 65534, WAIT_MS = 300 * 1000 };

static const char endpoints_yaml[] =
    "endpoints:\n"
    "  - name: bauamt\n"
    "    folder: {dir}/bauamt\n"
    "    receives: { default: true }\n"
    "    routes:\n"
    "      - {files: \"*.xml\", xpath: \"//*[local-name()='BuyerReference']\","
    " message_type: rechnung}\n"
    "      - {files: \"*.nur\", partner: Beheim, subject: Nur so}\n"
    "      - {files: \"[!k]*\", partner: Beheim, message_type: datei}\n"
    "  - name: langsam\n"
    "    folder: {dir}/langsam\n"
    "    complete: settled\n"
    "    settled_seconds: 4\n"
    "    routes:\n"
    "      - {partner: Beheim}\n"
    "limits: { message_max_mb: 1 }\n";

struct world {
    struct helper_runtime h;
    struct gw_spool_endpoint e, slow;
    struct arena arena;
    unsigned accepted;
};

static void pause_ms(int ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000 * 1000};

    (void)nanosleep(&t, NULL);
}

static void on_accepted(void *ctx)
{
    __atomic_add_fetch((unsigned *)ctx, 1, __ATOMIC_SEQ_CST);
}

static void world_open(struct world *w)
{
    struct error err = {0};

    helper_runtime_open(&w->h, helper_town_yaml, endpoints_yaml, NULL);
    if (gw_spool_endpoint_open(&w->e, w->h.rt, gw_config_endpoint(w->h.conf, "bauamt"), &err) !=
        ST_OK)
        fail_msg("%s", err.text);
    assert_int_equal(
        gw_spool_endpoint_open(&w->slow, w->h.rt, gw_config_endpoint(w->h.conf, "langsam"), &err),
        ST_OK);
    w->e.accepted = on_accepted;
    w->e.accepted_ctx = &w->accepted;
}

static void world_close(struct world *w)
{
    gw_spool_endpoint_deinit(&w->e);
    gw_spool_endpoint_deinit(&w->slow);
    helper_runtime_close(&w->h);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    arena_init(&w->arena, 256 * 1024 * 1024);
    world_open(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    gw_spool_endpoint_deinit(&w->e);
    gw_spool_endpoint_deinit(&w->slow);
    helper_runtime_deinit(&w->h);
    arena_deinit(&w->arena);
    free(w);
    return 0;
}

static int take(struct gw_spool_endpoint *e)
{
    struct error err = {0};
    int again_ms = 4711;

    if (gw_spool_take(e, &again_ms, &err) != ST_OK)
        fail_msg("%s", err.text);
    return again_ms;
}

static struct gw_message_list outbox(struct world *w)
{
    return helper_messages(&w->h, &w->arena, GW_OUTBOX, 0);
}

/* ---- one thing in out/ ---- */

#define N50 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwx"
#define N250 N50 N50 N50 N50 N50
#define XML(v) "<i:Invoice xmlns:i=\"urn:x\"><i:BuyerReference>" v "</i:BuyerReference></i:Invoice>"

enum kind { FILE_, FOLDER, FOLDER_NESTED, FOLDER_EMPTY, FOLDER_LINK, LINK, FIFO, EMPTY, TOO_LARGE };
enum outcome { TAKEN, REFUSED, STAYS, IGNORED };

static struct row {
    const char *name, *file;
    enum kind kind;
    const char *content; /* NULL: "x" */
    const char *meta;
    enum outcome outcome;
    int reason;          /* of the refusal */
    const char *type;    /* message_type of the message; NULL: not looked at */
    const char *subject; /* likewise */
} rows[] = {
    {"a file", "brief.txt", FILE_, NULL, NULL, TAKEN, 0, "datei", "datei"},
    {"umlauts in NFC", "Stra\303\237e \303\204.txt", FILE_, NULL, NULL, TAKEN, 0, NULL, NULL},
    {"umlauts in NFD", "A\314\210rger.txt", FILE_, NULL, NULL, TAKEN, 0, NULL, NULL},
    {"blanks and quotes", " a 'b' \"c\" .txt", FILE_, NULL, NULL, TAKEN, 0, NULL, NULL},
    {"names for a shell or Windows", "-rf $(x);a:b*.txt", FILE_, NULL, NULL, TAKEN, 0, NULL, NULL},
    {"a per cent sign", "100%s%n.txt", FILE_, NULL, NULL, TAKEN, 0, NULL, NULL},
    {"255 bytes", N250 "w.txt", FILE_, NULL, NULL, TAKEN, 0, NULL, NULL},
    {"subject of the route", "a.nur", FILE_, NULL, NULL, TAKEN, 0, NULL, "Nur so"},
    {"an invoice with an address", "r.xml", FILE_, XML("09999012-BAUAMT-80"), NULL, TAKEN, 0,
     "rechnung", NULL},
    {"a meta file", "kein.dat", FILE_, NULL,
     "recipient: Beheim\nsubject: \"Betreff: \303\204\"\nmessage_type: typ\npriority: 5\n"
     "deliver_after: 2020-01-01T00:00:00Z\n",
     TAKEN, 0, "typ", "Betreff: \303\204"},
    {"a meta file without recipient adds to the route", "b.dat", FILE_, NULL, "subject: S\n", TAKEN,
     0, "datei", "S"},
    {"a folder", "akte", FOLDER, NULL, NULL, TAKEN, 0, NULL, NULL},
    {"a folder called like XML is no XML", "akte.xml", FOLDER, NULL, NULL, REFUSED,
     GW_R_SPOOL_NOT_XML, NULL, NULL},

    {"ignored: hidden", ".versteckt", FILE_, NULL, NULL, IGNORED, 0, NULL, NULL},
    {"ignored: tmp", "a.tmp", FILE_, NULL, NULL, IGNORED, 0, NULL, NULL},
    {"ignored: part", "a.part", FILE_, NULL, NULL, IGNORED, 0, NULL, NULL},
    {"ignored: backup", "a.txt~", FILE_, NULL, NULL, IGNORED, 0, NULL, NULL},
    {"ignored: a lone meta file", "a.txt.meta.yaml", FILE_, NULL, NULL, IGNORED, 0, NULL, NULL},

    {"control character", "a\nb.txt", FILE_, NULL, NULL, REFUSED, GW_R_SPOOL_BAD_NAME, NULL, NULL},
    {"not UTF-8", "stra\337e.txt", FILE_, NULL, NULL, REFUSED, GW_R_SPOOL_BAD_NAME, NULL, NULL},
    {"no route", "kein.txt", FILE_, NULL, NULL, REFUSED, GW_R_SPOOL_NO_ROUTE, NULL, NULL},
    {"no route, 255 bytes", "k" N250 ".txt", FILE_, NULL, NULL, REFUSED, GW_R_SPOOL_NO_ROUTE, NULL,
     NULL},
    {"empty", "leer.txt", EMPTY, NULL, NULL, REFUSED, GW_R_SPOOL_EMPTY, NULL, NULL},
    {"empty folder", "leer", FOLDER_EMPTY, NULL, NULL, REFUSED, GW_R_SPOOL_EMPTY, NULL, NULL},
    {"too large", "gross.bin", TOO_LARGE, NULL, NULL, REFUSED, GW_R_SPOOL_TOO_LARGE, NULL, NULL},
    {"link", "link.txt", LINK, NULL, NULL, REFUSED, GW_R_SPOOL_NOT_A_FILE, NULL, NULL},
    {"pipe", "pipe", FIFO, NULL, NULL, REFUSED, GW_R_SPOOL_NOT_A_FILE, NULL, NULL},
    {"folder in a folder", "akte", FOLDER_NESTED, NULL, NULL, REFUSED, GW_R_SPOOL_NOT_A_FILE, NULL,
     NULL},
    {"link in a folder", "akte", FOLDER_LINK, NULL, NULL, REFUSED, GW_R_SPOOL_NOT_A_FILE, NULL,
     NULL},
    {"not XML", "r.xml", FILE_, "nein", NULL, REFUSED, GW_R_SPOOL_NOT_XML, NULL, NULL},
    {"no address in XML", "r.xml", FILE_, "<a/>", NULL, REFUSED, GW_R_SPOOL_XPATH_EMPTY, NULL,
     NULL},
    {"address of nobody", "r.xml", FILE_, XML("123"), NULL, REFUSED, GW_R_ADDRESS_UNKNOWN, NULL,
     NULL},
    {"meta: not YAML", "b.dat", FILE_, NULL, "a: [", REFUSED, GW_R_SPOOL_BAD_META, NULL, NULL},
    {"meta: unknown key", "b.dat", FILE_, NULL, "empfaenger: x\n", REFUSED, GW_R_SPOOL_BAD_META,
     NULL, NULL},
    {"meta: key twice", "b.dat", FILE_, NULL, "subject: a\nsubject: b\n", REFUSED,
     GW_R_SPOOL_BAD_META, NULL, NULL},
    {"meta: unknown partner", "b.dat", FILE_, NULL, "recipient: Cestadt\n", REFUSED,
     GW_R_PARTNER_UNKNOWN, NULL, NULL},
    {"meta: empty", "b.dat", FILE_, NULL, "", REFUSED, GW_R_SPOOL_BAD_META, NULL, NULL},
};

static void thing_make(const struct world *w, const struct row *row, const char *folder)
{
    char path[600], name[600];
    static const char large[(1 << 20) + 1];

    (void)snprintf(name, sizeof name, "%s/%s", folder, row->file);
    (void)helper_path(&w->h, path, "%s", name);
    switch (row->kind) {
    case FILE_:
        helper_file(&w->h, name, span_str(row->content == NULL ? "x" : row->content));
        break;
    case EMPTY:
        helper_file(&w->h, name, SPAN_NONE);
        break;
    case TOO_LARGE:
        helper_file(&w->h, name, span_of(large, sizeof large));
        break;
    case LINK:
        assert_int_equal(symlink("/etc/passwd", path), 0);
        break;
    case FIFO:
        assert_int_equal(mkfifo(path, 0600), 0);
        break;
    default:
        assert_int_equal(mkdir(path, 0700), 0);
        (void)snprintf(name, sizeof name, "%s/%s/b.txt", folder, row->file);
        if (row->kind != FOLDER_EMPTY)
            helper_file(&w->h, name, SPAN("zwei"));
        (void)snprintf(name, sizeof name, "%s/%s/a.txt", folder, row->file);
        if (row->kind != FOLDER_EMPTY)
            helper_file(&w->h, name, SPAN("eins"));
        (void)snprintf(name, sizeof name, "%s/%s/.hidden", folder, row->file);
        if (row->kind != FOLDER_EMPTY)
            helper_file(&w->h, name, SPAN("nichts"));
        (void)snprintf(path + strlen(path), 16, "/c");
        if (row->kind == FOLDER_NESTED)
            assert_int_equal(mkdir(path, 0700), 0);
        if (row->kind == FOLDER_LINK)
            assert_int_equal(symlink("/etc/passwd", path), 0);
    }
}

static void assert_taken(struct world *w, const struct row *row)
{
    struct gw_message_list list = outbox(w);

    assert_int_equal(list.count, 1);
    assert_int_equal(w->accepted, 1);
    assert_string_equal(list.rows[0].source_name, row->file);
    assert_string_equal(list.rows[0].recipient, "Beheim");
    assert_int_equal(list.rows[0].state, GW_ACCEPTED);
    if (row->type != NULL)
        assert_string_equal(list.rows[0].message_type, row->type);
    if (row->subject != NULL)
        assert_string_equal(list.rows[0].subject, row->subject);
    assert_true(helper_there(&w->h, "bauamt/sent/%s/%s", list.rows[0].id, row->file));
    if (row->meta != NULL)
        assert_true(helper_there(&w->h, "bauamt/sent/%s/%s.meta.yaml", list.rows[0].id, row->file));
    assert_int_equal(helper_entries(&w->h, "bauamt/out", NULL), 0);
}

/* Beside what was refused lies the reason, in both languages, and the history knows. */
static void assert_refused(struct world *w, const struct row *row)
{
    struct gw_event_list events = {0};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    AUTO(free_drop) char *text = NULL;
    struct error err = {0};
    char code[GW_CODE_SIZE];

    assert_int_equal(outbox(w).count, 0);
    assert_int_equal(helper_entries(&w->h, "bauamt/out", NULL), 0);
    assert_int_equal(helper_entries(&w->h, "bauamt/refused", NULL), row->meta == NULL ? 2 : 3);
    assert_true(helper_there(&w->h, "bauamt/refused/%s", row->file));
    text = strlen(row->file) > 200
               ? helper_read_file(&w->h, "bauamt/refused/%.208s.error.txt", row->file)
               : helper_read_file(&w->h, "bauamt/refused/%s.error.txt", row->file);
    assert_non_null(strstr(text, gw_explain_code(row->reason, code)));
    assert_non_null(strstr(text, "Was tun: "));
    assert_non_null(strstr(text, "What to do: "));
    assert_null(strstr(text, "?.")); /* a field that is missing */
    assert_int_equal(gw_store_read(w->h.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_events(tx, &w->arena, 0, NULL, NULL, "bauamt", 10, &events, &err),
                     ST_OK);
    assert_int_equal(events.count, 1);
    assert_string_equal(events.rows[0].kind, "spool.refused");
    assert_int_equal(events.rows[0].reason, row->reason);
    assert_true(gw_name_is_printable(span_str(events.rows[0].de)));
}

static void test_row(void **state)
{
    struct row *row = *state;
    struct world *w;
    char name[600];

    setup((void **)&w);
    if (row->meta != NULL) {
        (void)snprintf(name, sizeof name, "bauamt/out/%s.meta.yaml", row->file);
        helper_file(&w->h, name, span_str(row->meta));
    }
    thing_make(w, row, "bauamt/out");
    if (take(&w->e) == 1000) { /* what is empty is given two seconds */
        assert_int_equal(row->reason, GW_R_SPOOL_EMPTY);
        assert_true(helper_there(&w->h, "bauamt/out/%s", row->file));
        sleep(2);
        assert_int_equal(take(&w->e), -1);
    }
    switch (row->outcome) {
    case TAKEN:
        assert_taken(w, row);
        break;
    case REFUSED:
        assert_refused(w, row);
        break;
    default:
        assert_int_equal(outbox(w).count, 0);
        assert_true(helper_there(&w->h, "bauamt/out/%s", row->file));
        assert_int_equal(helper_entries(&w->h, "bauamt/refused", NULL), 0);
    }
    teardown((void **)&w);
}

/* ---- more than one ---- */

static void test_folder_files(void **state)
{
    struct world *w = *state;
    const struct row row = {.file = "akte", .kind = FOLDER};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    struct gw_file_list files = {0};
    struct error err = {0};
    const char *id;

    thing_make(w, &row, "bauamt/out");
    assert_int_equal(take(&w->e), -1);
    id = outbox(w).rows[0].id;
    assert_int_equal(gw_store_read(w->h.rt->store, &tx, &err), ST_OK);
    assert_int_equal(gw_store_files(tx, &w->arena, id, &files, &err), ST_OK);
    assert_int_equal(files.count, 2);
    assert_string_equal(files.rows[0].name, "a.txt");
    assert_string_equal(files.rows[1].name, "b.txt");
    assert_true(helper_there(&w->h, "bauamt/sent/%s/akte/.hidden", id));
}

/* A folder being filled: one of its files bears a temporary name. */
static void test_folder_incomplete(void **state)
{
    struct world *w = *state;
    const struct row row = {.file = "akte", .kind = FOLDER};
    char a[512], b[512];

    thing_make(w, &row, "bauamt/out");
    helper_file(&w->h, "bauamt/out/akte/c.txt.part", SPAN("dr"));
    assert_int_equal(take(&w->e), 1000);
    assert_int_equal(outbox(w).count, 0);
    assert_int_equal(rename(helper_path(&w->h, a, "bauamt/out/akte/c.txt.part"),
                            helper_path(&w->h, b, "bauamt/out/akte/c.txt")),
                     0);
    assert_int_equal(take(&w->e), -1);
    assert_int_equal(outbox(w).count, 1);
    assert_int_equal(outbox(w).rows[0].size_bytes, 10);
}

static void test_same_name_twice(void **state)
{
    struct world *w = *state;

    helper_file(&w->h, "bauamt/out/brief.txt", SPAN("eins"));
    (void)take(&w->e);
    helper_file(&w->h, "bauamt/out/brief.txt", SPAN("eins"));
    (void)take(&w->e);
    assert_int_equal(outbox(w).count, 2);
    assert_int_equal(helper_entries(&w->h, "bauamt/sent", NULL), 2);
}

/* Nothing in refused/ is written over: not the file of before, and not one that is called like the
 * explanation of another. */
static void test_refused_names(void **state)
{
    struct world *w = *state;
    AUTO(free_drop) char *precious = NULL;

    helper_file(&w->h, "bauamt/out/kein", SPAN("eins"));
    (void)take(&w->e);
    helper_file(&w->h, "bauamt/out/kein", SPAN("zwei"));
    helper_file(&w->h, "bauamt/out/kein.2", SPAN("drei"));
    (void)take(&w->e);
    helper_file(&w->h, "bauamt/refused/kein.4.error.txt", SPAN("kostbar"));
    for (int i = 0; i < 3; i++) {
        helper_file(&w->h, "bauamt/out/kein", SPAN("mehr"));
        (void)take(&w->e);
    }
    precious = helper_read_file(&w->h, "bauamt/refused/kein.4.error.txt");
    assert_string_equal(precious, "kostbar");
    assert_int_equal(helper_entries(&w->h, "bauamt/refused", NULL), 6 * 2 + 1);
    assert_int_equal(helper_entries(&w->h, "bauamt/out", NULL), 0);
}

/* Two long names that are one when shortened. */
static void test_refused_long(void **state)
{
    struct world *w = *state;

    helper_file(&w->h, "bauamt/out/k" N250 ".1", SPAN("eins"));
    helper_file(&w->h, "bauamt/out/k" N250 ".2", SPAN("zwei"));
    helper_file(&w->h, "bauamt/out/k" N250 ".3", SPAN("drei"));
    assert_int_equal(take(&w->e), -1);
    assert_int_equal(helper_entries(&w->h, "bauamt/refused", NULL), 6);
}

static void test_many(void **state)
{
    struct world *w = *state;
    int64_t start = gw_monotonic_ms();
    char name[64];
    int rounds = 0;

    for (int i = 0; i < FILES_MANY; i++) {
        (void)snprintf(name, sizeof name, "bauamt/out/%d.txt", i);
        helper_file(&w->h, name, span_str(name));
    }
    while (take(&w->e) == 0)
        rounds++;
    assert_int_equal(w->accepted, FILES_MANY);
    assert_int_equal(helper_entries(&w->h, "bauamt/out", NULL), 0);
    assert_int_equal(helper_entries(&w->h, "bauamt/sent", NULL), FILES_MANY);
    assert_true(rounds > 1);
    print_message("%d files in %lld ms\n", FILES_MANY, (long long)(gw_monotonic_ms() - start));
    assert_true(gw_monotonic_ms() - start < WAIT_MS);
}

/* A crash between the commit and the move: the message is there, and the file still, too. */
static void test_crash_before_move(void **state)
{
    struct world *w = *state;
    char from[512], to[512];
    const char *id;

    helper_file(&w->h, "bauamt/out/kein.txt", SPAN("eins"));
    helper_file(&w->h, "bauamt/out/kein.txt.meta.yaml", SPAN("recipient: Beheim\n"));
    (void)take(&w->e);
    id = outbox(w).rows[0].id;
    (void)helper_path(&w->h, from, "bauamt/sent/%s/kein.txt", id);
    assert_int_equal(rename(from, helper_path(&w->h, to, "bauamt/out/kein.txt")), 0);
    world_close(w);
    world_open(w);
    (void)take(&w->e); /* without its meta file it would be refused now */
    assert_int_equal(outbox(w).count, 1);
    assert_int_equal(w->accepted, 1);
    assert_int_equal(helper_entries(&w->h, "bauamt/out", NULL), 0);
    assert_int_equal(helper_entries(&w->h, "bauamt/refused", NULL), 0);
    assert_true(helper_there(&w->h, "bauamt/sent/%s/kein.txt", id));
}

/* ---- what changes meanwhile ---- */

static void test_settled(void **state)
{
    struct world *w = *state;
    int64_t until = gw_monotonic_ms() + WAIT_MS;

    helper_file(&w->h, "langsam/out/a", SPAN("eins"));
    assert_int_equal(take(&w->slow), 1000);
    assert_int_equal(outbox(w).count, 0);
    pause_ms(2200);
    helper_file(&w->h, "langsam/out/a", SPAN("eins zwei")); /* grows: counts anew */
    assert_int_equal(take(&w->slow), 1000);
    pause_ms(2200);
    assert_int_equal(take(&w->slow), 1000);
    assert_int_equal(outbox(w).count, 0);
    while (take(&w->slow) != -1 && gw_monotonic_ms() < until)
        pause_ms(100);
    assert_int_equal(outbox(w).count, 1);
    assert_int_equal(outbox(w).rows[0].size_bytes, 9);
    (void)take(&w->slow); /* forgets what is gone */
    assert_int_equal(w->slow.waits.count, 0);
}

/* In a folder a file that grows shows neither in the folder's time nor in its size. */
static void test_settled_folder(void **state)
{
    struct world *w = *state;
    const struct row row = {.file = "akte", .kind = FOLDER};
    char path[512];
    FILE *f;

    thing_make(w, &row, "langsam/out");
    f = fopen(helper_path(&w->h, path, "langsam/out/akte/a.txt"), "ab");
    assert_non_null(f);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(take(&w->slow), 1000);
        assert_true(fputs("mehr", f) >= 0);
        assert_int_equal(fflush(f), 0);
        pause_ms(1500);
    }
    assert_int_equal(outbox(w).count, 0);
    assert_int_equal(fclose(f), 0);
    for (int i = 0; i < WAIT_MS / 100 && take(&w->slow) != -1; i++)
        pause_ms(100);
    assert_int_equal(outbox(w).rows[0].size_bytes, 8 + 16);
}

static void *writer(void *ctx)
{
    int fd = *(int *)ctx;

    for (int i = 0; i < 400; i++)
        if (write(fd, "0123456789", 10) != 10)
            break;
        else
            pause_ms(1);
    return NULL;
}

/* Written in place under its final name, against the rule: at least nothing is half-read while the
 * writer is at work, and nothing is taken twice. */
static void test_changing(void **state)
{
    struct world *w = *state;
    AUTO(fd_drop) int fd = -1;
    pthread_t thread;
    char path[512];
    int again = 1000;

    fd =
        open(helper_path(&w->h, path, "bauamt/out/brief.txt"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pthread_create(&thread, NULL, writer, &fd), 0);
    for (int i = 0; i < 100 && again != -1; i++) {
        again = take(&w->e);
        pause_ms(10);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (int i = 0; i < WAIT_MS / 100 && take(&w->e) != -1; i++)
        pause_ms(100);
    assert_int_equal(outbox(w).count, 1);
    assert_int_equal(helper_entries(&w->h, "bauamt/out", NULL), 0);
}

static void *vanisher(void *ctx)
{
    const struct world *w = ctx;
    char path[512];

    for (int i = 0; i < 300; i++)
        (void)unlink(helper_path(&w->h, path, "bauamt/out/%d", i));
    return NULL;
}

/* Somebody removes files while they are being taken in: each is a message or nothing. */
static void test_vanishing(void **state)
{
    struct world *w = *state;
    pthread_t thread;
    char name[64];

    for (int i = 0; i < 300; i++) {
        (void)snprintf(name, sizeof name, "bauamt/out/%d", i);
        helper_file(&w->h, name, SPAN("x"));
    }
    assert_int_equal(pthread_create(&thread, NULL, vanisher, w), 0);
    while (take(&w->e) == 0)
        continue;
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)take(&w->e);
    assert_int_equal(helper_entries(&w->h, "bauamt/out", NULL), 0);
    assert_int_equal(helper_entries(&w->h, "bauamt/refused", NULL), 0);
    assert_int_equal(outbox(w).count, w->accepted);
}

/* ---- rights ---- */

static mode_t mode_of(const struct world *w, struct stat *st, const char *fmt, const char *id)
{
    char path[512], text[256];

    (void)snprintf(text, sizeof text, "%s%s", fmt, id);
    assert_int_equal(stat(helper_path(&w->h, path, "%s", text), st), 0);
    return st->st_mode & 07777;
}

/* Root may do everything, so for what is refused to others it steps down for a while. */
static void step_down(void)
{
    if (getuid() == 0)
        assert_int_equal(seteuid(NOBODY), 0);
}

static void step_up(void)
{
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
}

/* As root we work for a Fachverfahren under its own user: what we leave must be its own. Otherwise
 * it is ours, and in either case for the folder's group. */
static void test_ownership(void **state)
{
    struct world *w = *state;
    const uid_t user = getuid() == 0 ? NOBODY : getuid();
    const gid_t group = getuid() == 0 ? NOBODY : getgid();
    const mode_t before = umask(0077);
    struct error err = {0};
    struct stat st;
    char path[512], id[GW_ID_SIZE + 16];

    gw_spool_endpoint_deinit(&w->e);
    assert_int_equal(gw_dir_remove(AT_FDCWD, helper_path(&w->h, path, "bauamt"), &err), ST_OK);
    /* as if it had never been there */
    assert_int_equal(gw_store_commit_meta_ms(w->h.rt->store, "spool.in/bauamt", 0, &err), ST_OK);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chown(path, user, group), 0);
    assert_int_equal(
        gw_spool_endpoint_open(&w->e, w->h.rt, gw_config_endpoint(w->h.conf, "bauamt"), &err),
        ST_OK);
    assert_int_equal(mode_of(w, &st, "bauamt/out", ""), 0770);
    assert_int_equal(st.st_uid, user);
    assert_int_equal(mode_of(w, &st, "bauamt/in", ""), 0770);
    helper_file(&w->h, "bauamt/out/kein", SPAN("x"));
    helper_file(&w->h, "bauamt/out/brief", SPAN("x"));
    (void)take(&w->e);
    assert_int_equal(mode_of(w, &st, "bauamt/refused/kein.error.txt", ""), 0660);
    assert_int_equal(st.st_uid, user);
    assert_int_equal(st.st_gid, group);
    assert_int_equal(mode_of(w, &st, "bauamt/sent/", outbox(w).rows[0].id), 0770);
    assert_int_equal(st.st_uid, user);
    assert_int_equal(gw_spool_receipts(&w->e, &err), ST_OK);
    (void)snprintf(id, sizeof id, "%s.json", outbox(w).rows[0].id);
    assert_int_equal(mode_of(w, &st, "bauamt/receipts/", id), 0660);
    assert_int_equal(st.st_uid, user);
    (void)umask(before);
}

/* A folder's group stays that of what lies in it. */
static void test_setgid_stays(void **state)
{
    struct world *w = *state;
    struct stat st;
    char path[512];

    assert_int_equal(chmod(helper_path(&w->h, path, "bauamt/in"), 02770), 0);
    gw_spool_give(&w->e, w->e.folder, "in");
    assert_int_equal(mode_of(w, &st, "bauamt/in", ""), 02770);
}

/* Whoever may write in the folder cannot make us change files elsewhere. */
static void test_give_follows_no_link(void **state)
{
    struct world *w = *state;
    struct stat st;
    char link[512], file[512];

    helper_file(&w->h, "geheim", SPAN("x"));
    (void)helper_path(&w->h, file, "geheim");
    assert_int_equal(chmod(file, 0600), 0);
    assert_int_equal(symlink(file, helper_path(&w->h, link, "bauamt/refused/a")), 0);
    gw_spool_give(&w->e, w->e.refused, "a");
    assert_int_equal(mode_of(w, &st, "geheim", ""), 0600);
    assert_int_equal(
        linkat(AT_FDCWD, file, AT_FDCWD, helper_path(&w->h, link, "bauamt/refused/b"), 0), 0);
    gw_spool_give(&w->e, w->e.refused, "b");
    assert_int_equal(mode_of(w, &st, "geheim", ""), 0600);
}

/* Unreadable: it may be locked for a moment, so it is waited for. */
static void test_unreadable(void **state)
{
    struct world *w = *state;
    struct error err = {0};
    int again_ms = -1;
    char path[512];
    enum status st;

    helper_file(&w->h, "bauamt/out/zu.txt", SPAN("x"));
    assert_int_equal(chmod(helper_path(&w->h, path, "bauamt/out/zu.txt"), 0000), 0);
    assert_int_equal(chmod(helper_path(&w->h, path, "state"), 0777), 0);
    assert_int_equal(chmod(helper_path(&w->h, path, "state/tmp"), 0777), 0);
    assert_int_equal(chmod(helper_path(&w->h, path, "bauamt/out"), 0777), 0);
    step_down();
    st = gw_spool_take(&w->e, &again_ms, &err);
    step_up();
    assert_int_equal(st, ST_DENIED);
    assert_int_equal(err.reason, GW_R_SPOOL_UNREADABLE);
    assert_int_equal(again_ms, 1000);
    assert_true(helper_there(&w->h, "bauamt/out/zu.txt"));
    assert_int_equal(chmod(helper_path(&w->h, path, "bauamt/out/zu.txt"), 0600), 0);
    assert_int_equal(take(&w->e), -1);
    assert_int_equal(outbox(w).count, 1);
}

/* A folder that we may not write in would be accepted and stay where it is: not even begun. */
static void test_folder_not_ours(void **state)
{
    struct world *w = *state;
    struct gw_spool_endpoint e;
    struct error err = {0};
    enum status st;
    char path[512];

    assert_int_equal(chmod(helper_path(&w->h, path, "bauamt/sent"), 0555), 0);
    assert_int_equal(chmod(helper_path(&w->h, path, "bauamt/out"), 0777), 0);
    assert_int_equal(chmod(helper_path(&w->h, path, "%s", ""), 0755), 0);
    assert_int_equal(chmod(helper_path(&w->h, path, "bauamt"), 0755), 0);
    step_down();
    st = gw_spool_endpoint_open(&e, w->h.rt, w->e.conf, &err);
    step_up();
    assert_int_equal(st, ST_DENIED);
    assert_int_equal(err.reason, GW_R_SPOOL_FOLDER);
    assert_non_null(strstr(err.text, "sent"));
}

int main(void)
{
    static const struct CMUnitTest more[] = {
        cmocka_unit_test_setup_teardown(test_folder_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folder_incomplete, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_name_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_crash_before_move, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settled_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vanishing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ownership, setup, teardown),
        cmocka_unit_test_setup_teardown(test_setgid_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_give_follows_no_link, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unreadable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folder_not_ours, setup, teardown),
    };
    struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(more)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    memcpy(tests + ARRAY_LEN(rows), more, sizeof more);
    gw_worker_setup(2);
    return cmocka_run_group_tests_name("spool", tests, helper_crypto_setup, helper_crypto_teardown);
}
