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
