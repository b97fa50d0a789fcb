/* A text like share/algorithms.conf, read into dates. */
#include "crypto/policy_rows.h"

enum { FIELDS = 4, YEAR_MIN = 2000, YEAR_MAX = 2199, SHOWN = 60 };

struct line {
    int number;
    struct span fields[FIELDS]; /* kind, name, written until, read until */
    size_t count;               /* FIELDS + 1: more than there may be */
};

static void line_split(struct span text, struct line *line)
{
    struct span rest = span_trim(span_sub(text, 0, span_find(text, SPAN("#"))));

    line->count = 0;
    while (rest.len > 0) {
        size_t len = 0;

        while (len < rest.len && rest.ptr[len] != ' ' && rest.ptr[len] != '\t')
            len++;
        if (line->count < FIELDS)
            line->fields[line->count] = span_sub(rest, 0, len);
        line->count += line->count <= FIELDS;
        rest = span_trim(span_from(rest, len));
    }
}

static bool digits(struct span text, size_t at, size_t len, int *value)
{
    *value = 0;
    for (size_t i = at; i < at + len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        *value = *value * 10 + (text.ptr[i] - '0');
    }
    return true;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* "-" or "2031-12-31", which is still allowed. */
static bool day_read(struct span text, int64_t *until)
{
    int year, month, day;

    *until = 0;
    if (span_is(text, "-"))
        return true;
    if (text.len != 10 || text.ptr[4] != '-' || text.ptr[7] != '-' || !digits(text, 0, 4, &year) ||
        !digits(text, 5, 2, &month) || !digits(text, 8, 2, &day) || year < YEAR_MIN ||
        year > YEAR_MAX || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
        return false;
    *until = POLICY_UNTIL(year, month, day);
    return true;
}

static const struct alg *row_find(const struct line *line, size_t *index)
{
    const struct alg *alg;

    for (*index = 0; (alg = alg_row(*index)) != NULL; (*index)++)
        if (span_is(line->fields[0], alg_use_name(alg->use)) &&
            span_is(line->fields[1], alg_name(alg)))
            return alg;
    return NULL;
}

static enum status line_read(const struct line *line, struct policy_dates *dates, bool *seen,
                             struct error *err)
{
    struct policy_dates read;
    size_t index;

    if (line->count != FIELDS)
        return error_set(err, ST_INVALID, 0, "line %d: a kind, a name and two dates are needed",
                         line->number);
    if (row_find(line, &index) == NULL)
        return error_set(err, ST_INVALID, 0, "line %d: %.*s %.*s is no algorithm known here",
                         line->number, SPAN_FMT(span_sub(line->fields[0], 0, SHOWN)),
                         SPAN_FMT(span_sub(line->fields[1], 0, SHOWN)));
    if (seen[index])
        return error_set(err, ST_INVALID, 0, "line %d: %s stands there twice", line->number,
                         alg_name(alg_row(index)));
    if (!day_read(line->fields[2], &read.write_until) ||
        !day_read(line->fields[3], &read.read_until))
        return error_set(err, ST_INVALID, 0, "line %d: a date is written like 2031-12-31, or -",
                         line->number);
    if (read.write_until > read.read_until)
        return error_set(err, ST_INVALID, 0, "line %d: %s would be written longer than read",
                         line->number, alg_name(alg_row(index)));
    seen[index] = true;
    dates[index] = read;
    return ST_OK;
}

enum status policy_dates_read(struct span text, struct policy_dates dates[static POLICY_ROWS_MAX],
                              struct error *err)
{
    static const struct policy built_in = {0};
    struct policy_dates read[POLICY_ROWS_MAX] = {0};
    bool seen[POLICY_ROWS_MAX] = {false};
    struct line line = {0};
    struct span one;

    if (text.len > POLICY_FILE_MAX)
        return error_set(err, ST_LIMIT, 0, "the file of algorithms is larger than %d bytes",
                         POLICY_FILE_MAX);
    for (size_t i = 0; alg_row(i) != NULL; i++)
        read[i] = (struct policy_dates){policy_until(&built_in, alg_row(i), ALG_WRITE),
                                        policy_until(&built_in, alg_row(i), ALG_READ)};
    while (span_split(&text, '\n', &one)) {
        line.number++;
        line_split(one, &line);
        if (line.count > 0)
            TRY(line_read(&line, read, seen, err));
    }
    memcpy(dates, read, sizeof read);
    return ST_OK;
}
