#include "osci/processcard.h"

#include <stdio.h>
#include <time.h>

#include "osci/record.h"

enum { NAME_KEPT_MAX = 1024 };

void osci_datetime_write(int64_t ms, char text[OSCI_DATETIME_MAX])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm = {0};
    char date[OSCI_DATETIME_MAX - 6];

    (void)gmtime_r(&seconds, &tm);
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(text, OSCI_DATETIME_MAX, "%s.%03dZ", date, (int)(ms % 1000));
}

/* Exactly n digits off the front. */
static bool digits_take(struct span *rest, size_t n, int *value)
{
    uint64_t v;

    if (rest->len < n || !span_to_u64(span_sub(*rest, 0, n), &v))
        return false;
    *value = (int)v;
    *rest = span_from(*rest, n);
    return true;
}

static bool char_take(struct span *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != (uint8_t)c)
        return false;
    *rest = span_from(*rest, 1);
    return true;
}

/* Z, +hh:mm, -hh:mm or nothing. */
static bool zone_take(struct span *rest, int64_t *offset_ms)
{
    int hours, minutes, sign = 1;

    *offset_ms = 0;
    if (rest->len == 0 || (char_take(rest, 'Z') && rest->len == 0))
        return true;
    if (char_take(rest, '-'))
        sign = -1;
    else if (!char_take(rest, '+'))
        return false;
    if (!digits_take(rest, 2, &hours) || !char_take(rest, ':') || !digits_take(rest, 2, &minutes) ||
        rest->len != 0 || hours > 14 || minutes > 59)
        return false;
    *offset_ms = (int64_t)sign * (hours * 60 + minutes) * 60000;
    return true;
}

static int fraction_take(struct span *rest)
{
    int ms = 0, scale = 100;

    if (!char_take(rest, '.'))
        return 0;
    while (rest->len > 0 && rest->ptr[0] >= '0' && rest->ptr[0] <= '9') {
        ms += scale * (rest->ptr[0] - '0');
        scale /= 10;
        *rest = span_from(*rest, 1);
    }
    return ms;
}

enum status osci_datetime_read(struct span text, int64_t *ms, struct error *err)
{
    struct span rest = span_trim(text);
    struct tm tm = {0};
    int64_t offset;
    int millis = 0;
    bool good = digits_take(&rest, 4, &tm.tm_year) && char_take(&rest, '-') &&
                digits_take(&rest, 2, &tm.tm_mon) && char_take(&rest, '-') &&
                digits_take(&rest, 2, &tm.tm_mday) && char_take(&rest, 'T') &&
                digits_take(&rest, 2, &tm.tm_hour) && char_take(&rest, ':') &&
                digits_take(&rest, 2, &tm.tm_min) && char_take(&rest, ':') &&
                digits_take(&rest, 2, &tm.tm_sec);

    if (good)
        millis = fraction_take(&rest);
    if (!good || !zone_take(&rest, &offset) || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
        tm.tm_mday > 31 || tm.tm_hour > 24 || tm.tm_min > 59 || tm.tm_sec > 60)
        return error_set(err, ST_INVALID, 9300, "no xs:dateTime");
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ms = (int64_t)timegm(&tm) * 1000 + millis - offset;
    return ST_OK;
}

enum status osci_time_plain(int64_t ms, struct arena *arena, struct osci_time *time,
                            struct error *err)
{
    char text[OSCI_DATETIME_MAX];

    *time = (struct osci_time){0};
    if (ms == 0)
        return ST_OK;
    osci_datetime_write(ms, text);
    time->text = arena_span(arena, span_str(text));
    TRY_ALLOC(time->text.ptr, err);
    return ST_OK;
}

/* A copy, cut between two characters where somebody made himself an endless name. */
static enum status keep(struct arena *arena, const char *text, struct span *out, struct error *err)
{
    struct span s = span_str(text);

    if (s.len > NAME_KEPT_MAX) {
        s.len = NAME_KEPT_MAX;
        while (s.len > 0 && (s.ptr[s.len] & 0xC0) == 0x80)
            s.len--;
    }
    *out = span_str(arena_str(arena, s));
    TRY_ALLOC(out->ptr, err);
    return ST_OK;
}

enum status osci_inspection_make(const struct cert *cert, const struct cert_verdict *v,
                                 struct arena *arena, struct osci_inspection *in, struct error *err)
{
    static const enum osci_check maths[] = {
        [CERT_MATH_INDETERMINATE] = OSCI_CHECK_INDETERMINATE,
        [CERT_MATH_OK] = OSCI_CHECK_GOOD,
        [CERT_MATH_CORRUPTED] = OSCI_CHECK_BAD,
    };
    static const enum osci_check offlines[] = {
        [CERT_OFFLINE_INDETERMINATE] = OSCI_CHECK_INDETERMINATE,
        [CERT_OFFLINE_VALID] = OSCI_CHECK_GOOD,
        [CERT_OFFLINE_INVALID] = OSCI_CHECK_BAD,
    };
    static const enum osci_check onlines[] = {
        [CERT_ONLINE_NONE] = OSCI_CHECK_NONE,
        [CERT_ONLINE_OK] = OSCI_CHECK_GOOD,
        [CERT_ONLINE_REVOKED] = OSCI_CHECK_BAD,
    };

    *in = (struct osci_inspection){.cert_type = SPAN("unknown"),
                                   .math = maths[v->math],
                                   .offline = offlines[v->offline],
                                   .online = onlines[v->online]};
    TRY(osci_time_plain(v->checked_at, arena, &in->timestamp, err));
    if (v->listed_at != 0) {
        struct osci_time date;

        TRY(osci_time_plain(v->listed_at, arena, &date, err));
        in->online_kind = SPAN("CRL");
        in->online_evidence = date.text;
    }
    TRY(keep(arena, cert_subject(cert), &in->subject, err));
    TRY(keep(arena, cert_issuer(cert), &in->issuer, err));
    return keep(arena, cert_serial(cert), &in->serial, err);
}

/* The fields of an inspection, in the order they are kept. */
enum { FIELDS = 8 };
static void fields_of(struct osci_inspection *in, struct span *fields[FIELDS])
{
    fields[0] = &in->timestamp.text;
    fields[1] = &in->timestamp.algorithm;
    fields[2] = &in->subject;
    fields[3] = &in->issuer;
    fields[4] = &in->serial;
    fields[5] = &in->cert_type;
    fields[6] = &in->online_kind;
    fields[7] = &in->online_evidence;
}

void osci_inspections_write(const struct osci_inspection *inspections, size_t count,
                            struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        struct osci_inspection in = inspections[i];
        const uint8_t checks[4] = {(uint8_t)in.math, (uint8_t)in.offline, (uint8_t)in.online,
                                   in.timestamp.cryptographic};
        struct span *fields[FIELDS];

        fields_of(&in, fields);
        osci_record_add(out, OSCI_RECORD_CHECKS, span_of(checks, sizeof checks));
        for (size_t k = 0; k < FIELDS; k++)
            osci_record_add(out, OSCI_RECORD_TEXT, *fields[k]);
    }
}

static enum status inspection_read(struct span *rest, struct arena *arena,
                                   struct osci_inspection *in, struct error *err)
{
    struct span checks, *fields[FIELDS];

    TRY(osci_record_take(rest, OSCI_RECORD_CHECKS, &checks, err));
    if (checks.len != 4 || checks.ptr[0] > OSCI_CHECK_INDETERMINATE ||
        checks.ptr[1] > OSCI_CHECK_INDETERMINATE || checks.ptr[2] > OSCI_CHECK_INDETERMINATE)
        return error_set(err, ST_INVALID, 0, "a kept inspection is broken");
    *in = (struct osci_inspection){.math = (enum osci_check)checks.ptr[0],
                                   .offline = (enum osci_check)checks.ptr[1],
                                   .online = (enum osci_check)checks.ptr[2],
                                   .timestamp.cryptographic = checks.ptr[3] != 0};
    fields_of(in, fields);
    for (size_t k = 0; k < FIELDS; k++) {
        TRY(osci_record_take(rest, OSCI_RECORD_TEXT, fields[k], err));
        *fields[k] = arena_span(arena, *fields[k]);
    }
    return ST_OK;
}

enum status osci_inspections_read(struct span kept, struct arena *arena,
                                  struct osci_inspection **inspections, size_t *count,
                                  struct error *err)
{
    struct span rest = kept, value;
    size_t n = 0;
    unsigned tag;

    while (rest.len > 0) {
        TRY(osci_record_next(&rest, &tag, &value, err));
        n += tag == OSCI_RECORD_CHECKS;
    }
    *inspections = arena_array(arena, sizeof **inspections, n + 1);
    TRY_ALLOC(*inspections, err);
    rest = kept;
    for (size_t i = 0; i < n; i++)
        TRY(inspection_read(&rest, arena, &(*inspections)[i], err));
    *count = n;
    return ST_OK;
}
