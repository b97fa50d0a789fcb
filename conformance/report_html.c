#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conformance/report.h"

static const char style[] =
    "body{font:15px/1.45 system-ui,sans-serif;color:#1b1b1b;max-width:1150px;margin:2em auto;"
    "padding:0 1em}h1{font-size:1.6em;margin-bottom:.1em}h2{font-size:1.2em;margin-top:2em}"
    "p.sub,.en{color:#555}.en{font-style:italic}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #bbb;padding:.35em .5em;text-align:left;vertical-align:top}"
    "th{background:#eee}td.n{white-space:nowrap}.pass{background:#dff2df}.fail{background:#f8d0d0;"
    "font-weight:bold}.untestable{background:#f3f0e4}td.n,code{font-family:ui-monospace,monospace;"
    "font-size:.92em}details{margin:.4em 0}ul{margin:.2em 0;padding-left:1.3em}"
    "@media print{body{max-width:none;margin:0;font-size:10px}a{color:inherit;text-decoration:none}"
    "tr{break-inside:avoid}thead{display:table-header-group}"
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}";

static const struct group {
    enum conf_suite suite;
    unsigned first;
    struct conf_text name;
} groups[] = {
    {CONF_OSCI, 1, {"Rahmen, Umschlag, Kodierung", "Framing, envelope, encoding"}},
    {CONF_OSCI, 16, {"Signatur", "Signature"}},
    {CONF_OSCI, 31, {"Verschlüsselung", "Encryption"}},
    {CONF_OSCI, 43, {"Client", "Client"}},
    {CONF_OSCI, 61, {"Intermediär", "Intermediary"}},
    {CONF_OSCI, 92, {"Passiver Empfänger", "Passive recipient"}},
    {CONF_OSCI, 98, {"Große Nachrichten in Teilen", "Large messages in chunks"}},
    {CONF_OSCI, 108, {"Robustheit", "Robustness"}},
    {CONF_XTA, 1, {"Verpackung, Adressierung, Transport", "Packaging, addressing, transport"}},
    {CONF_XTA, 20, {"Konten", "Accounts"}},
    {CONF_XTA, 30, {"Nachrichten-Ids", "Message ids"}},
    {CONF_XTA, 40, {"Senden und Reports", "Sending and reports"}},
    {CONF_XTA, 60, {"Postfach", "Message box"}},
    {CONF_XTA,
     80,
     {"Auskunft, synchrone Dienste, Grenzen, Gleichzeitigkeit",
      "Lookup, synchronous services, limits, concurrency"}},
    {CONF_XTA, 90, {"Fehlerhafte Anfragen", "Malformed requests"}},
    {CONF_XTA, 120, {"Client", "Client"}},
    {CONF_XTA, 150, {"Port des Lesers", "Reader port"}},
};

static const struct conf_text verdicts[] = {
    [CONF_NOT_RUN] = {"unprüfbar", "untestable"},
    [CONF_UNTESTABLE] = {"unprüfbar", "untestable"},
    [CONF_PASS] = {"bestanden", "pass"},
    [CONF_FAIL] = {"nicht bestanden", "fail"},
};

static const struct conf_text kinds[] = {
    {"Aufbau", "structure"}, {"Bytes", "wire"}, {"Verhalten", "behaviour"}};

static void text(FILE *out, const char *s)
{
    for (; *s != '\0'; s++)
        switch (*s) {
        case '&':
            (void)fputs("&amp;", out);
            break;
        case '<':
            (void)fputs("&lt;", out);
            break;
        case '>':
            (void)fputs("&gt;", out);
            break;
        case '"':
            (void)fputs("&quot;", out);
            break;
        default:
            (void)fputc(*s, out);
        }
}

static void both(FILE *out, const struct conf_text *t)
{
    text(out, t->de);
    if (strcmp(t->de, t->en) == 0)
        return;
    (void)fputs("<br><span class=\"en\" lang=\"en\">", out);
    text(out, t->en);
    (void)fputs("</span>", out);
}

/* ---- the beginning ---- */

static void summary(FILE *out, const struct conf_run *run)
{
    (void)fputs("<h2>Zusammenfassung / <span class=\"en\" lang=\"en\">Summary</span></h2>"
                "<table><thead><tr><th>Rolle / Role<th>Adresse / Address<th>bestanden / pass"
                "<th>nicht bestanden / fail<th>unprüfbar / untestable</tr></thead><tbody>\n",
                out);
    for (enum conf_role role = 0; role < CONF_ROLES; role++) {
        const char *url = run->settings->urls[role];
        size_t failed = conf_results_count(&run->results, role, CONF_FAIL);

        if (!conf_report_has(run, conf_role(role)->suite))
            continue;
        (void)fprintf(out, "<tr><td>%s ", conf_suite_name(conf_role(role)->suite));
        both(out, &conf_role(role)->text);
        (void)fputs("<td class=\"n\">", out);
        text(out, url != NULL ? url : "–");
        (void)fprintf(out, "<td>%zu<td%s>%zu<td>%zu</tr>\n",
                      conf_results_count(&run->results, role, CONF_PASS),
                      failed > 0 ? " class=\"fail\"" : "", failed,
                      conf_results_count(&run->results, role, CONF_UNTESTABLE));
    }
    (void)fputs("</tbody></table>\n", out);
}

static void head(FILE *out, const struct conf_run *run)
{
    time_t now = (time_t)(conf_now() / 1000);
    struct tm tm = {0};
    char when[64] = "";

    if (gmtime_r(&now, &tm) != NULL)
        (void)strftime(when, sizeof when, "%Y-%m-%d %H:%M UTC", &tm);
    (void)fprintf(
        out,
        "<!DOCTYPE html>\n<html lang=\"de\"><head><meta charset=\"utf-8\">"
        "<title>Konformitätsbericht</title><style>%s</style></head>"
        "<body>\n<h1>Konformitätsbericht</h1>\n"
        "<p class=\"sub\"><span class=\"en\" lang=\"en\">Conformance report</span> · %s · "
        "depesche-conformance " DEPESCHE_VERSION "</p>\n",
        style, when);
    (void)fputs(
        "<p>Ein unabhängiges Programm hat die genannten Endpunkte von außen geprüft: mit "
        "Nachrichten "
        "in der vorgeschriebenen Form und mit solchen, die in genau einem Punkt davon abweichen. "
        "<b>Bestanden</b>: alles Betrachtete war so, wie die Aussage es verlangt. <b>Nicht "
        "bestanden</b>: mindestens eine Betrachtung widersprach ihr; der Grund steht dabei. "
        "<b>Unprüfbar</b>: von außen oder mit den Angaben dieses Laufs nicht festzustellen, und "
        "warum. Die Abschnitte sind die der Arbeitsfassungen von OSCI-Transport 1.2 und XTA 2, "
        "nach "
        "denen Depesche gebaut ist.</p>\n"
        "<p class=\"en\" lang=\"en\">An independent program has looked at these endpoints from "
        "outside: with messages of the prescribed form, and with ones that differ from it in "
        "exactly one point. <b>Pass</b>: everything looked at was as the assertion demands. "
        "<b>Fail</b>: at least one look contradicted it; the reason is given. <b>Untestable</b>: "
        "it cannot be seen from outside, or not with what this run was given, and why. Clauses are "
        "sections of the digests of OSCI-Transport 1.2 and XTA 2 that Depesche was built by.</p>\n",
        out);
    summary(out, run);
}

/* ---- the assertions ---- */

static void why(FILE *out, const struct conf_result *r)
{
    const struct conf_text reason = {r->de, r->en};

    if (r->en[0] != '\0')
        both(out, &reason);
    if (r->looks > 0)
        (void)fprintf(out, "%s%u Betrachtung%s / <span class=\"en\" lang=\"en\">look%s</span>",
                      r->en[0] != '\0' ? "<br>" : "", r->looks, r->looks == 1 ? "" : "en",
                      r->looks == 1 ? "" : "s");
}

static void scenarios(FILE *out, enum conf_role role, const struct conf_result *r)
{
    for (size_t i = 0; i < r->scenario_count; i++)
        (void)fprintf(out, "%s<a href=\"#%s-%s\">%s</a>", i > 0 ? ", " : "", conf_role(role)->name,
                      r->scenarios[i], r->scenarios[i]);
}

static unsigned roles_of(enum conf_suite suite, unsigned number)
{
    unsigned count = 0;

    for (enum conf_role role = 0; role < CONF_ROLES; role++)
        count += conf_role(role)->suite == suite && conf_role_asks(role, number);
    return count;
}

static void row_head(FILE *out, enum conf_suite suite, const struct conf_assertion *a)
{
    const char *name = conf_suite_name(suite);
    unsigned span = roles_of(suite, a->number);

    (void)fprintf(out, "<td class=\"n\" rowspan=\"%u\" id=\"%s-%03u\">%s-%03u", span, name,
                  a->number, name, a->number);
    (void)fprintf(out, "<td rowspan=\"%u\">", span);
    both(out, &a->text);
    (void)fprintf(out, "<td rowspan=\"%u\">%s<br>", span, a->clause);
    both(out, &kinds[a->kind == CONF_SCHEMA ? 0 : a->kind == CONF_WIRE ? 1 : 2]);
}

static void row(FILE *out, const struct conf_run *run, enum conf_suite suite, unsigned number)
{
    unsigned shown = 0;

    for (enum conf_role role = 0; role < CONF_ROLES; role++) {
        const struct conf_result *r = &run->results.of[number][role];

        if (conf_role(role)->suite != suite || !conf_role_asks(role, number))
            continue;
        (void)fputs("<tr>", out);
        if (shown++ == 0)
            row_head(out, suite, conf_assertion(suite, number));
        (void)fputs("<td>", out);
        both(out, &conf_role(role)->text);
        (void)fprintf(out, "<td class=\"%s\">", conf_verdict_name(r->verdict));
        both(out, &verdicts[r->verdict]);
        (void)fputs("<td>", out);
        why(out, r);
        (void)fputs("<td>", out);
        scenarios(out, role, r);
        (void)fputs("</tr>\n", out);
    }
}

/* Up to the next group of the suite. */
static void group(FILE *out, const struct conf_run *run, const struct group *g)
{
    const struct group *next =
        g + 1 < groups + ARRAY_LEN(groups) && g[1].suite == g->suite ? g + 1 : NULL;

    (void)fprintf(out, "<h2>%s: ", conf_suite_name(g->suite));
    text(out, g->name.de);
    (void)fputs(" / <span class=\"en\" lang=\"en\">", out);
    text(out, g->name.en);
    (void)fputs("</span></h2>\n<table><thead><tr><th>Nr.<th>Aussage / Assertion<th>Abschnitt / "
                "Clause<th>Rolle / Role<th>Ergebnis / Result<th>Grund / Reason<th>Nachweis / "
                "Evidence</tr></thead><tbody>\n",
                out);
    for (unsigned n = g->first; n < (next != NULL ? next->first : CONF_NUMBERS + 1); n++)
        row(out, run, g->suite, n);
    (void)fputs("</tbody></table>\n", out);
}

/* ---- evidence ---- */

static void evidence_of(FILE *out, const struct conf_run *run, size_t *at)
{
    const struct conf_evidence *first = &run->evidence[*at];

    (void)fprintf(out, "<details id=\"%s-%s\"><summary>%s: %s</summary><ul>\n",
                  conf_role(first->role)->name, first->scenario->name, conf_role(first->role)->name,
                  first->scenario->name);
    for (; *at < run->evidence_count; ++*at) {
        const struct conf_evidence *e = &run->evidence[*at];

        if (e->scenario != first->scenario || e->role != first->role)
            break;
        (void)fputs("<li><a href=\"", out);
        text(out, run->settings->evidence);
        (void)fprintf(out, "/%s\">%s</a>, %zu Bytes\n", e->file, e->file, e->len);
    }
    (void)fputs("</ul></details>\n", out);
}

static void evidence(FILE *out, const struct conf_run *run)
{
    (void)fputs("<h2>Ausgetauschte Nachrichten / <span class=\"en\" lang=\"en\">Exchanged messages"
                "</span></h2>\n",
                out);
    if (run->settings->evidence == NULL) {
        (void)fputs(
            "<p>Nicht aufbewahrt; mit <code>--evidence DIR</code> werden sie es. "
            "<span class=\"en\" lang=\"en\">Not kept; with <code>--evidence DIR</code> they "
            "are.</span></p>\n",
            out);
        return;
    }
    for (size_t at = 0; at < run->evidence_count;)
        evidence_of(out, run, &at);
}

void conf_report_html(FILE *out, const struct conf_run *run)
{
    head(out, run);
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        if (conf_report_has(run, groups[i].suite))
            group(out, run, &groups[i]);
    evidence(out, run);
    (void)fputs("</body></html>\n", out);
}
