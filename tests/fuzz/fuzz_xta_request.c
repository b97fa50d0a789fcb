/*
 * A request of XTA at every port: whatever comes is taken or refused with a fault; what was taken
 * strictly can be written, and what was written is taken strictly.
 */
#include "tests/fuzz/fuzz_xta.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum status request_read(const struct xta_reading *conf, struct span body,
                                struct span content_type, struct arena *arena,
                                struct xta_request *request, struct xta_fault *fault,
                                struct error *err)
{
    struct source_span source;
    struct span relates;
    enum status st = xta_request_read(conf, source_span_init(&source, body), content_type,
                                      SPAN_NONE, arena, request, fault, &relates, err);

    if ((st == ST_OK) != (fault->exception == XTA_NO_EXCEPTION))
        abort();
    return st;
}

static void write_again(const struct xta_reading *conf, struct xta_request *request)
{
    AUTO(arena_deinit) struct arena arena = {.max = FUZZ_ARENA_MAX};
    AUTO(buf_deinit) struct buf out = {.max = FUZZ_ARENA_MAX};
    struct source_span empty;
    struct xta_parcel parcel;
    struct xta_request again;
    struct xta_fault fault;
    struct rng_count rng;
    struct error err = {0};
    enum status st;

    rng_count_init(&rng);
    for (size_t i = 0; i < request->container.count; i++)
        request->container.contents[i].body = source_span_init(&empty, SPAN("x"));
    st = xta_request_write(request, &rng.base, &arena, &parcel, &err);
    if (st == ST_LIMIT)
        return;
    if (st != ST_OK)
        abort();
    fuzz_parcel(&parcel, &out);
    st = request_read(conf, buf_span(&out), span_str(parcel.content_type), &arena, &again, &fault,
                      &err);
    if (st != ST_OK && st != ST_LIMIT)
        abort();
}

static void fault_again(const struct xta_request *request, const struct xta_fault *fault)
{
    AUTO(arena_deinit) struct arena arena = {.max = FUZZ_ARENA_MAX};
    struct xta_parcel parcel;
    struct rng_count rng;
    struct error err = {0};

    rng_count_init(&rng);
    if (xta_fault_write(request->version, request->operation_known ? &request->operation : NULL,
                        fault, SPAN_NONE, &rng.base, &arena, &parcel, &err) != ST_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct span type, body = fuzz_body(span_of(bytes, len), &type);
    bool lenient = len % 2 == 1;

    for (enum xta_version v = 0; v < XTA_VERSION_COUNT; v++)
        for (enum xta_port p = 0; p < XTA_PORT_COUNT; p++) {
            AUTO(arena_deinit) struct arena arena = {.max = FUZZ_ARENA_MAX};
            struct fuzz_intake intake;
            struct xta_reading conf = fuzz_reading(v, p, &intake);
            struct xta_request request;
            struct xta_fault fault;
            struct error err = {0};

            conf.lenient = lenient;
            if (request_read(&conf, body, type, &arena, &request, &fault, &err) != ST_OK)
                fault_again(&request, &fault);
            else if (!lenient)
                write_again(&conf, &request);
            if (fault.exception != XTA_SOAP_ACTION_UNKNOWN)
                break; /* at another port it is the same */
        }
    return 0;
}
