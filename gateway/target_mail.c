/* An e-mail, given to the one mail server of the settings. */
#include <stdio.h>
#include <string.h>

#include "gateway/card.h"
#include "gateway/mail.h"
#include "gateway/message_json.h"
#include "gateway/target_curl.h"
#include "gateway/xta_outlet.h"

enum { TEXT_MAX = 128 * 1024, FIELD_MAX = 32 * 1024 };

static const char own_subject[] = "Nachricht: {subject}";
static const char own_body[] = "Das Gateway von {tenant} stellt eine Nachricht zu.\n"
                               "\n"
                               "Betreff:        {subject}\n"
                               "Nachrichtentyp: {message_type}\n"
                               "Verfahren:      {endpoint}\n"
                               "Angenommen:     {accepted}\n"
                               "Kennung:        {id}\n"
                               "\n"
                               "Anlagen:\n"
                               "{files}";

/* What an attempt holds beside the visit. */
struct letter {
    struct gw_target_visit *v;
    struct gw_xta_outlet *outlets; /* one for each file, open only while it is read */
    struct gw_mail_file *files;
    struct gw_mail mail;
    struct buf subject, body, list;
};

/* ---- what it says ---- */

static void text_fill(struct buf *b, const struct letter *l, const char *text, bool lines)
{
    const struct gw_message_row *row = l->v->row;
    json_t *time = gw_json_time(row->created_at);
    char size[32];
    const struct gw_explain_field fields[] = {
        {"subject", row->subject},
        {"message_type", row->message_type == NULL ? "-" : row->message_type},
        {"endpoint", row->endpoint},
        {"file", row->source_name == NULL ? "-" : row->source_name},
        {"id", row->id},
        {"size", size},
        {"accepted", json_string_value(time)},
        {"tenant", row->tenant == NULL ? "-" : row->tenant}};

    (void)snprintf(size, sizeof size, "%llu", (unsigned long long)row->size_bytes);
    for (const char *at = text; at != NULL;) {
        const char *files = lines ? strstr(at, "{files}") : NULL;
        AUTO(free_drop)
        char *piece = files == NULL ? strdup(at) : strndup(at, (size_t)(files - at));

        b->failed |= piece == NULL;
        if (piece != NULL)
            gw_explain_fill(b, piece, fields, ARRAY_LEN(fields));
        if (files != NULL)
            buf_add(b, buf_span(&l->list));
        at = files == NULL ? NULL : files + strlen("{files}");
    }
    json_decref(time);
}

static enum status texts_make(struct letter *l, struct error *err)
{
    const struct gw_email_conf *conf = l->v->target->conf->email;

    buf_init(&l->list, TEXT_MAX);
    buf_init(&l->subject, TEXT_MAX);
    buf_init(&l->body, 4 * TEXT_MAX);
    for (size_t i = 0; i < l->v->plan.count; i++)
        buf_printf(&l->list, "  %s (%llu Bytes)\n", l->v->plan.items[i].name,
                   (unsigned long long)l->v->plan.items[i].file->len);
    TRY(buf_check(&l->list, err));
    text_fill(&l->subject, l, conf->subject == NULL ? own_subject : conf->subject, false);
    text_fill(&l->body, l, conf->body == NULL ? own_body : conf->body, true);
    TRY(buf_check(&l->subject, err));
    return buf_check(&l->body, err);
}

/* ---- what it holds ---- */

static enum status files_open(struct letter *l, struct error *err)
{
    const struct gw_folder_plan *plan = &l->v->plan;

    l->outlets = arena_array(l->v->arena, sizeof *l->outlets, plan->count + 1);
    l->files = arena_array(l->v->arena, sizeof *l->files, plan->count + 1);
    TRY_ALLOC(l->outlets, err);
    TRY_ALLOC(l->files, err);
    for (size_t i = 0; i < plan->count; i++)
        l->outlets[i].file.fd = -1;
    for (size_t i = 0; i < plan->count; i++) {
        if (gw_xta_outlet_init(&l->outlets[i], l->v->rt->store, plan->items[i].file, err) != ST_OK)
            return err->status = ST_DENIED;
        l->files[i] = (struct gw_mail_file){plan->items[i].name, &l->outlets[i].base};
    }
    return ST_OK;
}

static enum status mail_make(struct letter *l, struct error *err)
{
    const struct gw_target_visit *v = l->v;
    const struct gw_email_conf *conf = v->target->conf->email;
    struct gw_mail_conf mail = {.from = conf->from,
                                .to = conf->to,
                                .to_count = conf->to_count,
                                .id = v->row->id,
                                .date = v->row->created_at,
                                .file_count = v->plan.count};

    TRY(files_open(l, err));
    TRY(texts_make(l, err));
    mail.subject = buf_cstr(&l->subject);
    mail.body = buf_cstr(&l->body);
    mail.files = l->files;
    TRY(gw_mail_init(&l->mail, &mail, v->arena, err));
    if (l->mail.base.len > (uint64_t)conf->message_max_mb << 20)
        return error_set(err, ST_DENIED, GW_R_TARGET_TOO_LARGE,
                         "%llu bytes as an e-mail, %lld MB allowed",
                         (unsigned long long)l->mail.base.len, (long long)conf->message_max_mb);
    return ST_OK;
}

/* ---- the server ---- */

/* Its last word counts, whatever curl makes of it. */
static enum status judge(const struct gw_target_curl *c, CURLcode rc, struct error *err)
{
    long code = gw_target_curl_code(c);
    const char *said = c->said[0] != '\0' ? c->said : gw_target_curl_why(c, rc);

    if (rc == CURLE_OK)
        return ST_OK;
    if (code == 530 || code == 534 || code == 535 || code == 538)
        return error_set(err, ST_RETRY, GW_R_NET_LOGIN, "%s", said);
    if (code == 452)
        return error_set(err, ST_RETRY, GW_R_TARGET_FULL, "%s", said);
    if (code >= 500 && code < 600)
        return error_set(err, ST_DENIED, GW_R_TARGET_REFUSED, "%s", said);
    if (code >= 400 && code < 500)
        return error_set(err, ST_RETRY, GW_R_TARGET_LATER, "%s", said);
    return error_set(err, ST_RETRY, GW_R_NET_CUT, "%s", gw_target_curl_why(c, rc));
}

static enum status envelope_set(struct gw_target_curl *c, const struct gw_email_conf *conf,
                                struct error *err)
{
    const char *host = strrchr(conf->from, '@');
    AUTO(buf_deinit) struct buf url = {0};

    buf_init(&url, 4096);
    buf_printf(&url, "%s%s%s", conf->url, span_ends(span_str(conf->url), SPAN("/")) ? "" : "/",
               host == NULL ? "localhost" : host + 1); /* what EHLO says */
    TRY(buf_check(&url, err));
    GW_TARGET_SET(c, CURLOPT_URL, buf_cstr(&url));
    GW_TARGET_SET(c, CURLOPT_USE_SSL, (long)(conf->starttls ? CURLUSESSL_ALL : CURLUSESSL_TRY));
    GW_TARGET_SET(c, CURLOPT_MAIL_FROM, conf->from);
    for (unsigned i = 0; i < conf->to_count; i++)
        TRY(gw_target_curl_line(c, conf->to[i], err));
    GW_TARGET_SET(c, CURLOPT_MAIL_RCPT, c->list);
    return ST_OK;
}

static enum status bring(struct gw_target_curl *c, struct gw_target_visit *v, struct gw_mail *mail,
                         struct error *err)
{
    const struct gw_email_conf *conf = v->target->conf->email;
    enum status st;
    CURLcode rc;

    TRY(gw_target_curl_init(c, v, err));
    TRY(gw_target_curl_tls(c, err));
    TRY(gw_target_curl_login(c, conf->user, conf->password_file, err));
    TRY(envelope_set(c, conf, err));
    st = gw_target_curl_step(c, &mail->base, &rc, err);
    if (st != ST_OK && (gw_target_curl_code(c) < 400 || c->own.status != ST_OK))
        return st;
    TRY(judge(c, rc, err));
    buf_str(v->answer, c->said);
    return ST_OK;
}

enum status gw_target_mail_bring(struct gw_target_visit *v, struct gw_mail *mail, struct error *err)
{
    struct gw_target_curl curl = {0};
    enum status st = bring(&curl, v, mail, err);

    gw_target_curl_deinit(&curl);
    return st;
}

enum status gw_target_mail(struct gw_target_visit *v, struct error *err)
{
    struct letter l = {.v = v};
    enum status st = mail_make(&l, err);

    if (st == ST_OK)
        st = gw_target_mail_bring(v, &l.mail, err);
    for (size_t i = 0; l.outlets != NULL && i < v->plan.count; i++)
        gw_xta_outlet_deinit(&l.outlets[i]);
    buf_deinit(&l.subject);
    buf_deinit(&l.body);
    buf_deinit(&l.list);
    return st;
}
