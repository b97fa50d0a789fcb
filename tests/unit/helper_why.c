#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_why.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "gateway/cli.h"

int helper_why(const struct helper_runtime *h, const char *id, const char *lang, bool json,
               char **said)
{
    char socket[512];
    char *argv[] = {(char *)(uintptr_t) "depesche",
                    (char *)(uintptr_t) "why",
                    (char *)(uintptr_t) "--socket",
                    (char *)(uintptr_t)helper_path(h, socket, "api.sock"),
                    (char *)(uintptr_t) "--lang",
                    (char *)(uintptr_t)lang,
                    (char *)(uintptr_t)(json ? "--json" : id),
                    (char *)(uintptr_t)id};
    struct gw_cli_io io = {.now = gw_now_ms(), .err = stderr, .lang = GW_LANG_EN};
    size_t len;
    int rc, argc = 6 + (json ? 1 : 0) + (id[0] != '\0' ? 1 : 0);

    io.out = open_memstream(said, &len);
    assert_non_null(io.out);
    rc = gw_cli_run(argc, argv, &io);
    assert_int_equal(fclose(io.out), 0);
    return rc;
}

/* The finding with this code of a list, or the one there is. */
static const json_t *finding_of(const json_t *json, int code)
{
    const json_t *all = json_object_get(json, "findings");
    char shown[GW_CODE_SIZE];

    if (all == NULL)
        return json;
    (void)gw_explain_code(code, shown);
    for (size_t i = 0; i < json_array_size(all); i++)
        if (json_is_null(json_object_get(json_array_get(all, i), "id")) &&
            strcmp(json_string_value(json_object_get(json_array_get(all, i), "code")), shown) == 0)
            return json_array_get(all, i);
    fail_msg("no finding %s", shown);
    return NULL;
}

const char *helper_why_text(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));

    return text == NULL ? "" : text;
}

/* No hole, and the step in it. */
static void sentence_expect(const char *sentence, const char *step)
{
    if (strchr(sentence, '{') != NULL || strchr(sentence, '?') != NULL ||
        strstr(sentence, step) == NULL)
        fail_msg("'%s' instead of '%s'", sentence, step);
}

static int exit_code(const char *grade)
{
    return strcmp(grade, "act") == 0       ? EX_DATAERR
           : strcmp(grade, "trouble") == 0 ? EX_TEMPFAIL
                                           : EX_OK;
}

void helper_why_expect(const struct helper_runtime *h, const char *id,
                       const struct helper_finding *f)
{
    AUTO(free_drop) char *de = NULL, *en = NULL, *text = NULL;
    AUTO(json_drop) json_t *json = NULL;
    const json_t *finding;
    char code[GW_CODE_SIZE];
    int rc = helper_why(h, id, "de", true, &text);

    json = json_loads(text, 0, NULL);
    assert_non_null(json);
    finding = finding_of(json, f->code);
    if (strcmp(helper_why_text(finding, "code"), gw_explain_code(f->code, code)) != 0)
        fail_msg("%s instead of %s: %s", helper_why_text(finding, "code"), code,
                 helper_why_text(json_object_get(finding, "en"), "sentence"));
    assert_string_equal(helper_why_text(finding, "side"), f->side);
    assert_string_equal(helper_why_text(finding, "grade"), f->grade);
    if (id[0] != '\0')
        assert_int_equal(rc, exit_code(f->grade));
    sentence_expect(helper_why_text(json_object_get(finding, "de"), "sentence"), f->step_de);
    sentence_expect(helper_why_text(json_object_get(finding, "en"), "sentence"), f->step_en);
    assert_int_equal(helper_why(h, id, "de", false, &de), rc);
    assert_int_equal(helper_why(h, id, "en", false, &en), rc);
    if (id[0] == '\0')
        return;
    sentence_expect(de, f->step_de);
    sentence_expect(en, f->step_en);
    assert_non_null(strstr(de, code));
    if (getenv("TEST_LOG") != NULL)
        print_message("%s%s", de, en);
}
