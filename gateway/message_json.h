/*
 * gateway/message_json.h - messages, events and receipts as JSON
 *
 * One form for the API, the receipts of drop folders and message.json: docs/openapi.yaml describes
 * it. Times are RFC 3339 in UTC with milliseconds. Text that is not UTF-8 (a file's name from an
 * old share, say) is taken for ISO-8859-1, so that nothing is ever left out.
 *
 * Everything returned is the caller's (json_decref); NULL means that there is no memory.
 */
#pragma once

#include <jansson.h>

#include "gateway/store.h"

/* "2026-05-04T08:15:00.123Z"; null for 0. */
json_t *gw_json_time(int64_t ms);
/* The string; null for NULL. */
json_t *gw_json_text(const char *text);
/* Sets a member and takes value. Once something failed, *json is NULL and stays so. */
void gw_json_put(json_t **json, const char *key, json_t *value);
/* The same for an item of an array. */
void gw_json_append(json_t **array, json_t *value);
/* As json_dumps, which leaves a key out when memory is short just then, and returns the rest; this
 * is NULL, for a json of NULL as well. The caller's (free). */
char *gw_json_dump(const json_t *json, size_t flags);

/* files NULL: without them, as in lists. */
json_t *gw_json_message(const struct gw_message_row *row, const struct gw_file_list *files);
json_t *gw_json_file(const struct gw_file_row *file);
json_t *gw_json_event(const struct gw_event_row *row);
/* creation, forwarding, reception, inspections; null when nothing of it is known. */
json_t *gw_json_receipt(const struct gw_message_row *row);
/* "D-1300"; null for 0. */
json_t *gw_json_code(int reason);
/* code, en, de, side; null for reason 0 without texts. */
json_t *gw_json_trouble(int reason, const char *en, const char *de);
