#include "conformance/report.h"

#include <string.h>

void conf_report_list(FILE *out, bool german)
{
    for (enum conf_suite suite = 0; suite < CONF_SUITES; suite++)
        for (unsigned n = 1; n <= CONF_NUMBERS; n++) {
            const struct conf_assertion *a = conf_assertion(suite, n);

            if (a != NULL)
                (void)fprintf(out, "%s-%03u  %c  %-3s  %-10s  %s\n", conf_suite_name(suite), n,
                              (char)a->kind, a->roles, a->clause, german ? a->text.de : a->text.en);
        }
}

bool conf_report_has(const struct conf_run *run, enum conf_suite suite)
{
    for (enum conf_role role = 0; role < CONF_ROLES; role++)
        if (run->role_run[role] && conf_role(role)->suite == suite)
            return true;
    return false;
}

size_t conf_report_count(const struct conf_run *run, enum conf_verdict verdict)
{
    size_t count = 0;

    for (enum conf_role role = 0; role < CONF_ROLES; role++)
        if (conf_report_has(run, conf_role(role)->suite))
            count += conf_results_count(&run->results, role, verdict);
    return count;
}

/* Calls what for each assertion that is reported, with each of its roles. */
static void each(FILE *out, const struct conf_run *run, bool german,
                 void (*what)(FILE *out, const struct conf_run *run, unsigned number,
                              enum conf_role role, bool german))
{
    for (enum conf_suite suite = 0; suite < CONF_SUITES; suite++)
        for (unsigned n = 1; n <= CONF_NUMBERS && conf_report_has(run, suite); n++)
            for (enum conf_role role = 0; role < CONF_ROLES; role++)
                if (conf_role(role)->suite == suite && conf_role_asks(role, n))
                    what(out, run, n, role, german);
}

static void text_line(FILE *out, const struct conf_run *run, unsigned number, enum conf_role role,
                      bool german)
{
    static const char *const words[][2] = {{"untestable", "unprüfbar"},
                                           {"untestable", "unprüfbar"},
                                           {"pass", "bestanden"},
                                           {"FAIL", "NICHT BESTANDEN"}};
    const struct conf_result *r = &run->results.of[number][role];
    const char *reason = german ? r->de : r->en;

    (void)fprintf(out, "%s-%03u  %-12s  %s%s%s\n", conf_suite_name(conf_role(role)->suite), number,
                  conf_role(role)->name, words[r->verdict][german], reason[0] != '\0' ? ": " : "",
                  reason);
}

void conf_report_text(FILE *out, const struct conf_run *run, bool german)
{
    each(out, run, german, text_line);
    (void)fprintf(out,
                  german ? "%zu bestanden, %zu nicht bestanden, %zu unprüfbar\n"
                         : "%zu passed, %zu failed, %zu untestable\n",
                  conf_report_count(run, CONF_PASS), conf_report_count(run, CONF_FAIL),
                  conf_report_count(run, CONF_UNTESTABLE) + conf_report_count(run, CONF_NOT_RUN));
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

static void json_line(FILE *out, const struct conf_run *run, unsigned number, enum conf_role role,
                      bool german)
{
    const struct conf_role_row *row = conf_role(role);
    const struct conf_result *r = &run->results.of[number][role];

    (void)german;
    (void)fprintf(out, "{\"id\": \"%s-%03u\", \"role\": \"%s\", ", conf_suite_name(row->suite),
                  number, row->role);
    if (row->version != NULL)
        (void)fprintf(out, "\"version\": \"%s\", ", row->version);
    (void)fprintf(out, "\"result\": \"%s\", \"reason\": ", conf_verdict_name(r->verdict));
    json_string(out, r->en);
    (void)fputs("}\n", out);
}

void conf_report_json(FILE *out, const struct conf_run *run)
{
    each(out, run, false, json_line);
    (void)fflush(out);
}
