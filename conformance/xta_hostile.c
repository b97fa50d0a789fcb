/* XML and MIME that mean no good. */
#include "conformance/http.h"
#include "conformance/xta_malformed.h"

#include <stdio.h>
#include <string.h>

#define PROLOG "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

enum { EXPANSION_MS = 20000 };

enum status conf_xta_doctype(struct conf_run *run, struct error *err)
{
    for (size_t i = 0; i < 2; i++) {
        AUTO(conf_xta_spoilt_deinit) struct conf_xta_spoilt s = {0};

        TRY(conf_xta_spoilt_init(&s, run, ASK_SEND, i == 1, err));
        TRY(conf_xta_edit(&s.q.envelope, PROLOG, PROLOG "<!DOCTYPE soap:Envelope>", err));
        s.q.way.mangled = true;
        TRY(conf_xta_spoilt_send(&s, err));
        TRY(conf_xta_spoilt_look(&s, 95, i == 0 ? "in MTOM" : "in plain XML", err));
    }
    return ST_OK;
}

/* Whoever comes has read the entity. */
static void caught(void *ctx, const struct conf_request *request, struct conf_answer *answer)
{
    (void)ctx;
    (void)request;
    answer->status = 200;
    buf_str(&answer->body, "<!ENTITY x 'gelesen'>");
}

static enum status entity_try(struct conf_run *run, const char *doctype, struct error *err)
{
    int64_t begin = conf_now();
    AUTO(conf_xta_spoilt_deinit) struct conf_xta_spoilt s = {0};

    TRY(conf_xta_spoilt_init(&s, run, ASK_SEND, false, err));
    TRY(conf_xta_edit(&s.q.envelope, PROLOG, doctype, err));
    TRY(conf_xta_edit(&s.q.envelope, "<soap:Header>",
                      "<soap:Header><f:F xmlns:f=\"urn:f\">&x;</f:F>", err));
    s.q.way.mangled = true;
    TRY(conf_xta_spoilt_send(&s, err));
    (void)conf_check(run, 96, conf_now() - begin < EXPANSION_MS, "the answer took %lld ms",
                     (long long)(conf_now() - begin));
    (void)conf_check(run, 96, span_find(buf_span(&s.reply.body), SPAN("root:")) == SIZE_MAX,
                     "the answer quotes a file of the server");
    return conf_xta_spoilt_look(&s, 96, "an entity", err);
}

enum status conf_xta_entities(struct conf_run *run, struct error *err)
{
    static const char *const forms[] = {
        PROLOG "<!DOCTYPE soap:Envelope [<!ENTITY x SYSTEM \"http://127.0.0.1:%u/entity\">]>",
        PROLOG "<!DOCTYPE soap:Envelope SYSTEM \"http://127.0.0.1:%u/dtd\">",
        PROLOG "<!DOCTYPE soap:Envelope [<!ENTITY %% p SYSTEM \"http://127.0.0.1:%u/p\"> %%p;]>",
        PROLOG "<!DOCTYPE soap:Envelope [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
        PROLOG "<!DOCTYPE soap:Envelope [<!ENTITY a \"0123456789\"><!ENTITY b "
               "\"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">"
               "<!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\"><!ENTITY e "
               "\"&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;\"><!ENTITY f \"&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;\">"
               "<!ENTITY g \"&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;\"><!ENTITY h "
               "\"&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;\"><!ENTITY x \"&h;&h;&h;&h;&h;&h;&h;&h;\">]>",
    };
    struct conf_listener *listener = NULL;
    enum status st = ST_OK;
    unsigned visits;

    TRY(conf_listen(run, 0, caught, NULL, &listener, err));
    for (size_t i = 0; i < ARRAY_LEN(forms) && st == ST_OK; i++) {
        char doctype[1600], port[16];
        const char *at = strstr(forms[i], "%u");
        AUTO(buf_deinit) struct buf text = {0};

        (void)snprintf(port, sizeof port, "%u", conf_listener_port(listener));
        buf_init(&text, sizeof doctype);
        for (const char *p = forms[i]; *p != '\0'; p++)
            if (p == at) {
                buf_str(&text, port);
                p++;
            } else if (p[0] != '%' || p[1] != '%') {
                buf_char(&text, *p);
            }
        st = entity_try(run, buf_cstr(&text), err);
    }
    visits = conf_listener_connections(listener);
    conf_listener_free(listener);
    TRY(st);
    (void)conf_check(run, 96, visits == 0, "%u connections came for the entities", visits);
    return ST_OK;
}

static enum status alive(struct conf_run *run, unsigned number, const char *after,
                         struct error *err)
{
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_ask(run, ASK_ACCOUNT, "author", "author", &reply, err));
    (void)conf_check(run, number, conf_xta_is_result(&reply), "after %s: %s", after, reply.what);
    return ST_OK;
}

enum status conf_xta_noise(struct conf_run *run, struct error *err)
{
    static const struct {
        const char *what, *type;
        struct span bytes;
    } rows[] = {
        {"nothing", "application/soap+xml", {NULL, 0}},
        {"text", "application/soap+xml", SPAN("Guten Tag")},
        {"half a tag", "application/soap+xml", SPAN("<soap:Envelope xmlns:soap=\"")},
        {"zeros", "application/soap+xml", SPAN("\0\0\0\0\0\0\0\0")},
        {"a multipart without parts", "multipart/related; boundary=a; type=\"application/xop+xml\"",
         SPAN("--a--\r\n")},
        {"a multipart of noise", "multipart/related; boundary=a; type=\"application/xop+xml\"",
         SPAN("--a\r\nContent-Type: application/xop+xml\r\n\r\n\xff\xfe\x00<\r\n--a--\r\n")},
        {"an image", "image/png", SPAN("\x89PNG\r\n\x1a\n")},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};
        AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

        TRY(conf_xta_request_init(&q, run, ASK_ACCOUNT, "author", err));
        buf_add(&q.wire, rows[i].bytes);
        q.way.type = rows[i].type;
        q.way.mangled = true;
        TRY(conf_xta_post(&q, &reply, err));
        (void)conf_check(run, 97, conf_xta_is_refusal(&reply), "%s: %s", rows[i].what, reply.what);
        TRY(alive(run, 97, rows[i].what, err));
    }
    return ST_OK;
}

enum status conf_xta_soap11(struct conf_run *run, struct error *err)
{
    AUTO(conf_xta_request_deinit) struct conf_xta_request q = {0};
    AUTO(conf_xta_reply_deinit) struct conf_xta_reply reply = {0};

    TRY(conf_xta_request_init(&q, run, ASK_ACCOUNT, "author", err));
    conf_xta_put_party(&q, "author");
    q.plain = true;
    q.way.soap11 = true;
    q.way.mangled = true;
    TRY(conf_xta_send(&q, &reply, err));
    (void)conf_check(run, 98,
                     reply.status == 415 ||
                         (reply.status >= 400 &&
                          span_find(buf_span(&reply.body), SPAN("VersionMismatch")) != SIZE_MAX),
                     "%s", reply.what);
    return ST_OK;
}

/* What is changed in the packed bytes. */
static enum status mtom_break(struct conf_xta_spoilt *s, size_t way, const char **what,
                              struct error *err)
{
    char *boundary;

    TRY(conf_xta_pack(&s->q, err));
    switch (way) {
    case 0:
        *what = "a xop:Include without its part";
        return conf_xta_edit(&s->q.wire, "Content-ID: <part1@", "Content-ID: <part9@", err);
    case 1:
        *what = "a multipart that ends in its part";
        s->q.wire.len -= 100;
        return ST_OK;
    case 2:
        *what = "a multipart without its last boundary";
        s->q.wire.len -= 60;
        return ST_OK;
    default:
        *what = "a wrong boundary";
        boundary = strstr(s->q.content_type, "boundary=\"uuid:");
        if (boundary == NULL)
            return error_set(err, ST_INTERNAL, 0, "no boundary to change");
        boundary[strlen("boundary=\"")] = 'x';
        return ST_OK;
    }
}

enum status conf_xta_broken_mtom(struct conf_run *run, struct error *err)
{
    for (size_t way = 0; way < 4; way++) {
        const char *what = "";
        AUTO(conf_xta_spoilt_deinit) struct conf_xta_spoilt s = {0};

        TRY(conf_xta_spoilt_init(&s, run, ASK_SEND, false, err));
        TRY(mtom_break(&s, way, &what, err));
        s.q.way.mangled = true;
        TRY(conf_xta_post(&s.q, &s.reply, err));
        (void)conf_check(run, 101, s.reply.fault || s.reply.status == 400, "%s: %s", what,
                         s.reply.what);
        TRY(conf_xta_look_absent(&s.box, 101, s.letter.id, err));
    }
    return ST_OK;
}
