#include "gateway/calendar_mail.h"

#include <stdio.h>
#include <string.h>

#include "gateway/calendar.h"
#include "gateway/certificates.h"
#include "gateway/loop.h"
#include "gateway/mail.h"
#include "gateway/target.h"
#include "gateway/uuid.h"

enum { LETTER_MAX = 1024 * 1024, TEXT_MAX = 192 * 1024, KEY_MAX = 96 };
/* so that each letter fits what a mail may hold (gateway/mail.h) */
enum { ITEMS_MAX = 100, SUBJECT_MAX = 300 };
static const int64_t day_ms = INT64_C(24) * 3600 * 1000;
static const char mailed_at[] = "calendar.mailed_at", mail_failed[] = "calendar.mail_failed";

/* One certificate that is due. */
struct item {
    char key[KEY_MAX]; /* under which stands the step that was told */
    int step;
    int64_t days;
    const char *de, *en; /* what is said of it */
};

struct letter {
    const struct gw_runtime *rt;
    const struct gw_target *target;
    int64_t now;
    struct arena arena;
    struct gw_tx *tx; /* while it is put together */
    struct item *items;
    size_t count, more; /* more: for which there was no room */
    bool fresh;         /* one of them is not told yet */
    struct error why;
};

/* ---- what is due ---- */

static const char *paragraph(struct letter *l, const struct gw_cert_use *use, enum gw_lang lang)
{
    AUTO(buf_deinit) struct buf b = {0};
    struct span subject = span_str(cert_subject(use->cert));
    long long days = gw_cert_days_left(use->cert, l->now);
    bool de = lang == GW_LANG_DE;
    char until[16];

    buf_init(&b, 16 * 1024);
    gw_cert_day(cert_not_after(use->cert), until);
    if (days < 0)
        buf_printf(&b, de ? "%s, abgelaufen" : "%s, expired", until);
    else
        buf_printf(&b, de ? "%s, noch %lld Tage" : "%s, %lld days left", until, days);
    subject.len = gw_mail_whole_chars(subject, SUBJECT_MAX);
    buf_printf(&b, ": %.*s\n  %s%s%s\n  ", SPAN_FMT(subject), use->setting,
               use->name == NULL ? "" : ", ", use->name == NULL ? "" : use->name);
    gw_cert_blocks(&b, use, lang);
    buf_str(&b, "\n");
    return b.failed ? NULL : arena_str(&l->arena, buf_span(&b));
}

static bool known(const struct letter *l, const char *key)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->items[i].key, key) == 0)
            return true;
    return false;
}

static enum status item_add(struct letter *l, const struct gw_cert_use *use, struct error *err)
{
    struct item item = {.days = gw_cert_days_left(use->cert, l->now)};
    size_t at = l->count;
    int64_t told;

    item.step = gw_calendar_step(item.days);
    (void)snprintf(item.key, sizeof item.key, "mailed.%s", cert_fingerprint(use->cert));
    if (item.step == GW_CALENDAR_NONE || known(l, item.key))
        return ST_OK;
    if (l->count == ITEMS_MAX) {
        l->more++;
        return ST_OK;
    }
    item.de = paragraph(l, use, GW_LANG_DE);
    item.en = paragraph(l, use, GW_LANG_EN);
    TRY_ALLOC(item.de, err);
    TRY_ALLOC(item.en, err);
    TRY(gw_store_meta_ms(l->tx, item.key, GW_CALENDAR_NONE, &told, err));
    l->fresh = l->fresh || told > item.step || gw_calendar_is_ahead(told, item.days);
    for (; at > 0 && l->items[at - 1].days > item.days; at--)
        l->items[at] = l->items[at - 1];
    l->items[at] = item;
    l->count++;
    return ST_OK;
}

static void use_see(void *ctx, const struct gw_cert_use *use)
{
    struct letter *l = ctx;

    if (use->cert != NULL && l->why.status == ST_OK && gw_cert_leaves_gap(use))
        (void)!item_add(l, use, &l->why);
}

/* Before the letter of today has been written, another one would be the second. */
static enum status due_find(struct letter *l, bool *due, struct error *err)
{
    int64_t last;

    l->items = arena_array(&l->arena, sizeof *l->items, ITEMS_MAX);
    TRY_ALLOC(l->items, err);
    TRY(gw_store_meta_ms(l->tx, mailed_at, 0, &last, err));
    gw_certificates(l->rt, use_see, l);
    if (l->why.status != ST_OK) {
        *err = l->why;
        return err->status;
    }
    *due = l->fresh && (last > l->now || l->now - last >= day_ms);
    return ST_OK;
}

/* ---- the letter ---- */

static void subject_write(const struct letter *l, struct buf *b)
{
    const char *name = gw_config_sole_name(l->rt->conf);
    const size_t all = l->count + l->more;

    buf_printf(b, "%s: %zu %s / %zu %s", name == NULL ? "Depesche" : name, all,
               all == 1 ? "Zertifikat läuft ab" : "Zertifikate laufen ab", all,
               all == 1 ? "certificate ends" : "certificates end");
}

static void body_write(const struct letter *l, struct buf *b)
{
    char more[32] = "";

    if (l->more > 0)
        (void)snprintf(more, sizeof more, "... + %zu\n", l->more);
    buf_str(b, "Diese Zertifikate laufen bald ab oder sind abgelaufen, und nichts löst sie ab.\n"
               "Alle zeigt: depesche certs\n\n");
    for (size_t i = 0; i < l->count; i++)
        buf_printf(b, "%s\n", l->items[i].de);
    buf_str(b, more);
    buf_str(b, "-- \n"
               "These certificates end soon or have ended, and nothing takes over from them.\n"
               "All are shown by: depesche certs\n\n");
    for (size_t i = 0; i < l->count; i++)
        buf_printf(b, "%s\n", l->items[i].en);
    buf_str(b, more);
}

static enum status letter_send(struct letter *l, struct error *err)
{
    const struct gw_email_conf *conf = l->target->conf->email;
    AUTO(buf_deinit) struct buf subject = {0}, body = {0}, answer = {0};
    struct gw_target_visit visit = {
        .rt = l->rt, .target = l->target, .arena = &l->arena, .answer = &answer};
    struct gw_mail_conf mail = {
        .from = conf->from, .to = conf->to, .to_count = conf->to_count, .date = l->now};
    struct gw_mail made = {0};
    char id[GW_ID_SIZE];

    buf_init(&answer, 4096);
    buf_init(&subject, 4096);
    buf_init(&body, TEXT_MAX);
    subject_write(l, &subject);
    body_write(l, &body);
    TRY(buf_check(&subject, err));
    TRY(buf_check(&body, err));
    TRY(gw_uuid_make(l->rt->rng, l->now, id, err));
    mail.id = id;
    mail.subject = buf_cstr(&subject);
    mail.body = buf_cstr(&body);
    TRY(gw_mail_init(&made, &mail, &l->arena, err));
    return gw_target_mail_bring(&visit, &made, err);
}

/* ---- what is kept ---- */

static enum status sent_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct letter *l = ctx;
    const struct gw_cause cause = {.now = l->now,
                                   .actor = "calendar",
                                   .de = "Die Warnung vor ablaufenden Zertifikaten ist verschickt.",
                                   .en = "The warning of certificates that end has been sent."};
    char value[32];

    for (size_t i = 0; i < l->count; i++) {
        (void)snprintf(value, sizeof value, "%d", l->items[i].step);
        TRY(gw_store_meta_set(tx, l->items[i].key, value, err));
    }
    (void)snprintf(value, sizeof value, "%lld", (long long)l->now);
    TRY(gw_store_meta_set(tx, mailed_at, value, err));
    TRY(gw_store_meta_set(tx, mail_failed, NULL, err));
    return gw_store_event_add(tx, "certificate.mailed", NULL, NULL, &cause, err);
}

struct failure {
    const struct letter *l;
    const struct error *why;
};

static const char *trouble_text(const struct gw_runtime *rt, struct arena *arena, enum gw_lang lang,
                                const char *detail)
{
    const struct gw_explain_field fields[] = {{"recipient", rt->conf->calendar.mail},
                                              {"detail", detail}};
    AUTO(buf_deinit) struct buf b = {0};

    buf_init(&b, 4096);
    gw_explain_what(&b, GW_R_CALENDAR_MAIL, lang, fields, ARRAY_LEN(fields));
    return b.failed ? NULL : arena_str(arena, buf_span(&b));
}

static enum status failed_commit(struct gw_tx *tx, void *ctx, struct error *err)
{
    const struct failure *f = ctx;
    AUTO(arena_deinit) struct arena arena = {.max = LETTER_MAX};
    const struct gw_cause cause = {.now = f->l->now,
                                   .actor = "calendar",
                                   .reason = GW_R_CALENDAR_MAIL,
                                   .de = trouble_text(f->l->rt, &arena, GW_LANG_DE, f->why->text),
                                   .en = trouble_text(f->l->rt, &arena, GW_LANG_EN, f->why->text)};
    const char *before;
    enum status st = gw_store_meta(tx, &arena, mail_failed, &before, err);

    if (st != ST_OK && st != ST_NOT_FOUND)
        return st;
    TRY(gw_store_meta_set(tx, mail_failed, f->why->text, err));
    return st == ST_OK ? ST_OK
                       : gw_store_event_add(tx, "certificate.mail_failed", NULL, NULL, &cause, err);
}

const char *gw_calendar_mail_trouble(struct gw_tx *tx, const struct gw_runtime *rt,
                                     struct arena *arena, enum gw_lang lang)
{
    struct error err = {0};
    const char *detail;

    if (rt->conf->calendar.mail == NULL ||
        gw_store_meta(tx, arena, mail_failed, &detail, &err) != ST_OK)
        return NULL;
    return trouble_text(rt, arena, lang, detail);
}

/* ---- all of it ---- */

static enum status letter_make(struct letter *l, bool *sent, struct error *err)
{
    struct failure failure = {.l = l, .why = err};
    struct error again = {0};
    bool due = false;
    enum status st;

    TRY(gw_store_read(l->rt->store, &l->tx, err));
    st = due_find(l, &due, err);
    gw_read_end(&l->tx);
    if (st != ST_OK || !due)
        return st;
    st = letter_send(l, err);
    if (st != ST_OK) {
        if (!gw_loop_stopping(l->rt->loop))
            (void)!gw_store_commit(l->rt->store, failed_commit, &failure, &again);
        return st;
    }
    TRY(gw_store_commit(l->rt->store, sent_commit, l, err));
    *sent = true;
    return ST_OK;
}

enum status gw_calendar_mail(const struct gw_runtime *rt, int64_t now, bool *sent,
                             struct error *err)
{
    struct letter l = {.rt = rt, .now = now};
    enum status st;

    *sent = false;
    if (rt->conf->calendar.mail == NULL)
        return ST_OK;
    l.target = gw_runtime_target(rt, rt->conf->calendar.mail);
    arena_init(&l.arena, LETTER_MAX);
    st = letter_make(&l, sent, err);
    arena_deinit(&l.arena);
    return st;
}
