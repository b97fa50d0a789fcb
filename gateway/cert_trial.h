/*
 * gateway/cert_trial.h - a new pair of key and certificate, tried before it counts
 *
 * Every step that a message takes is taken once with the new pair: is it whole, in time, believed
 * and strong enough; does it sign, and open what was enciphered for it; is what still comes for the
 * pair of today opened beside it. At last a message goes to a partner and another one comes back,
 * over an intermediary: three daemons that are started for it, on loopback, in a folder that is
 * removed. Nothing of the settings or of the state in use is touched.
 *
 * It reads files and waits for processes: for the command only.
 */
#pragma once

#include "certs/identity.h"
#include "crypto/policy.h"
#include "gateway/config.h"
#include "gateway/pair.h"

enum gw_trial_step {
    GW_TRIAL_PAIR,     /* certificate and key can be read, belong together and may do this */
    GW_TRIAL_VALIDITY, /* it has not ended */
    GW_TRIAL_CHAIN,    /* trust.osci believes it */
    GW_TRIAL_POLICY,   /* what is written with it is allowed */
    GW_TRIAL_SIGN,
    GW_TRIAL_ENCIPHER,
    GW_TRIAL_OLDER, /* what was enciphered for the pair of today is opened beside it */
    GW_TRIAL_THERE, /* a message to a partner; not before the certificate has begun */
    GW_TRIAL_BACK,  /* and one from it */
    GW_TRIAL_STEPS
};
enum gw_trial_result { GW_TRIAL_GOOD, GW_TRIAL_FAILED, GW_TRIAL_SKIPPED };

/* All borrowed. */
struct gw_trial_conf {
    const struct gw_config *config;
    const struct gw_tenant_conf *tenant;
    struct gw_pair_conf pair; /* the new one */
    bool signs, enciphers;    /* for what; neither: whatever its key usage allows */
    const char *daemon;       /* the program depesched */
    int64_t now;
};

struct gw_trial_row {
    enum gw_trial_result result;
    char detail[1024]; /* why it failed, or a date; "": nothing */
};

/* Takes the steps, one row each; all of them are filled. ST_OK also where steps failed. ST_LIMIT,
 * ST_INTERNAL: the trial itself could not be made. */
MUST_CHECK enum status gw_trial(const struct gw_trial_conf *conf,
                                struct gw_trial_row rows[static GW_TRIAL_STEPS], struct error *err);

/* ---- for cert_trial.c and cert_trial_peers.c ---- */

struct gw_trial_run {
    const struct gw_trial_conf *conf;
    struct gw_key_places places;
    struct identity *present, *next; /* of today, and with the new pair */
    const struct identity_pair *pair;
    bool signs, enciphers;
    struct policy policy;
    struct policy_dates dates[POLICY_ROWS_MAX];
};

/* The last two steps. */
void gw_trial_peers(const struct gw_trial_run *run, struct gw_trial_row *there,
                    struct gw_trial_row *back);
