#include "crypto/sig.h"

#include "crypto/transform.h"

enum { SIGNED_INFO_MAX = 16 * 1024 * 1024, LINE = 76 };

static void write_method(struct buf *out, const char *element, const char *uri)
{
    buf_printf(out, "<ds:%s Algorithm=\"%s\"></ds:%s>\n", element, uri, element);
}

static void write_reference(struct buf *out, const struct sig_ref *ref)
{
    buf_str(out, "<ds:Reference URI=\"");
    buf_xml_attr(out, ref->uri);
    buf_str(out, "\">\n");
    if (ref->transform != SIG_PLAIN) {
        buf_str(out, "<ds:Transforms>\n");
        write_method(out, "Transform", ref->transform == SIG_C14N ? ALG_C14N_URI : ALG_BASE64_URI);
        buf_str(out, "</ds:Transforms>\n");
    }
    write_method(out, "DigestMethod", ref->digest.alg->uri);
    buf_str(out, "<ds:DigestValue>");
    buf_base64(out, digest_span(&ref->digest), LINE);
    buf_str(out, "</ds:DigestValue>\n</ds:Reference>\n");
}

/* What stands between the tags of SignedInfo, as the official library breaks its lines. */
static void write_signed_info(struct buf *out, const struct sig_ref *refs, size_t count,
                              const struct alg *signature)
{
    buf_char(out, '\n');
    write_method(out, "CanonicalizationMethod", ALG_C14N_URI);
    write_method(out, "SignatureMethod", signature->uri);
    for (size_t i = 0; i < count; i++)
        write_reference(out, &refs[i]);
}

static enum status check_refs(const struct sig_ref *refs, size_t count,
                              const struct sig_params *params, struct error *err)
{
    const struct alg *checked = NULL;

    TRY(policy_check(params->policy, params->signature, ALG_WRITE, params->now, err));
    if (count == 0 || count > SIG_REFERENCES_MAX)
        return error_set(err, ST_LIMIT, 0, "%zu parts to sign, at most %d go", count,
                         SIG_REFERENCES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (refs[i].digest.alg != checked)
            TRY(policy_check(params->policy, refs[i].digest.alg, ALG_WRITE, params->now, err));
        checked = refs[i].digest.alg;
    }
    return ST_OK;
}

enum status sig_write(struct buf *out, const struct sig_ref *refs, size_t count,
                      const struct sig_params *params, const struct key *key, struct span retrieval,
                      const char *in_scope, struct error *err)
{
    AUTO(buf_deinit) struct buf info = {0}, value = {0};
    size_t tag_len = strlen("<ds:SignedInfo") + strlen(in_scope) + 1;

    buf_init(&info, SIGNED_INFO_MAX);
    buf_init(&value, RSA_BITS_MAX / 8);
    TRY(check_refs(refs, count, params, err));
    /* in place the start tag has no declarations; canonical XML puts those in scope there */
    buf_str(&info, "<ds:SignedInfo");
    buf_str(&info, in_scope);
    buf_char(&info, '>');
    write_signed_info(&info, refs, count, params->signature);
    buf_str(&info, "</ds:SignedInfo>");
    TRY(buf_check(&info, err));
    TRY(transform_sign(params->signature, key, buf_span(&info), &value, err));
    buf_str(out, "<ds:Signature><ds:SignedInfo>");
    buf_add(out, span_from(buf_span(&info), tag_len));
    buf_str(out, "<ds:SignatureValue>");
    buf_base64(out, buf_span(&value), LINE);
    buf_str(out, "</ds:SignatureValue><ds:KeyInfo><ds:RetrievalMethod URI=\"");
    buf_xml_attr(out, retrieval);
    buf_str(out, "\"></ds:RetrievalMethod></ds:KeyInfo></ds:Signature>");
    return buf_check(out, err);
}
