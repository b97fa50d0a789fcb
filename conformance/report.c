#include "conformance/report.h"

#include <string.h>

void conf_report_list(FILE *out, bool german)
{
    for (unsigned n = 1; n <= CONF_ASSERTIONS; n++) {
        const struct conf_assertion *a = conf_assertion(n);

        (void)fprintf(out, "OSCI-%03u  %c  %-3s  %-10s  %s\n", n, (char)a->kind, a->roles,
                      a->clause, german ? a->text.de : a->text.en);
    }
}

void conf_report_text(FILE *out, const struct conf_run *run, bool german)
{
    static const char *const words[][2] = {{"untestable", "unprüfbar"},
                                           {"untestable", "unprüfbar"},
                                           {"pass", "bestanden"},
                                           {"FAIL", "NICHT BESTANDEN"}};

    for (unsigned n = 1; n <= CONF_ASSERTIONS; n++)
        for (enum conf_role role = 0; role < CONF_ROLES; role++) {
            const struct conf_assertion *a = conf_assertion(n);
            const struct conf_result *r = &run->results.of[n][role];
            const char *reason = german ? r->de : r->en;

            if (!conf_assertion_has(a, role))
                continue;
            (void)fprintf(out, "OSCI-%03u  %-12s  %s%s%s\n", n, conf_role_name(role),
                          words[r->verdict][german], reason[0] != '\0' ? ": " : "", reason);
        }
    (void)fprintf(out,
                  german ? "%zu bestanden, %zu nicht bestanden, %zu unprüfbar\n"
                         : "%zu passed, %zu failed, %zu untestable\n",
                  conf_results_count(&run->results, CONF_PASS),
                  conf_results_count(&run->results, CONF_FAIL),
                  conf_results_count(&run->results, CONF_UNTESTABLE));
}

/* Reasons are our own texts with pieces of messages in them: control characters were taken out. */
static void json_string(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            (void)fputc('\\', out);
        (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

void conf_report_json(FILE *out, const struct conf_run *run)
{
    for (unsigned n = 1; n <= CONF_ASSERTIONS; n++)
        for (enum conf_role role = 0; role < CONF_ROLES; role++) {
            const struct conf_result *r = &run->results.of[n][role];

            if (!conf_assertion_has(conf_assertion(n), role))
                continue;
            (void)fprintf(out, "{\"id\": \"OSCI-%03u\", \"role\": \"%s\", \"result\": \"%s\", ", n,
                          conf_role_name(role), conf_verdict_name(r->verdict));
            (void)fputs("\"reason\": ", out);
            json_string(out, r->en);
            (void)fputs("}\n", out);
        }
    (void)fflush(out);
}
