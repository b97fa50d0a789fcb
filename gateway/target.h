/*
 * gateway/target.h - destinations of the settings that speak neither OSCI nor XTA
 *
 * A target is a program that is run, an e-mail, a folder reached by SFTP or WebDAV. To everybody
 * who addresses messages it is a recipient like a partner (gw_runtime_partner finds it by its
 * name), and to the lanes a destination like any other: the peer in the rows of its messages is its
 * name as well. What is taken there is delivered; nobody is asked what becomes of it.
 *
 * One and the same message may be brought twice when the answer to the first attempt is lost; it
 * then comes under the same name, which is the message's id: a folder that is there already is
 * delivered, an e-mail has the same Message-ID, a program the same DEPESCHE_ID. Nothing is kept
 * about a target but its messages (docs/decisions/0080-targets.md).
 *
 *   carrier_target.c  the attempt: files checked, the one way, delivered or not
 *   target_command.c  target_mail.c  target_sftp.c  target_webdav.c   the ways
 *   target_curl.c     what the last three have in common
 */
#pragma once

#include "gateway/attempt.h"
#include "gateway/folder.h"
#include "gateway/runtime.h"

/* One message on its way to a target. */
struct gw_target_visit {
    const struct gw_runtime *rt;
    const struct gw_target *target;
    const struct gw_message_row *row;
    struct arena *arena;
    struct gw_folder_plan plan; /* its files, checked against the index, under safe names */
    struct buf *answer;         /* what the other side said, one line; for the receipt */
};

/*
 * The ways. ST_OK: it is there. ST_RETRY: not now; with GW_R_NET_*: the target is not to be
 * reached. ST_DENIED: it will not be taken as it is, or GW_R_STORE_DAMAGED.
 */
MUST_CHECK enum status gw_target_command(struct gw_target_visit *v, struct error *err);
MUST_CHECK enum status gw_target_mail(struct gw_target_visit *v, struct error *err);
/* The same with a mail that is made already; of the visit only rt, target and answer count. */
struct gw_mail;
MUST_CHECK enum status gw_target_mail_bring(struct gw_target_visit *v, struct gw_mail *mail,
                                            struct error *err);
MUST_CHECK enum status gw_target_sftp(struct gw_target_visit *v, struct error *err);
MUST_CHECK enum status gw_target_webdav(struct gw_target_visit *v, struct error *err);

extern const struct gw_carrier gw_target_carrier;
