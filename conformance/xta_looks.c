#include "conformance/xta_looks.h"

#include <stdio.h>
#include <string.h>

#define NUMBERS_V3 "urn:de:xta:webservice:codeliste:fehlernummer"

static void look_schema(const struct conf_xta_request *q, const struct conf_xta_reply *r)
{
    char why[300];
    const char *wrong;

    if (q->way.soap11 && !r->envelope)
        return; /* in whose form a server says that it does not speak it is its own affair */
    if (!conf_check(q->run, 1, r->envelope, "%s: no SOAP 1.2 envelope (%s)", q->operation->name,
                    r->what))
        return;
    wrong = conf_xta_invalid(q->run, q->version, r->doc, why, sizeof why);
    (void)conf_check(q->run, 1, wrong == NULL, "%s: %s", q->operation->name,
                     wrong != NULL ? wrong : "");
}

/* "https://.../core.sender/sendMessage" and the exception's name instead of the last step. */
static void fault_action(const struct conf_xta_request *q, const struct conf_xta_reply *r,
                         char *out, size_t cap)
{
    const char *action = q->operation->action, *last = strrchr(action, '/');

    if (q->version == CONF_V3 || last == NULL)
        (void)snprintf(out, cap, "%s", action);
    else
        (void)snprintf(out, cap, "%.*s/%s", (int)(last - action), action, r->exception);
}

static void look_exception(const struct conf_xta_request *q, const struct conf_xta_reply *r)
{
    const char *name = conf_xta_short(r->version, r->exception);
    char action[300], blanked[16];

    (void)snprintf(blanked, sizeof blanked, " %s ", name != NULL ? name : "?");
    (void)conf_check(q->run, 13, strstr(q->operation->faults, blanked) != NULL,
                     "%s is not declared for %s", r->exception, q->operation->name);
    fault_action(q, r, action, sizeof action);
    (void)conf_check(q->run, 13, strcmp(r->action, action) == 0, "%s of %s has wsa:Action \"%s\"",
                     r->exception, q->operation->name, r->action);
}

static void look_number_v3(const struct conf_xta_request *q, const struct conf_xta_reply *r)
{
    char text[400];
    const char *name = conf_xta_short(r->version, r->exception);
    const char *expected = conf_xta_number_text(r->number);
    xmlNode *code = conf_xta_node(r, NULL, "//" EL("Fault") "/" EL("Detail") "/*/" EL("errorCode"));

    (void)conf_check(q->run, 15, r->number[0] != '\0' && conf_xta_node(r, code, "name") != NULL,
                     "%s: errorCode has no unqualified code and name", r->exception);
    (void)conf_xta_text(r, code, "name", text, sizeof text);
    (void)conf_check(q->run, 15, expected != NULL ? strcmp(text, expected) == 0 : text[0] != '\0',
                     "%s has the name \"%s\"", r->number, text);
    if (conf_xta_node(r, code, "@listURI") != NULL) {
        (void)conf_xta_text(r, code, "@listURI", text, sizeof text);
        (void)conf_check(q->run, 15, strcmp(text, NUMBERS_V3) == 0, "listURI is \"%s\"", text);
    }
    (void)conf_check(q->run, 17, name != NULL && conf_xta_number_fits(name, r->number),
                     "%s with number %s", r->exception, r->number);
}

static void look_number_v5(const struct conf_xta_request *q, const struct conf_xta_reply *r)
{
    char uri[300], version[64];
    xmlNode *code = conf_xta_node(r, NULL, "//" EL("Fault") "/" EL("Detail") "/*/" EL("ErrorCode"));

    (void)conf_check(q->run, 16, r->number[0] != '\0', "%s: ErrorCode has no unqualified code",
                     r->exception);
    (void)conf_check(q->run, 16, conf_xta_node(r, code, EL("name")) == NULL,
                     "%s: ErrorCode has a name", r->exception);
    (void)conf_check(q->run, 16,
                     conf_xta_text(r, code, "@listURI", uri, sizeof uri)[0] != '\0' &&
                         conf_xta_text(r, code, "@listVersionID", version, sizeof version)[0] !=
                             '\0',
                     "%s: ErrorCode without listURI and listVersionID", r->exception);
}

/* XTA-108: attributes named id without namespace, all of type xs:ID in V5. */
static void look_ids(const struct conf_xta_request *q, const struct conf_xta_reply *r)
{
    char path[400], id[128];
    size_t count = conf_xta_count(r, "//@id");

    for (size_t i = 1; i <= count; i++) {
        (void)snprintf(path, sizeof path, "(//@id)[%zu]", i);
        (void)conf_xta_text(r, NULL, path, id, sizeof id);
        (void)snprintf(path, sizeof path, "//@id[.='%s']", id);
        if (strchr(id, '\'') == NULL &&
            !conf_check(q->run, 108, conf_xta_count(r, path) == 1, "%s: the id %s stands twice",
                        q->operation->name, id))
            return;
    }
}

void conf_xta_look(const struct conf_xta_request *q, const struct conf_xta_reply *r)
{
    char action[300];

    if (q->version != conf_xta_version(q->run))
        return; /* asked beside, for the sake of another assertion */
    if (r->doc == NULL && r->status != 200)
        return; /* refused below XTA */
    look_schema(q, r);
    if (!r->envelope)
        return;
    if (!q->plain && !q->way.mangled)
        (void)conf_check(q->run, 10, r->mtom, "%s, %s: Content-Type %s", q->operation->name,
                         r->what, r->content_type);
    if (!q->way.mangled)
        (void)conf_check(q->run, 12, strcmp(r->relates, q->id) == 0,
                         "%s: wsa:RelatesTo is \"%s\" and not %s", q->operation->name, r->relates,
                         q->id);
    (void)conf_check(q->run, 18, r->fault ? r->status == 400 || r->status == 500 : r->status == 200,
                     "%s: %s", q->operation->name, r->what);
    if (q->version == CONF_V5)
        look_ids(q, r);
    if (!r->fault) {
        (void)snprintf(action, sizeof action, "%s%s", q->operation->action,
                       q->version == CONF_V5 ? "Response" : "");
        (void)conf_check(q->run, 11, strcmp(r->action, action) == 0, "%s: wsa:Action is \"%s\"",
                         q->operation->name, r->action);
    } else if (r->exception[0] != '\0') {
        if (!q->way.mangled)
            look_exception(q, r);
        if (q->version == CONF_V3)
            look_number_v3(q, r);
        else
            look_number_v5(q, r);
    }
}
