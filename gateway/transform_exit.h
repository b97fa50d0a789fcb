/* gateway/transform_exit.h - what gateway/transform.c and the program depesche-transform agree on
 */
#pragma once

enum {
    GW_TRANSFORM_SHEET_MAX = 4 * 1024 * 1024,
    GW_TRANSFORM_XML_MAX = 16 * 1024 * 1024,
    GW_TRANSFORM_MEMORY_MB = 512,  /* addresses, all in all */
    GW_TRANSFORM_SECONDS_MAX = 20, /* of a processor */
    GW_TRANSFORM_WORDS_MAX = 400
};

/* How it ended; beside these, by a signal. */
enum {
    GW_TRANSFORM_EXIT_GOOD = 0,
    GW_TRANSFORM_EXIT_OTHER = 71,    /* it could not even begin */
    GW_TRANSFORM_EXIT_DOCUMENT = 65, /* no XML that is taken */
    GW_TRANSFORM_EXIT_FAILED = 66,   /* the stylesheet could not deal with it */
    GW_TRANSFORM_EXIT_SHEET = 78,    /* no stylesheet that is taken */
};
