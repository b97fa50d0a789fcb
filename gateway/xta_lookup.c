/*
 * lookupService: may this service of that reader be used? One result for each question, in their
 * order, with what a sender should know: the certificate to encrypt for, and what else the
 * directory says.
 *
 * Source: XTA 2 digest 8.
 */
#include "gateway/xta_route.h"

#define PARAMETER_LIST "urn:depesche:codeliste:service.parameter.type"
#define CERTIFICATE_CODE "cipher.certificate"

static struct xta_code parameter_code(const char *code)
{
    return (struct xta_code){
        .list = SPAN(PARAMETER_LIST), .list_version = SPAN("1.0"), .code = span_str(code)};
}

static enum status external_failed(struct gw_xta_call *call, struct error *err, const char *what)
{
    return gw_xta_refuse(call, ST_RETRY,
                         call->version == XTA_V5 ? XTA_EXTERNAL_UNAVAILABLE : XTA_TECHNICAL_PROBLEM,
                         XTA_N_DIRECTORY, err, "%s", what);
}

static enum status certificate_copy(struct gw_xta_call *call, const struct cert *cert,
                                    struct xta_parameter *parameter, struct error *err)
{
    parameter->type = parameter_code(CERTIFICATE_CODE);
    parameter->resource = arena_span(&call->arena, cert_der(cert));
    TRY_ALLOC(parameter->resource.ptr, err);
    return ST_OK;
}

/* The one that the directory names, else the one that OSCI encrypts for. */
static enum status certificate_add(struct gw_xta_call *call, const struct gw_xta_route *route,
                                   struct xta_service_state *state, struct error *err)
{
    AUTO(cert_drop) struct cert *named = NULL;
    const struct cert *cert = NULL;
    struct error why = {0};

    if (route->service != NULL && route->service->certificate != NULL) {
        if (gw_cert_load(route->service->certificate, &named, &why) != ST_OK)
            return external_failed(call, err, "a certificate of the directory cannot be read");
        cert = named;
    } else if (route->partner != NULL) {
        cert = gw_partner_cipher(route->partner, gw_now_ms());
    }
    if (cert == NULL)
        return ST_OK;
    return certificate_copy(call, cert, &state->parameters[state->parameter_count++], err);
}

static enum status answer(struct gw_xta_call *call, const struct xta_question *question,
                          struct xta_service_state *state, struct error *err)
{
    const struct gw_directory_entry *entry =
        gw_directory_party(call->rt->conf->parties, question->reader.value);
    struct gw_xta_route route = {0};
    struct error why = {0};
    enum status st;
    unsigned count;

    state->question = *question;
    st = gw_xta_route_find(call->rt, gw_xta_tenant(call), question->reader.value, question->service,
                           GW_DIRECTORY_ASYNCHRONOUS, &route, &why);
    if (st == ST_NOT_FOUND) { /* of a reader that nobody knows nothing is known */
        state->available = entry == NULL ? XTA_UNSET : XTA_FALSE;
        return ST_OK;
    }
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    state->available = XTA_TRUE;
    count = route.service == NULL ? 0 : route.service->parameters_count;
    state->parameters = arena_array(&call->arena, sizeof *state->parameters, count + 1);
    TRY_ALLOC(state->parameters, err);
    TRY(certificate_add(call, &route, state, err));
    for (unsigned i = 0; i < count; i++)
        state->parameters[state->parameter_count++] =
            (struct xta_parameter){.type = parameter_code(route.service->parameters[i].name),
                                   .resource = span_str(route.service->parameters[i].value)};
    return ST_OK;
}

enum status gw_xta_lookup(struct gw_xta_call *call, struct error *err)
{
    const struct xta_request *in = &call->request;

    if (call->rt->conf->directory != NULL && call->rt->conf->parties == NULL)
        return external_failed(call, err, "the directory could not be read");
    call->answer.services =
        arena_array(&call->arena, sizeof *call->answer.services, in->question_count + 1);
    TRY_ALLOC(call->answer.services, err);
    for (size_t i = 0; i < in->question_count; i++)
        TRY(answer(call, &in->questions[i], &call->answer.services[i], err));
    call->answer.service_count = in->question_count;
    return ST_OK;
}
