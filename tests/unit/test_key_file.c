#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/key_file.h"

/* Nobody of this machine, so that the process that tests is none of them. */
enum { SERVICE = 54321, SERVICE_GROUP = 54322, OTHER = 54323, OTHER_GROUP = 54324 };

/* keeper: the service user, with its group; or root, with root's. */
static struct row {
    const char *name;
    uid_t keeper, owner;
    gid_t group;
    mode_t mode;
    const char *right_owner, *right_mode; /* NULL: it is good */
} rows[] = {
    {"the service's own", SERVICE, SERVICE, SERVICE_GROUP, 0600, NULL, NULL},
    {"its own, whatever group may do nothing", SERVICE, SERVICE, OTHER_GROUP, 0400, NULL, NULL},
    {"its own, its group reads", SERVICE, SERVICE, SERVICE_GROUP, 0640, NULL, NULL},
    {"its own, another group reads", SERVICE, SERVICE, OTHER_GROUP, 0640, "54321:54322", "600"},
    {"its own, its group writes", SERVICE, SERVICE, SERVICE_GROUP, 0660, "54321:54322", "600"},
    {"its own, everybody reads", SERVICE, SERVICE, SERVICE_GROUP, 0644, "54321:54322", "600"},
    {"its own, others may run it", SERVICE, SERVICE, SERVICE_GROUP, 0601, "54321:54322", "600"},
    {"root's, for the service's group", SERVICE, 0, SERVICE_GROUP, 0640, NULL, NULL},
    {"root's, for another group", SERVICE, 0, OTHER_GROUP, 0640, "root:54322", "640"},
    {"root's, everybody reads", SERVICE, 0, SERVICE_GROUP, 0644, "root:54322", "640"},
    {"another user's", SERVICE, OTHER, SERVICE_GROUP, 0640, "root:54322", "640"},
    {"another user's, for nobody else", SERVICE, OTHER, OTHER_GROUP, 0600, "root:54322", "640"},
    {"root is the service", 0, 0, 0, 0600, NULL, NULL},
    {"root is the service, its group reads", 0, 0, 0, 0640, NULL, NULL},
    {"root is the service, everybody reads", 0, 0, 0, 0644, "root:root", "600"},
    {"root is the service, another user's", 0, OTHER, 0, 0600, "root:root", "600"},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    struct gw_key_keeper keeper = {row->keeper, row->keeper == 0 ? 0 : SERVICE_GROUP};
    struct stat info = {.st_uid = row->owner, .st_gid = row->group, .st_mode = S_IFREG | row->mode};
    struct gw_key_file_fault fault = {0};

    assert_int_equal(gw_key_file_good(&keeper, &info, &fault), row->right_mode == NULL);
    if (row->right_mode == NULL)
        return;
    assert_string_equal(fault.right_owner, row->right_owner);
    assert_string_equal(fault.right_mode, row->right_mode);
    /* what we tell to type makes it good */
    info.st_uid = strncmp(fault.right_owner, "root:", 5) == 0 ? 0 : row->keeper;
    info.st_gid = keeper.gid;
    info.st_mode = S_IFREG | (mode_t)strtoul(fault.right_mode, NULL, 8);
    assert_true(gw_key_file_good(&keeper, &info, &fault));
}

/* Who is judged by: the user of the settings, else whose the state folder is, else we. */
static void keepers(void **state)
{
    struct gw_config config = {.state = "/nonexistent/state"};
    struct gw_key_keeper keeper;
    struct stat root;

    (void)state;
    gw_key_keeper_of(&config, &keeper);
    assert_int_equal(keeper.uid, geteuid());
    assert_int_equal(keeper.gid, getegid());
    assert_int_equal(stat("/", &root), 0);
    config.state = "/";
    gw_key_keeper_of(&config, &keeper);
    assert_int_equal(keeper.uid, root.st_uid);
    config.security.user = "nobody";
    gw_key_keeper_of(&config, &keeper);
    assert_int_not_equal(keeper.uid, 0);
    config.security.user = "no-such-user-here"; /* that is a finding of its own */
    gw_key_keeper_of(&config, &keeper);
    assert_int_equal(keeper.uid, geteuid());
}

static void lines(void **state)
{
    static const struct {
        const char *text, *line;
    } all[] = {{"secret", "secret"},
               {"secret\n", "secret"},
               {"se cret\r\nmore\n", "se cret"},
               {"", ""},
               {"\nsecond line", ""}};
    char path[] = "/tmp/test_key_file.XXXXXX";
    int fd = mkstemp(path);
    struct error err = {0};

    (void)state;
    assert_true(fd >= 0);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        AUTO(buf_deinit_secret) struct buf line = {0};

        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, all[i].text, strlen(all[i].text), 0), strlen(all[i].text));
        assert_int_equal(gw_key_file_line(path, &line, &err), ST_OK);
        assert_string_equal(buf_cstr(&line), all[i].line);
    }
    assert_int_equal(ftruncate(fd, 100000), 0);
    {
        AUTO(buf_deinit_secret) struct buf line = {0};

        assert_int_equal(gw_key_file_line(path, &line, &err), ST_LIMIT);
    }
    assert_int_equal(close(fd) | unlink(path), 0);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows) + 2] = {cmocka_unit_test(keepers),
                                                    cmocka_unit_test(lines)};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i + 2] = (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
