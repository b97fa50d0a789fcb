/*
 * The answer of a remote XTA server to every operation: taken, refused, or a fault that says which.
 */
#include "tests/fuzz/fuzz_xta.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct span type, body = fuzz_body(span_of(bytes, len), &type);

    for (enum xta_version v = 0; v < XTA_VERSION_COUNT; v++)
        for (enum xta_operation o = 0; o < XTA_OPERATION_COUNT; o++) {
            AUTO(arena_deinit) struct arena arena = {.max = FUZZ_ARENA_MAX};
            struct fuzz_intake intake;
            struct xta_reading conf = fuzz_reading(v, XTA_PORT_BASE, &intake);
            struct xta_request to = {.version = v, .operation = o, .question_count = 1};
            struct xta_answer answer;
            struct source_span source;
            struct xta_fault fault;
            struct error err = {0};
            enum status st;

            if (xta_operation_name(v, o) == NULL)
                continue;
            conf.lenient = len % 2 == 1;
            st = xta_answer_read(&conf, &to, source_span_init(&source, body), type, &arena, &answer,
                                 &fault, &err);
            if (st == ST_DENIED && fault.exception == XTA_NO_EXCEPTION)
                abort();
            if (st == ST_DENIED)
                break; /* a fault is one for every operation */
        }
    return 0;
}
