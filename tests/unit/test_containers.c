/*
 * Containers beside and within one another, with several authors and readers: sealed, sent, read
 * and opened again, by each reader alone and by all together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "tests/unit/helper_parcel.h"

static const struct policy policy;

enum { CONTAINERS = 10 };

/* A parcel with room for containers, and a second author. */
struct nest {
    struct parcel p;
    struct osci_seal_container c[CONTAINERS]; /* as a row arranges them; the first is outermost */
    struct osci_signer authors[2];
    struct key *second;
};

static void nest_init(struct nest *n)
{
    parcel_init(&n->p, "author-signature-2048");
    n->second = helper_key("originator-signature-2048");
    n->authors[0] = n->p.signer;
    n->authors[1] =
        (struct osci_signer){n->second, n->p.certs[P_ORIGINATOR].cert, n->p.certs[P_ORIGINATOR].id};
    n->p.seal.containers = n->c;
}

static void nest_deinit(struct nest *n)
{
    key_free(n->second);
    parcel_deinit(&n->p);
}

/* A content for container i; those of one container are added one after the other. */
static void put(struct nest *n, size_t i, const char *name, bool attachment)
{
    if (n->c[i].count++ == 0)
        n->c[i].contents = &n->p.contents[n->p.container.count];
    parcel_add(&n->p, span_str(name), 100 + n->p.container.count, attachment);
}

/* from, from + 1 ...: authors, or readers. */
static void sign(struct nest *n, size_t i, size_t from, size_t count)
{
    n->c[i].authors = &n->authors[from];
    n->c[i].author_count = count;
}

static void encrypt(struct nest *n, size_t i, size_t from, size_t count)
{
    n->c[i].readers = &n->p.certs[P_READER + from];
    n->c[i].reader_count = count;
}

/* Containers from to from + count - 1 lie in container i. */
static void within(struct nest *n, size_t i, size_t from, size_t count)
{
    n->c[i].inner = &n->c[from];
    n->c[i].inner_count = count;
}

/* ---- arrangements ---- */

static void side_by_side(struct nest *n)
{
    n->p.seal.count = 2;
    put(n, 0, "offen.xml", false);
    sign(n, 0, 0, 1);
    put(n, 1, "geheim.pdf", true);
    put(n, 1, "geheim.xml", false);
    sign(n, 1, 1, 1);
    encrypt(n, 1, 0, 1);
}

static void two_authors(struct nest *n)
{
    put(n, 0, "a.xml", false);
    put(n, 0, "b.bin", true);
    sign(n, 0, 0, 2);
}

static void one_after_the_other(struct nest *n)
{
    put(n, 0, "vermerk.xml", false);
    put(n, 1, "antrag.xml", false);
    put(n, 1, "anlage.pdf", true);
    within(n, 0, 1, 1);
    sign(n, 0, 1, 1);
    sign(n, 1, 0, 1);
}

static void one_after_the_other_in_cipher(struct nest *n)
{
    one_after_the_other(n);
    encrypt(n, 0, 0, 2);
}

static void two_in_one(struct nest *n)
{
    put(n, 1, "eins.xml", false);
    put(n, 2, "zwei.xml", true);
    within(n, 0, 1, 2);
    sign(n, 0, 0, 1);
    encrypt(n, 0, 0, 1);
}

static void cipher_in_the_open(struct nest *n)
{
    put(n, 0, "umschlag.txt", false);
    put(n, 1, "brief.txt", false);
    within(n, 0, 1, 1);
    sign(n, 1, 0, 1);
    encrypt(n, 1, 0, 1);
}

/* The outer one is for both, the inner one for the second alone. */
static void twice_in_cipher(struct nest *n)
{
    put(n, 0, "beide.txt", false);
    put(n, 1, "einer.txt", false);
    put(n, 1, "einer.pdf", true);
    within(n, 0, 1, 1);
    sign(n, 1, 0, 1);
    encrypt(n, 0, 0, 2);
    encrypt(n, 1, 1, 1);
}

static void thrice_in_cipher(struct nest *n)
{
    put(n, 2, "kern.txt", false);
    within(n, 0, 1, 1);
    within(n, 1, 2, 1);
    sign(n, 2, 0, 2);
    for (size_t i = 0; i < 3; i++)
        encrypt(n, i, 0, 1);
}

static void deep(struct nest *n, size_t depth)
{
    for (size_t i = 0; i + 1 < depth; i++) {
        within(n, i, i + 1, 1);
        sign(n, i, i & 1, 1);
    }
    put(n, depth - 1, "kern.txt", false);
    put(n, depth - 1, "kern.pdf", true);
    encrypt(n, 0, 0, 1);
}

static void eight_deep(struct nest *n)
{
    deep(n, OSCI_NESTING_MAX);
}

static struct row {
    const char *name;
    void (*arrange)(struct nest *n);
    struct expected {
        const char *name;
        const char *authors; /* in order, from the innermost container: a first, b second */
        const char *readers; /* who reads it: 1 the first, 2 the second, - anybody */
        size_t depth;        /* of its container: 1 outermost */
    } contents[5];
    size_t containers; /* that are seen with all keys */
} rows[] = {
    {"two side by side, one in cipher",
     side_by_side,
     {{"geheim.pdf", "b", "1", 1}, {"geheim.xml", "b", "1", 1}, {"offen.xml", "a", "-", 1}},
     2},
    {"two authors of one container",
     two_authors,
     {{"a.xml", "ab", "-", 1}, {"b.bin", "ab", "-", 1}},
     1},
    {"one signs after the other",
     one_after_the_other,
     {{"vermerk.xml", "b", "-", 1}, {"antrag.xml", "ab", "-", 2}, {"anlage.pdf", "ab", "-", 2}},
     2},
    {"one signs after the other, in cipher for two",
     one_after_the_other_in_cipher,
     {{"vermerk.xml", "b", "12", 1}, {"antrag.xml", "ab", "12", 2}, {"anlage.pdf", "ab", "12", 2}},
     2},
    {"two in one", two_in_one, {{"eins.xml", "a", "1", 2}, {"zwei.xml", "a", "1", 2}}, 3},
    {"a container in cipher in an open one",
     cipher_in_the_open,
     {{"umschlag.txt", "", "-", 1}, {"brief.txt", "a", "1", 2}},
     2},
    {"twice in cipher",
     twice_in_cipher,
     {{"beide.txt", "", "12", 1}, {"einer.txt", "a", "2", 2}, {"einer.pdf", "a", "2", 2}},
     2},
    {"thrice in cipher", thrice_in_cipher, {{"kern.txt", "ab", "1", 3}}, 3},
    {"eight deep",
     eight_deep,
     {{"kern.txt", "abababa", "1", 8}, {"kern.pdf", "abababa", "1", 8}},
     8},
};

/* ---- there and back ---- */

static bool reads(const struct expected *e, const char *keys)
{
    return e->readers[0] == '-' || strpbrk(e->readers, keys) != NULL;
}

static void authors_check(const struct nest *n, const struct osci_opened *c, const char *authors)
{
    assert_int_equal(c->author_count, strlen(authors));
    for (size_t i = 0; i < c->author_count; i++) {
        const struct osci_signer *author = &n->authors[authors[i] - 'a'];

        if (!c->authors[i].good)
            fail_msg("%.*s", SPAN_FMT(c->authors[i].why_not));
        assert_true(cert_eq(c->authors[i].cert, author->cert));
    }
}

static void bytes_check(const struct nest *n, const struct helper_opened *o,
                        const struct osci_opened *c, const char *name)
{
    for (size_t i = 0; i < n->p.container.count; i++) {
        if (!span_is(n->p.contents[i].name, name))
            continue;
        assert_true(span_eq(buf_span(&o->bytes[c - o->report.contents]), n->p.sources[i].bytes));
        assert_int_equal(c->attachment, n->p.contents[i].attachment);
        return;
    }
    fail();
}

static void content_check(const struct nest *n, const struct helper_opened *o,
                          const struct expected *e)
{
    const struct osci_opened *c = helper_content(o, e->name);
    size_t depth = 0, at = c->container;

    authors_check(n, c, e->authors);
    bytes_check(n, o, c, e->name);
    assert_int_equal(c->encrypted, e->readers[0] != '-');
    for (; at != OSCI_OUTERMOST; at = o->report.containers[at].within) {
        assert_true(at < o->report.container_count);
        depth++;
    }
    assert_int_equal(depth, e->depth);
}

static void open_as(const struct nest *n, const struct helper_in *in, const struct row *row,
                    const char *readers)
{
    AUTO(helper_keys_deinit) struct helper_keys keys = {0};
    AUTO(helper_opened_deinit) struct helper_opened o = {0};
    struct error err = {0};
    size_t expected = 0;

    for (const char *r = readers; *r != '\0'; r++)
        helper_keys_add(&keys, *r == '1' ? "reader-cipher-2048" : "reader2-cipher-2048");
    helper_ok(helper_open(&o, in->reading, keys.own, keys.count, &policy, &err), &err);
    for (size_t i = 0; i < ARRAY_LEN(row->contents) && row->contents[i].name != NULL; i++) {
        if (!reads(&row->contents[i], readers))
            continue;
        content_check(n, &o, &row->contents[i]);
        expected++;
    }
    assert_int_equal(o.report.count, expected);
    if (strcmp(readers, "12") == 0) {
        assert_int_equal(o.report.container_count, row->containers);
        assert_int_equal(o.report.closed, 0);
    }
    for (size_t i = 0; i < o.report.container_count; i++) {
        size_t outer = o.report.containers[i].within;

        assert_true(outer == OSCI_OUTERMOST || outer < i);
        assert_true(span_starts(o.report.containers[i].id, SPAN("container")));
    }
}

static void test_row(void **state)
{
    const struct row *row = *state;
    AUTO(nest_deinit) struct nest n = {0};
    AUTO(helper_in_deinit) struct helper_in in = {0};

    nest_init(&n);
    row->arrange(&n);
    parcel_seal(&n.p);
    parcel_send(&n.p, true, &in);
    open_as(&n, &in, row, "12");
    open_as(&n, &in, row, "1");
    open_as(&n, &in, row, "2");
    open_as(&n, &in, row, "");
}

/* ---- what cannot be ---- */

static void nine_deep(struct nest *n)
{
    deep(n, OSCI_NESTING_MAX + 1);
}

static void nothing_in_it(struct nest *n)
{
    n->p.seal.count = 2;
    put(n, 0, "a", false);
}

static void signed_round_cipher(struct nest *n)
{
    cipher_in_the_open(n);
    sign(n, 0, 1, 1);
}

static void one_name_in_two(struct nest *n)
{
    n->p.seal.count = 2;
    put(n, 0, "a", false);
    put(n, 1, "a", false);
}

static void too_many_readers(struct nest *n)
{
    put(n, 0, "a", false);
    n->c[0].reader_count = OSCI_READERS_MAX + 1;
}

static void too_many_authors(struct nest *n)
{
    put(n, 0, "a", false);
    n->c[0].author_count = OSCI_AUTHORS_MAX + 1;
}

static struct refusal {
    const char *name;
    void (*arrange)(struct nest *n);
    enum status st;
} refusals[] = {
    {"nine deep", nine_deep, ST_LIMIT},
    {"a container with nothing in it", nothing_in_it, ST_INVALID},
    {"signed round a container in cipher", signed_round_cipher, ST_INVALID},
    {"one name in two containers", one_name_in_two, ST_INVALID},
    {"too many readers", too_many_readers, ST_LIMIT},
    {"too many authors", too_many_authors, ST_LIMIT},
};

static void test_refusal(void **state)
{
    const struct refusal *row = *state;
    AUTO(nest_deinit) struct nest n = {0};
    struct error err = {0};

    nest_init(&n);
    row->arrange(&n);
    assert_int_equal(osci_seal(&n.p.seal, &n.p.arena, &n.p.package, &err), row->st);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(refusals)];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[n++] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
        tests[n++] = (struct CMUnitTest){refusals[i].name, test_refusal, NULL, NULL, &refusals[i]};
    return cmocka_run_group_tests(tests, helper_crypto_setup, helper_crypto_teardown);
}
