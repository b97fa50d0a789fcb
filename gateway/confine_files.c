/* Landlock, for gateway/confine.h: a rule set without a rule, so nothing is allowed that it names
 */
#define _GNU_SOURCE 1 /* syscall */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gateway/confine.h"

#if defined(SYS_landlock_create_ruleset) && defined(SYS_landlock_restrict_self)

enum { VERSION_ASK = 1, VERSION_NET = 4 };

/* The kernel's struct landlock_ruleset_attr; net since version 4. The header of the C library's
 * kernel is older than the kernels that this runs on. */
struct handled {
    uint64_t files, net;
};

/* Every right to files that a version knows, from executing (bit 0) to ioctl on devices (15). */
static uint64_t files_of(long version)
{
    const unsigned bits = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;

    return (UINT64_C(1) << bits) - 1;
}

static enum status failed(struct error *err, const char *what)
{
    return error_set(err, ST_INTERNAL, 0, "files cannot be confined: %s: %s", what,
                     strerror(errno));
}

enum status gw_confine_files(struct error *err)
{
    const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_ASK);
    const struct handled handled = {files_of(version), 3 /* bind, connect: TCP */};
    AUTO(fd_drop) int rules = -1;

    if (version < 1)
        return error_set(err, ST_NOT_FOUND, 0, "the kernel has no Landlock");
    rules = (int)syscall(SYS_landlock_create_ruleset, &handled,
                         version >= VERSION_NET ? sizeof handled : sizeof handled.files, 0);
    if (rules < 0)
        return failed(err, "the rules");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        return failed(err, "taking them");
    return ST_OK;
}

#else

enum status gw_confine_files(struct error *err)
{
    return error_set(err, ST_NOT_FOUND, 0, "built without Landlock");
}

#endif
