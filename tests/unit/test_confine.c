/* Calls that a confined process does not get through, and those that it must. */
#define _GNU_SOURCE 1 /* clone's flags, getaddrinfo */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/cage.h"
#include "gateway/confine.h"

/* Arguments with which the call does nothing where it is not forbidden. */
static struct call_row {
    const char *name;
    long number, a, b, c;
    bool needs_root; /* without the filter, too, EPERM for anybody else */
} call_rows[] = {
    {"ptrace", SYS_ptrace, PTRACE_CONT, -1, 0, false},
    {"process_vm_readv", SYS_process_vm_readv, -1, 0, 0, false},
    {"kcmp", SYS_kcmp, -1, -1, 0, false},
    {"keyctl", SYS_keyctl, 1000, 0, 0, false},
    {"add_key", SYS_add_key, 0, 0, 0, false},
    {"request_key", SYS_request_key, 0, 0, 0, false},
    {"userfaultfd", SYS_userfaultfd, -1, 0, 0, true},
    {"perf_event_open", SYS_perf_event_open, 0, 0, 0, true},
    {"bpf", SYS_bpf, 1000, 0, 0, true},
    {"mount", SYS_mount, 0, 0, 0, true},
    {"umount2", SYS_umount2, 0, 0xffff, 0, true},
    {"pivot_root", SYS_pivot_root, 0, 0, 0, true},
    {"move_mount", SYS_move_mount, -1, 0, -1, true},
    {"fsopen", SYS_fsopen, 0, 0, 0, true},
    {"chroot", SYS_chroot, 0, 0, 0, false},
    {"setns", SYS_setns, -1, 0, 0, false},
    {"unshare", SYS_unshare, 1, 0, 0, false},
    {"init_module", SYS_init_module, 0, 0, 0, true},
    {"finit_module", SYS_finit_module, -1, 0, 0, true},
    {"delete_module", SYS_delete_module, 0, 0, 0, true},
    {"kexec_load", SYS_kexec_load, 0, 17, 0, true},
    {"reboot", SYS_reboot, 0, 0, 0, true},
    {"swapon", SYS_swapon, 0, 0, 0, true},
    {"acct", SYS_acct, 1, 0, 0, true},
    {"settimeofday", SYS_settimeofday, 1, 0, 0, true},
    {"sethostname", SYS_sethostname, 0, -1, 0, true},
    {"open_by_handle_at", SYS_open_by_handle_at, -1, 0, 0, true},
    {"personality", SYS_personality, 0xffffffff, 0, 0, false},
    {"io_uring_setup", SYS_io_uring_setup, 0, 0, 0, false},
    {"a socket for packets", SYS_socket, AF_PACKET, -1, 0, true},
    {"a socket of the kernel's ciphers", SYS_socket, AF_ALG, -1, 0, false},
    {"a socket between virtual machines", SYS_socket, AF_VSOCK, -1, 0, false},
    {"a user namespace", SYS_clone, CLONE_NEWUSER | CLONE_FS, 0, 0, false},
    {"a network namespace", SYS_clone, CLONE_NEWNET | CLONE_NEWUSER | CLONE_FS, 0, 0, false},
    {"typing at a terminal", SYS_ioctl, -1, TIOCSTI, 0, false},
};

enum { NO_FILTER = 201 };

/* What errno the call gives in a process of its own; 0: it succeeded. */
static int errno_of(const struct call_row *row, bool confined)
{
    struct error err = {0};
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        if (confined && gw_confine_calls(&err) != ST_OK)
            _exit(NO_FILTER);
        errno = 0;
        if (syscall(row->number, row->a, row->b, row->c, 0, 0) >= 0)
            _exit(0);
        _exit(errno);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_call(void **state)
{
    const struct call_row *row = *state;

    assert_int_equal(errno_of(row, true), EPERM);
    if (!row->needs_root || geteuid() == 0)
        assert_int_not_equal(errno_of(row, false), EPERM);
}

/* In a process of its own, since nothing takes the filter away: each line is a number of an exit
 * code when it fails. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return __LINE__ % 200 + 1;                                                             \
    } while (0)

static int in_child(int (*body)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(body());
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int status_field(const char *name)
{
    AUTO(free_drop) char *line = NULL;
    size_t cap = 0, len = strlen(name);
    FILE *f = fopen("/proc/self/status", "r");
    int value = -1;

    while (f != NULL && getline(&line, &cap, f) > 0)
        if (strncmp(line, name, len) == 0)
            value = atoi(line + len);
    if (f != NULL)
        (void)fclose(f);
    return value;
}

static void *nothing(void *ctx)
{
    return ctx;
}

static int program_run(const char *path)
{
    char *const argv[] = {(char *)(uintptr_t)path, NULL}, *const env[] = {NULL};
    int status = -1;
    pid_t pid;

    if (posix_spawn(&pid, path, NULL, NULL, argv, env) != 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

static int work_is_done(void)
{
    static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
    struct addrinfo *found;
    struct error err = {0};
    pthread_t thread;

    MUST(gw_confine_calls(&err) == ST_OK);
    MUST(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    MUST(status_field("Seccomp:") == 2);
    MUST(pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0);
    MUST(program_run("/bin/true") == 0);
    MUST(system("exec 3</dev/null; echo text | cat >/dev/null") == 0); /* NOLINT(cert-env33-c) */
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        AUTO(fd_drop) int fd = socket(families[i], SOCK_DGRAM | SOCK_CLOEXEC, 0);

        MUST(fd >= 0 || errno == EAFNOSUPPORT);
    }
    MUST(getaddrinfo("127.0.0.1", "443", &hints, &found) == 0);
    return 0;
}

static void test_work(void **state)
{
    (void)state;
    assert_int_equal(in_child(work_is_done), 0);
}

static int once(void)
{
    struct error err = {0};
    int filters = status_field("Seccomp_filters:");

    MUST(!gw_confine_calls_hold());
    MUST(gw_confine_calls(&err) == ST_OK && gw_confine_calls_hold());
    MUST(gw_confine_calls(&err) == ST_OK && gw_confine_calls_hold());
    MUST(status_field("Seccomp_filters:") == filters + 1 || filters < 0);
    return 0;
}

static void test_once(void **state)
{
    (void)state;
    assert_int_equal(in_child(once), 0);
    assert_false(gw_confine_calls_hold());
}

/* A thread that runs already. */
struct other {
    pthread_barrier_t before, after;
    int result;
};

static void *other_main(void *ctx)
{
    struct other *o = ctx;

    pthread_barrier_wait(&o->before);
    pthread_barrier_wait(&o->after);
    o->result = syscall(SYS_ptrace, PTRACE_CONT, -1, 0, 0) == -1 ? errno : 0;
    return NULL;
}

static int all_threads(void)
{
    struct other o = {.result = 0};
    struct error err = {0};
    pthread_t thread;

    MUST(pthread_barrier_init(&o.before, NULL, 2) == 0);
    MUST(pthread_barrier_init(&o.after, NULL, 2) == 0);
    MUST(pthread_create(&thread, NULL, other_main, &o) == 0);
    pthread_barrier_wait(&o.before);
    MUST(gw_confine_calls(&err) == ST_OK);
    pthread_barrier_wait(&o.after);
    MUST(pthread_join(thread, NULL) == 0);
    MUST(o.result == EPERM);
    return 0;
}

static void test_all_threads(void **state)
{
    (void)state;
    assert_int_equal(in_child(all_threads), 0);
}

static int computing(void)
{
    AUTO(fd_drop) int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC), more = -1;
    AUTO(free_drop) char *bytes = NULL;
    struct error err = {0};

    MUST(fd >= 0);
    MUST(gw_confine_compute(&err) == ST_OK);
    bytes = calloc(4, 1024 * 1024);
    MUST(bytes != NULL && read(fd, bytes, 1024 * 1024) == 1024 * 1024);
    more = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    MUST(more < 0 && errno == EPERM);
    more = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(more < 0 && errno == EPERM);
    MUST(fork() < 0 && errno == EPERM);
    MUST(execl("/bin/true", "true", (char *)NULL) < 0 && errno == EPERM);
    MUST(kill(getppid(), 0) < 0 && errno == EPERM);
    MUST(unlink("/dev/null/x") < 0 && errno == EPERM);
    return 0;
}

static void test_computing(void **state)
{
    (void)state;
    assert_int_equal(in_child(computing), 0);
}

static int no_files(void)
{
    AUTO(fd_drop) int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC), more = -1;
    struct error err = {0};
    char byte;

    MUST(zero >= 0);
    MUST(gw_confine_files(&err) == ST_OK);
    MUST(read(zero, &byte, 1) == 1);
    more = open("/dev/null", O_RDONLY | O_CLOEXEC);
    MUST(more < 0 && errno == EACCES);
    more = open("/tmp/depesche-no-files", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    MUST(more < 0 && errno == EACCES);
    MUST(mkdir("/tmp/depesche-no-files", 0700) != 0 && errno == EACCES);
    MUST(execl("/bin/true", "true", (char *)NULL) < 0 && errno == EACCES);
    return 0;
}

/* With Landlock alone: no filter of calls has a part in it. */
static void test_no_files(void **state)
{
    struct error err = {0};
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0)
        _exit(gw_confine_files(&err) == ST_NOT_FOUND ? 1 : 0);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        assert_int_equal(in_child(no_files), 0);
    else
        (void)puts("this kernel has no Landlock: nothing to try");
}

/* Root becomes somebody else, for good, with that user's groups alone. */
static int becomes(void)
{
    const struct gw_config conf = {.security = {.user = "nobody"}};
    struct error err = {0};
    struct gw_cage cage;
    gid_t groups[64];
    int count;

    MUST(gw_cage_enter(&conf, &cage, &err) == ST_OK);
    MUST(getuid() != 0 && geteuid() == getuid() && getegid() != 0);
    MUST(setuid(0) != 0 && setgid(0) != 0);
    MUST(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
    MUST(strcmp(cage.calls, "off") == 0 && cage.files_max > 0);
    count = getgroups(ARRAY_LEN(groups), groups);
    MUST(count >= 0);
    for (int i = 0; i < count; i++)
        MUST(groups[i] != 0);
    MUST(gw_cage_enter(&conf, &cage, &err) == ST_OK); /* after a reload */
    return 0;
}

static int becomes_nobody_known(void)
{
    const struct gw_config conf = {.security = {.user = "no-such-user"}};
    struct error err = {0};
    struct gw_cage cage;

    MUST(gw_cage_enter(&conf, &cage, &err) == ST_NOT_FOUND);
    return 0;
}

/* Who is not root stays who he is, whatever the settings say. */
static int stays(void)
{
    const struct gw_config conf = {.security = {.user = "no-such-user"}};
    uid_t uid = geteuid() != 0 ? geteuid() : 65534;
    struct error err = {0};
    struct gw_cage cage;

    MUST(geteuid() == uid || setresuid(uid, uid, uid) == 0);
    MUST(gw_cage_enter(&conf, &cage, &err) == ST_OK);
    MUST(getuid() == uid && geteuid() == uid);
    return 0;
}

static void test_user(void **state)
{
    (void)state;
    assert_int_equal(in_child(stays), 0);
    if (geteuid() != 0)
        return;
    assert_int_equal(in_child(becomes), 0);
    assert_int_equal(in_child(becomes_nobody_known), 0);
}

static bool built_in(void)
{
    struct error err = {0};
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(gw_confine_calls(&err) == ST_NOT_FOUND ? 1 : 0);
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(call_rows) + 6] = {
        cmocka_unit_test(test_work),        cmocka_unit_test(test_once),
        cmocka_unit_test(test_all_threads), cmocka_unit_test(test_computing),
        cmocka_unit_test(test_no_files),    cmocka_unit_test(test_user)};

    if (!built_in()) {
        (void)puts("built without libseccomp, or not in this kernel: nothing to try");
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(call_rows); i++)
        tests[6 + i] = (struct CMUnitTest){call_rows[i].name, test_call, NULL, NULL, &call_rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
