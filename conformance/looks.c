#include "conformance/looks.h"

#include <stdio.h>

void conf_look_fault(struct conf_run *run, struct conf_view *view, int status)
{
    const xmlNode *fault = conf_node_below(conf_view_body(view), "Fault");
    char text[64], location[512];
    const char *wrong = conf_frame_strict(&view->outer);

    (void)conf_check(run, 62, status == 200, "a fault with HTTP status %d", status);
    (void)conf_check(run, 62, !view->encrypted, "a fault that is enciphered");
    (void)conf_check(run, 62, wrong == NULL, "%s", wrong != NULL ? wrong : "");
    (void)conf_node_attr(xmlDocGetRootElement(view->doc), "schemaLocation", location,
                         sizeof location);
    (void)conf_check(run, 62, location[0] == '\0', "a fault with schemaLocation");
    (void)conf_node_text(conf_node_below(conf_node_below(fault, "detail"), "Code"), text,
                         sizeof text);
    (void)conf_check(run, 62, strlen(text) == 4 && text[0] == '9', "detail/Code is \"%s\"", text);
    (void)conf_node_text(conf_node_below(fault, "faultcode"), text, sizeof text);
    (void)conf_check(run, 62, strstr(text, "Client") != NULL || strstr(text, "Server") != NULL,
                     "faultcode is \"%s\"", text);
}

void conf_look_chunk(struct conf_run *run, const struct conf_view *view)
{
    const xmlNode *body = conf_view_body(view);
    const xmlNode *container = conf_node_below(body, "ContentContainer");
    char text[64];

    (void)conf_check(run, 98, conf_view_block(view, "FeatureDescription") != NULL,
                     "no FeatureDescription");
    (void)conf_check(run, 98,
                     conf_node_count(body, "ContentContainer") == 1 &&
                         conf_node_below(body, "EncryptedData") == NULL,
                     "not one container in the clear");
    (void)conf_check(
        run, 98,
        strcmp(conf_node_attr(container, "Id", text, sizeof text), "ChunkContentContainer") == 0,
        "the container has the Id %s", text);
    (void)conf_check(run, 98,
                     view->frame.count == 2 &&
                         !span_eq_nocase(view->frame.parts[1].encoding, SPAN("base64")),
                     "not one binary attachment");
}
