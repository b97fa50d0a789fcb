/*
 * The set of references must be the set of header blocks, body and attachments, no more and no
 * less, and each must lead to the very node that was read (digest 6.4, 12.1).
 */
#include "osci/read.h"

enum { ARENA_MAX = 16 * 1024 * 1024 };

static enum status block_covered(const struct osci_reading *r, size_t i, struct buf *uri,
                                 struct error *err)
{
    const struct sig_reading_ref *ref;
    const char *name = (const char *)r->blocks[i]->name;

    buf_reset(uri);
    buf_char(uri, '#');
    buf_add(uri, r->block_ids[i]);
    TRY(buf_check(uri, err));
    ref = osci_reading_ref(r, buf_span(uri));
    if (ref == NULL)
        return error_set(err, ST_DENIED, 9602, "%s is not signed", name);
    if (ref->transform != SIG_C14N || xml_by_id(r->ids, r->block_ids[i]) != r->blocks[i])
        return error_set(err, ST_DENIED, 9601, "%s is not signed as it must be", name);
    return ST_OK;
}

static enum status attachment_covered(const struct osci_reading *r, size_t i, struct buf *uri,
                                      struct error *err)
{
    const struct sig_reading_ref *ref;

    buf_reset(uri);
    buf_str(uri, "cid:");
    buf_add(uri, r->msg.attachments[i].cid);
    TRY(buf_check(uri, err));
    ref = osci_reading_ref(r, buf_span(uri));
    if (ref == NULL)
        return error_set(err, ST_DENIED, 9602, "an attachment is not signed");
    if (ref->transform != SIG_PLAIN)
        return error_set(err, ST_DENIED, 9601, "an attachment is not signed as it must be");
    return ST_OK;
}

static enum status coverage_check(const struct osci_reading *r, struct error *err)
{
    AUTO(buf_deinit) struct buf uri = {0};

    buf_init(&uri, MIME_LINE_MAX + XML_BYTES_MAX);
    for (size_t i = 0; i < r->block_count; i++)
        TRY(block_covered(r, i, &uri, err));
    for (size_t i = 0; i < r->msg.attachment_count; i++)
        TRY(attachment_covered(r, i, &uri, err));
    /* Ids, cids and references are unique, so equal numbers are equal sets */
    if (r->signature.count != r->block_count + r->msg.attachment_count)
        return error_set(err, ST_DENIED, 9601, "the signature refers to what is not there");
    return ST_OK;
}

/* The certificate of the signer's role, or the pinned one where the message shows none. */
static enum status signer_find(const struct osci_reading *r, const struct cert *pinned,
                               const struct cert **signer, struct error *err)
{
    enum osci_role role = osci_type_row(r->msg.type)->signer;
    const struct osci_cert *shown = osci_cert_of(&r->msg, role);
    struct span id = span_from(r->signature.retrieval, 1);

    if (shown == NULL && pinned == NULL)
        return error_set(err, ST_DENIED, 9601, "the signer's certificate is missing: %s",
                         osci_role_element(role));
    if (shown == NULL ? xml_by_id(r->ids, id) != NULL : !span_eq(shown->id, id))
        return error_set(err, ST_DENIED, 9601, "KeyInfo points elsewhere than to %s",
                         osci_role_element(role));
    if (shown != NULL && pinned != NULL && !cert_eq(shown->cert, pinned))
        return error_set(err, ST_DENIED, 9601, "signed by another certificate than the known one");
    *signer = pinned != NULL ? pinned : shown->cert;
    if (!cert_may_sign(*signer))
        return error_set(err, ST_DENIED, 9601, "the signer's certificate is not for signing");
    return ST_OK;
}

static enum status value_check(const struct osci_reading *r, const struct cert *signer,
                               struct error *err)
{
    AUTO(arena_deinit) struct arena arena = {0};
    struct sig_attachment *list;
    struct sig_cover cover;

    arena_init(&arena, ARENA_MAX);
    list = arena_array(&arena, sizeof *list, r->msg.attachment_count);
    TRY_ALLOC(list, err);
    for (size_t i = 0; i < r->msg.attachment_count; i++)
        list[i] = (struct sig_attachment){.cid = r->msg.attachments[i].cid,
                                          .digest = r->msg.attachments[i].digest};
    return sig_verify(&r->signature, r->ids, list, r->msg.attachment_count, signer, &arena, &cover,
                      err);
}

enum status osci_message_verify(const struct osci_reading *reading, const struct cert *pinned,
                                const struct cert **signer, struct error *err)
{
    const struct cert *found;

    if (!reading->is_signed)
        return error_set(err, ST_DENIED, 9600, "the message is not signed");
    if (reading->signature_status != ST_OK) {
        *err = reading->signature_error;
        return reading->signature_status;
    }
    TRY(coverage_check(reading, err));
    TRY(signer_find(reading, pinned, &found, err));
    TRY(value_check(reading, found, err));
    if (signer != NULL)
        *signer = found;
    return ST_OK;
}
