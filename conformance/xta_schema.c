/* Answers against the schemas. */
#include "conformance/schemas.h"
#include "conformance/xta_looks.h"
#include "xta/schema.h"

#include <stdio.h>
#include <string.h>

/* The official schema of the version; compiled once, NULL when it does not compile. */
static xmlSchema *official(struct conf_run *run, enum conf_xta_version version)
{
    char path[4096];
    const char *name = version == CONF_V3 ? "v3" : "v5";

    (void)pthread_mutex_lock(&run->lock);
    if (run->xta_official[version] == NULL) {
        (void)snprintf(path, sizeof path, "%s/%s/xta-%s-all.xsd", run->settings->xta_schemas, name,
                       name);
        run->xta_official[version] = conf_schema_load(path);
    }
    (void)pthread_mutex_unlock(&run->lock);
    return run->xta_official[version];
}

/* Where a schema wants Base64, MTOM has a xop:Include: any Base64 takes its place. */
static void fill_in(xmlNode *node)
{
    for (xmlNode *child = node->children; child != NULL; child = child->next) {
        if (child->type != XML_ELEMENT_NODE)
            continue;
        if (strcmp((const char *)child->name, "Include") == 0) {
            xmlNodeSetContent(node, (const xmlChar *)"AAAA");
            return; /* the children are gone */
        }
        fill_in(child);
    }
}

const char *conf_xta_invalid(struct conf_run *run, enum conf_xta_version version, xmlDoc *doc,
                             char *why, size_t cap)
{
    struct error err = {0};
    xmlDoc *copy = xmlCopyDoc(doc, 1);
    xmlNode *root = copy == NULL ? NULL : xmlDocGetRootElement(copy);
    const char *wrong = NULL;

    why[0] = '\0';
    if (root == NULL)
        return "no XML";
    fill_in(root);
    if (xta_schema_check(run->xta_schemas, version == CONF_V3 ? XTA_V3 : XTA_V5, copy, &err) !=
        ST_OK) {
        (void)snprintf(why, cap, "%s", err.text);
        wrong = why;
    } else if (run->settings->xta_schemas != NULL) {
        wrong = conf_schema_check(official(run, version), copy, why, cap);
    }
    xmlFreeDoc(copy);
    return wrong;
}
