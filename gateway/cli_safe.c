/* What others wrote (subjects, file names, certificates) may not steer the reader's terminal. */
#include <string.h>

#include "gateway/cli_view.h"

/*
 * How many bytes at c would steer: control characters of ASCII, U+0080 to U+009F, and those that
 * turn the direction of writing (U+202A to U+202E, U+2066 to U+2069), which make one name look like
 * another. 0: none.
 */
static size_t steering(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;

    if (c[0] < ' ' || c[0] == 0x7f)
        return 1;
    if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
        return 2;
    if (c[0] == 0xe2 && c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae)
        return 3;
    if (c[0] == 0xe2 && c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9)
        return 3;
    return 0;
}

void cli_put(FILE *out, const char *text)
{
    for (const char *c = text; *c != '\0';) {
        size_t len = steering(c);

        (void)fputc(len > 0 ? '?' : *c, out);
        c += len > 0 ? len : 1;
    }
}

static char *harmless_text(const char *text)
{
    char *copy = calloc(1, strlen(text) + 1), *to = copy;

    for (const char *c = text; copy != NULL && *c != '\0';) {
        size_t len = steering(c);

        *to++ = len > 0 ? '?' : *c;
        c += len > 0 ? len : 1;
    }
    return copy;
}

static json_t *harmless(const char *key, json_t *value);

static json_t *harmless_object(json_t *object)
{
    json_t *copy = json_object(), *value;
    const char *key;

    json_object_foreach(object, key, value)
    {
        if (json_object_set_new(copy, key, harmless(key, value)) != 0) {
            json_decref(copy);
            return NULL;
        }
    }
    return copy;
}

static json_t *harmless_array(json_t *array)
{
    json_t *copy = json_array();

    for (size_t i = 0; i < json_array_size(array); i++)
        if (json_array_append_new(copy, harmless(NULL, json_array_get(array, i))) != 0) {
            json_decref(copy);
            return NULL;
        }
    return copy;
}

/* A certificate's PEM is made of lines, and of nothing else. */
static json_t *harmless(const char *key, json_t *value)
{
    AUTO(free_drop) char *text = NULL;

    if (json_is_object(value))
        return harmless_object(value);
    if (json_is_array(value))
        return harmless_array(value);
    if (!json_is_string(value) || (key != NULL && strcmp(key, "pem") == 0))
        return json_incref(value);
    text = harmless_text(json_string_value(value));
    return text == NULL ? NULL : json_string(text);
}

json_t *cli_harmless(json_t *value)
{
    return harmless(NULL, value);
}
