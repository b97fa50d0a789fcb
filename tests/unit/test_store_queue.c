/* Messages that keep their order: who is held, who goes on, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/helper_store.h"

enum { ARENA_MAX = 16 * 1024 * 1024, MESSAGES = 3 };

/* An event for a message: 0f the first fails, 1r the second is retried; then the messages that are
 * due, in their order. 3 is for another recipient. */
static struct row {
    const char *name, *script, *due;
} rows[] = {
    {"the first alone", "", "03"},
    {"a deferred one holds those behind it", "0d", "3"},
    {"an unclear one, too", "0s0u", "3"},
    {"submitted: the next", "0s0b", "13"},
    {"failed: the next goes on", "0f", "13"},
    {"cancelled", "0c", "13"},
    {"expired", "0x", "13"},
    {"one in the middle ends", "1c", "03"},
    {"and is not waited for", "1c0s0b", "23"},
    {"a held one that is retried stays held", "1n", "03"},
    {"all but the last end", "0c1c", "23"},
    {"a failed one that is retried comes before those behind it", "0f0r", "013"},
};

static enum gw_event event_of(char letter)
{
    static const char letters[] = "dsubfcxrn";
    static const enum gw_event events[] = {GW_EV_DEFER,  GW_EV_SEAL,  GW_EV_DOUBT,
                                           GW_EV_SUBMIT, GW_EV_FAIL,  GW_EV_CANCEL,
                                           GW_EV_EXPIRE, GW_EV_RETRY, GW_EV_NOTE};

    return events[strchr(letters, letter) - letters];
}

static void add(struct helper_store *h, int n, char id[GW_ID_SIZE])
{
    const struct gw_message_row row = {.id = id,
                                       .tenant = "t",
                                       .endpoint = "e",
                                       .box = GW_OUTBOX,
                                       .peer = "p",
                                       .recipient = n < MESSAGES ? "Beheim" : "Altstadt",
                                       .created_at = HELPER_NOW_MS + n,
                                       .keep_order = true};
    const struct gw_cause cause = {.now = HELPER_NOW_MS + n, .actor = "test"};
    struct error err = {0};

    helper_id(n, id);
    assert_int_equal(gw_store_commit_message(h->store, &row, NULL, 0, &cause, NULL, &err), ST_OK);
}

static void move(struct helper_store *h, const char *id, char letter)
{
    struct gw_move m = {.id = id,
                        .event = event_of(letter),
                        .cause = {.now = HELPER_NOW_MS + 100, .actor = "test"}};
    struct error err = {0};

    if (letter == 'd' || letter == 'u')
        m.next_attempt_at = HELPER_NOW_MS + 1000000;
    if (gw_store_commit_move(h->store, &m, NULL, &err) != ST_OK)
        fail_msg("%s", err.text);
}

static void test_row(void **state)
{
    const struct row *row = *state;
    struct helper_store h = {.dir = ""};
    AUTO(gw_read_end) struct gw_tx *tx = NULL;
    AUTO(arena_deinit) struct arena arena = {0};
    struct gw_message_list list = {0};
    struct gw_message_row ahead;
    struct error err = {0};
    char ids[MESSAGES + 1][GW_ID_SIZE], due[MESSAGES + 2] = "";
    size_t n = 0;

    arena_init(&arena, ARENA_MAX);
    helper_dir_make(h.dir);
    helper_store_open(&h, false);
    for (int i = 0; i <= MESSAGES; i++)
        add(&h, i, ids[i]);
    for (const char *s = row->script; *s != '\0'; s += 2)
        move(&h, ids[*s - '0'], s[1]);
    assert_int_equal(gw_store_read(h.store, &tx, &err), ST_OK);
    assert_int_equal(
        gw_store_due(tx, &arena, GW_OUTBOX, HELPER_NOW_MS + 200, NULL, 0, &list, NULL, &err),
        ST_OK);
    for (int i = 0; i <= MESSAGES; i++)
        for (size_t k = 0; k < list.count; k++)
            if (strcmp(list.rows[k].id, ids[i]) == 0)
                due[n++] = (char)('0' + i);
    assert_string_equal(due, row->due);
    if (row->script[0] == '\0') {
        assert_int_equal(gw_store_message_ahead(tx, &arena, ids[2], &ahead, &err), ST_OK);
        assert_string_equal(ahead.id, ids[0]);
        assert_true(ahead.keep_order);
        assert_int_equal(gw_store_message_ahead(tx, &arena, ids[0], &ahead, &err), ST_NOT_FOUND);
    }
    gw_read_end(&tx);
    tx = NULL;
    helper_store_close(&h);
    helper_dir_remove(h.dir);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests_name("store_queue", tests, NULL, NULL);
}
