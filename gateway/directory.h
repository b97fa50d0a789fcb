/*
 * gateway/directory.h - who takes part, what they offer, and how they are reached
 *
 * A YAML file beside the settings (their key "directory"): one entry for each party, with the
 * services it offers. A service is reached through a partner of the settings, or is one of our own
 * endpoints:
 *
 *   parties:
 *     - party: ags:09163000
 *       name: Stadt Beheim
 *       services:
 *         - uri: http://www.osci.de/xmeld/rueckmeldung.wsdl
 *           partner: Beheim
 *           certificate: beheim-cipher.pem
 *
 * It is read with the settings by the same table-driven reader (gateway/config_schema.h), so
 * unknown keys, doubled parties and services, and partners or endpoints that do not exist are
 * errors with file and line. Paths count from the folder of the file. It is const afterwards; any
 * thread.
 *
 * Parties are compared without regard to the case of ASCII letters, and by nothing but their value:
 * prefix, scheme and category are for people and for the protocol's answers. Service URIs are
 * compared exactly.
 */
#pragma once

#include "crypto/base/span.h"

enum { GW_DIRECTORY_FILE_MAX = 8 * 1024 * 1024, GW_DIRECTORY_PARTIES_MAX = 50000 };

enum gw_directory_mode { GW_DIRECTORY_ASYNCHRONOUS, GW_DIRECTORY_SYNCHRONOUS, GW_DIRECTORY_BOTH };

/* What a sender must know besides, as the field agrees on it. */
struct gw_directory_parameter {
    const char *name, *value;
};

struct gw_directory_service {
    const char *uri;
    enum gw_directory_mode mode;
    const char *partner;     /* in the settings' partners; NULL: it is our own */
    const char *endpoint;    /* in the settings' endpoints; NULL: it is a partner's */
    const char *certificate; /* PEM file: whom contents are encrypted for; NULL: not said */
    struct gw_directory_parameter *parameters;
    unsigned parameters_count;
};

struct gw_directory_entry {
    const char *party;                    /* "ags:09163000" */
    const char *scheme, *category, *name; /* NULL: not said */
    struct gw_directory_service *services;
    unsigned services_count;
};

/* In the settings: gw_config.parties, NULL where no directory is named. */
struct gw_directory {
    struct gw_directory_entry *parties; /* in the order of their party, as compared */
    unsigned parties_count;
};

enum gw_directory_found {
    GW_DIRECTORY_UNKNOWN,    /* no such party, or there is no directory */
    GW_DIRECTORY_NO_SERVICE, /* the party is known, and does not offer it */
    GW_DIRECTORY_FOUND,
};

/* Brings the parties into their order; once, by who has read them. */
void gw_directory_sort(struct gw_directory *directory);
/* NULL: unknown. directory may be NULL. */
const struct gw_directory_entry *gw_directory_party(const struct gw_directory *directory,
                                                    struct span party);
/* *entry and *service (NULL where there is none) are set in any case; both may be NULL. */
enum gw_directory_found gw_directory_find(const struct gw_directory *directory, struct span party,
                                          struct span uri, const struct gw_directory_entry **entry,
                                          const struct gw_directory_service **service);
/* May it be used so? BOTH may be used either way. */
bool gw_directory_offers(const struct gw_directory_service *service, enum gw_directory_mode mode);
/* "asynchronous", "synchronous", "both". */
const char *gw_directory_mode_name(enum gw_directory_mode mode);
