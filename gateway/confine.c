#define _GNU_SOURCE 1 /* clone's flags */
#include "gateway/confine.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#ifdef HAVE_SECCOMP
#include <linux/tty.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#endif

/*
 * getpriority knows three kinds of "which"; for this one, our own, the filter answers with an errno
 * that the call never has. So a program that begins anew in the same process knows that it is
 * confined, whatever filters others (systemd) have put there. The number goes up with the rules.
 */
enum { MARK = 0x44457001, MARK_ERRNO = ENOTUNIQ };

bool gw_confine_calls_hold(void)
{
    return getpriority((__priority_which_t)MARK, 0) == -1 && errno == MARK_ERRNO;
}

#ifdef HAVE_SECCOMP

/* By name: a library that does not know one yet, or an architecture without it, leaves it out. */
static const char *const forbidden[] = {
    /* the kernel's code, and its start */
    "init_module", "finit_module", "delete_module", "create_module", "query_module",
    "get_kernel_syms", "kexec_load", "kexec_file_load", "reboot", "bpf", "perf_event_open",
    "userfaultfd", "uselib", "vhangup", "syslog", "lookup_dcookie", "nfsservctl", "sysfs",
    "_sysctl", "modify_ldt", "vm86", "vm86old", "iopl", "ioperm", "personality",
    /* other processes */
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease",
    "kcmp", "pidfd_getfd", "move_pages", "migrate_pages",
    /* keyrings: the kernel's attack surface without use to us */
    "add_key", "request_key", "keyctl",
    /* mounts, namespaces, quotas */
    "mount", "umount", "umount2", "mount_setattr", "move_mount", "open_tree", "fsopen", "fsconfig",
    "fsmount", "fspick", "pivot_root", "chroot", "setns", "unshare", "swapon", "swapoff", "acct",
    "quotactl", "quotactl_fd", "fanotify_init", "open_by_handle_at", "name_to_handle_at",
    /* the machine's clock and name */
    "settimeofday", "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64",
    "adjtimex", "stime", "sethostname", "setdomainname",
    /* requests that no filter sees; libuv goes on without */
    "io_uring_setup", "io_uring_enter", "io_uring_register"};

/* For who computes: not even the end of a file's name is asked for. */
static const char *const computing[] = {"read",
                                        "readv",
                                        "write",
                                        "writev",
                                        "lseek",
                                        "close",
                                        "fstat",
                                        "newfstatat",
                                        "mmap",
                                        "munmap",
                                        "mremap",
                                        "mprotect",
                                        "madvise",
                                        "brk",
                                        "futex",
                                        "getrandom",
                                        "clock_gettime",
                                        "clock_getres",
                                        "gettimeofday",
                                        "time",
                                        "exit",
                                        "exit_group",
                                        "rt_sigaction",
                                        "rt_sigprocmask",
                                        "rt_sigreturn",
                                        "sigaltstack",
                                        "getpid",
                                        "gettid",
                                        "tgkill",
                                        "restart_syscall",
                                        "prlimit64",
                                        "getrlimit",
                                        "sched_yield",
                                        "sysinfo",
                                        "rseq",
                                        "membarrier",
                                        "get_robust_list",
                                        "set_robust_list"};

DROP_DEFINE(filter_drop, void, seccomp_release)

static enum status failed(struct error *err, int rc, const char *what)
{
    return error_set(err, ST_INTERNAL, 0, "system calls cannot be confined: %s: %s", what,
                     strerror(-rc));
}

/* One that this machine does not have is no failure. */
static int rules_add(scmp_filter_ctx filter, uint32_t action, const char *const *names,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int call = seccomp_syscall_resolve_name(names[i]);
        int rc = call < 0 ? 0 : seccomp_rule_add(filter, action, call, 0);

        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Packets, Bluetooth, the kernel's cipher sockets: all but local ones, IP, and netlink, by which
 * the resolver learns of our addresses. */
static int sockets_forbid(scmp_filter_ctx filter, uint32_t action)
{
    for (scmp_datum_t family = 0; family <= AF_NETLINK; family++) {
        int rc = 0;

        if (family != AF_UNIX && family != AF_INET && family != AF_INET6 && family != AF_NETLINK)
            rc = seccomp_rule_add(filter, action, SCMP_SYS(socket), 1,
                                  SCMP_A0_64(SCMP_CMP_EQ, family, 0));
        if (rc != 0)
            return rc;
    }
    return seccomp_rule_add(filter, action, SCMP_SYS(socket), 1,
                            SCMP_A0_64(SCMP_CMP_GT, AF_NETLINK, 0));
}

/* clone is what starts threads and programs, so it stays, but for the flags that make namespaces;
 * clone3 hides them in memory, and the C library does without it. */
static int namespaces_forbid(scmp_filter_ctx filter, uint32_t action)
{
    static const scmp_datum_t flags[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                         CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
    int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

    for (size_t i = 0; i < ARRAY_LEN(flags) && rc == 0; i++)
        rc = seccomp_rule_add(filter, action, SCMP_SYS(clone), 1,
                              SCMP_A0_64(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
    return rc;
}

/* Typing for others at their terminal. */
static int terminals_forbid(scmp_filter_ctx filter, uint32_t action)
{
    static const scmp_datum_t requests[] = {TIOCSTI, TIOCLINUX};
    int rc = 0;

    for (size_t i = 0; i < ARRAY_LEN(requests) && rc == 0; i++)
        rc = seccomp_rule_add(filter, action, SCMP_SYS(ioctl), 1,
                              SCMP_A1_64(SCMP_CMP_MASKED_EQ, 0xffffffffU, requests[i]));
    return rc;
}

/* All threads get it, those that run already, too. */
static enum status load(scmp_filter_ctx filter, struct error *err)
{
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (rc != 0)
        return failed(err, rc, "the filter's attributes");
    rc = seccomp_load(filter);
    if (rc == -EINVAL || rc == -ENOSYS)
        return error_set(err, ST_NOT_FOUND, 0, "the kernel has no seccomp filters");
    return rc == 0 ? ST_OK : failed(err, rc, "loading");
}

enum status gw_confine_calls(struct error *err)
{
    const uint32_t no = SCMP_ACT_ERRNO(EPERM);
    AUTO(filter_drop) void *filter = NULL;
    int rc;

    if (gw_confine_calls_hold())
        return ST_OK;
    filter = seccomp_init(SCMP_ACT_ALLOW);
    TRY_ALLOC(filter, err);
    rc = rules_add(filter, no, forbidden, ARRAY_LEN(forbidden));
    if (rc == 0)
        rc = sockets_forbid(filter, no);
    if (rc == 0)
        rc = namespaces_forbid(filter, no);
    if (rc == 0)
        rc = terminals_forbid(filter, no);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(MARK_ERRNO), SCMP_SYS(getpriority), 1,
                              SCMP_A0_64(SCMP_CMP_EQ, MARK, 0));
    return rc == 0 ? load(filter, err) : failed(err, rc, "the rules");
}

enum status gw_confine_compute(struct error *err)
{
    AUTO(filter_drop) void *filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int rc;

    TRY_ALLOC(filter, err);
    rc = rules_add(filter, SCMP_ACT_ALLOW, computing, ARRAY_LEN(computing));
    return rc == 0 ? load(filter, err) : failed(err, rc, "the rules");
}

#else

enum status gw_confine_calls(struct error *err)
{
    return error_set(err, ST_NOT_FOUND, 0, "built without libseccomp");
}

enum status gw_confine_compute(struct error *err)
{
    return error_set(err, ST_NOT_FOUND, 0, "built without libseccomp");
}

#endif
