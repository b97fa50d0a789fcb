#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/doctor.h"
#include "helper_runtime.h"

enum { ARENA = 4 * 1024 * 1024 };
static const int64_t in_2030 = INT64_C(1893456000000), in_2200 = INT64_C(7258118400000);

static const char more[] = "endpoints:\n"
                           "  - name: bauamt\n"
                           "    folder: {dir}/bauamt\n";

static void folders_make(const struct helper_runtime *h, const char *without)
{
    static const char *const parts[] = {"", "/out", "/sent", "/refused", "/in", "/receipts"};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        char path[512];

        if (strcmp(parts[i], without) != 0)
            assert_int_equal(mkdir(helper_path(h, path, "bauamt%s", parts[i]), 0700), 0);
    }
}

/* The row of a subject whose name ends so and whose reason it is; NULL: there is none. */
static const struct gw_doctor_row *found(const struct gw_doctor_list *list,
                                         enum gw_doctor_subject subject, const char *name,
                                         int reason)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct gw_doctor_row *row = &list->rows[i];

        if (row->subject == subject && row->reason == reason && strstr(row->name, name) != NULL)
            return row;
    }
    return NULL;
}

static struct row {
    const char *name;
    const char *without; /* folder of the endpoint that is not there */
    int64_t now;
    enum gw_doctor_subject subject;
    const char *of;
    int reason; /* -1: any */
    enum gw_doctor_level level;
} rows[] = {
    {"a folder is there", "none", 0, GW_DOCTOR_FOLDER, "bauamt/out", 0, GW_DOCTOR_GOOD},
    {"a folder is not there", "/in", 0, GW_DOCTOR_FOLDER, "bauamt/in", GW_R_SPOOL_FOLDER,
     GW_DOCTOR_BAD},
    {"nobody listens", "none", 0, GW_DOCTOR_DESTINATION, "demo", GW_R_NET_REFUSED, GW_DOCTOR_BAD},
    {"the tenant's certificate has ended", "none", in_2200, GW_DOCTOR_CERTIFICATE,
     "tenant.identity.signature", GW_R_CERT_EXPIRED, GW_DOCTOR_BAD},
    {"the partner's certificate has ended", "none", in_2200, GW_DOCTOR_CERTIFICATE, "Beheim",
     GW_R_CERT_EXPIRED, GW_DOCTOR_BAD},
    {"an issuer has ended", "none", in_2200, GW_DOCTOR_CERTIFICATE, "trust.osci", GW_R_CERT_EXPIRED,
     GW_DOCTOR_BAD},
    {"the intermediary's certificate has ended", "none", in_2200, GW_DOCTOR_CERTIFICATE,
     "intermediaries.cipher_certificate", GW_R_CERT_EXPIRED, GW_DOCTOR_BAD},
    {"it has not begun", "none", 1, GW_DOCTOR_CERTIFICATE, "tenant.identity.cipher",
     GW_R_CERT_NOT_YET, GW_DOCTOR_BAD},
    {"the disk", "none", 0, GW_DOCTOR_DISK, "state", -1, GW_DOCTOR_GOOD},
    {"settings whose file is gone", "none", 0, GW_DOCTOR_SETTINGS, "", GW_R_CONFIG_UNREADABLE,
     GW_DOCTOR_BAD},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    AUTO(arena_deinit) struct arena arena = {0};
    struct helper_runtime h = {0};
    struct gw_doctor_list list = {0};
    const struct gw_doctor_row *r = NULL;
    struct error err = {0};

    arena_init(&arena, ARENA);
    helper_runtime_open(&h, helper_town_yaml, more, NULL);
    folders_make(&h, row->without);
    helper_runtime_run(&h);
    assert_int_equal(gw_doctor_look(h.rt, row->now == 0 ? in_2030 : row->now, &arena, &list, &err),
                     ST_OK);
    if (row->reason >= 0)
        r = found(&list, row->subject, row->of, row->reason);
    for (size_t i = 0; i < list.count && row->reason < 0; i++) /* whatever was found */
        if (list.rows[i].subject == row->subject && strstr(list.rows[i].name, row->of) != NULL)
            r = &list.rows[i];
    assert_non_null(r);
    if (row->reason >= 0)
        assert_int_equal(r->level, row->level);
    for (size_t i = 0; i < list.count; i++) {
        r = &list.rows[i];
        assert_true(r->de[0] != '\0' && r->en[0] != '\0');
        assert_null(strchr(r->de, '{'));
        assert_null(strchr(r->en, '{'));
        assert_null(strchr(r->action_de, '{'));
        assert_int_equal(r->level != GW_DOCTOR_GOOD, r->action_en[0] != '\0');
    }
    (void)helper_runtime_stop(&h);
    helper_runtime_deinit(&h);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
