#include "osci/types.h"

#include <assert.h>

#define BIT(role) OSCI_ROLE_BIT(OSCI_##role)
#define CIPHER_ORIGINATOR BIT(CIPHER_ORIGINATOR)
#define SIGNATURE_ORIGINATOR BIT(SIGNATURE_ORIGINATOR)
#define SIGNATURE_ADDRESSEE BIT(SIGNATURE_ADDRESSEE)
#define CIPHER_ADDRESSEE BIT(CIPHER_ADDRESSEE)
#define DELIVERY                                                                                   \
    (CIPHER_ORIGINATOR | BIT(CIPHER_OTHER_AUTHOR) | CIPHER_ADDRESSEE | BIT(CIPHER_OTHER_READER) |  \
     SIGNATURE_ORIGINATOR | BIT(SIGNATURE_OTHER_AUTHOR))
#define ALL_ROLES (DELIVERY | SIGNATURE_ADDRESSEE)
#define INTERMEDIARY BIT(SIGNATURE_INTERMEDIARY)
#define INTERMEDIARY_BOTH (INTERMEDIARY | BIT(CIPHER_INTERMEDIARY))

#define NEVER OSCI_NEVER
#define MAY OSCI_MAY
#define MUST OSCI_MUST
/* Response, Challenge, ConversationId, SequenceNumber */
#define CONTROL(r, c, id, s)                                                                       \
    .response = (r), .challenge = (c), .conversation_id = (id), .sequence = (s)
#define TIMES(c, f, r) .creation = (c), .forwarding = (f), .reception = (r)
#define NON_INTERMEDIARY(p, roles, needs)                                                          \
    .non_intermediary = (p), .non_intermediary_roles = (roles), .non_intermediary_needs = (needs)
#define ELEMENT(element, file) .name = #element, .schema = "soap" #file ".xsd", .ns = OSCI_NS
#define ELEMENT17(element, file) .name = #element, .schema = "soap" #file ".xsd", .ns = OSCI17_NS
#define REQUEST .request = true, .signer = OSCI_SIGNATURE_ORIGINATOR, .features = MAY
#define ANSWER .signer = OSCI_SIGNATURE_INTERMEDIARY, .features = MAY

static const struct osci_type_row rows[OSCI_FAULT] = {
    [OSCI_INIT_DIALOG] = {ELEMENT(initDialog, InitDialog), .body = OSCI_BODY_ORDER, REQUEST,
                          CONTROL(NEVER, MUST, NEVER, NEVER),
                          NON_INTERMEDIARY(MUST, CIPHER_ORIGINATOR | SIGNATURE_ORIGINATOR,
                                           CIPHER_ORIGINATOR)},
    [OSCI_EXIT_DIALOG] = {ELEMENT(exitDialog, ExitDialog), .body = OSCI_BODY_ORDER, REQUEST,
                          .explicit_dialog = true, CONTROL(MUST, MUST, MUST, MUST),
                          NON_INTERMEDIARY(MAY, SIGNATURE_ORIGINATOR, 0)},
    [OSCI_GET_MESSAGE_ID] = {ELEMENT(getMessageId, GetMessageId), .body = OSCI_BODY_ORDER, REQUEST,
                             CONTROL(MAY, MUST, MAY, MUST),
                             NON_INTERMEDIARY(MAY, CIPHER_ORIGINATOR | SIGNATURE_ORIGINATOR, 0)},
    [OSCI_STORE_DELIVERY] = {ELEMENT(storeDelivery, StoreDelivery), .body = OSCI_BODY_PACKAGE,
                             REQUEST, CONTROL(MAY, MUST, MAY, MUST),
                             .qualities = OSCI_QUALITIES_BOTH,
                             NON_INTERMEDIARY(MUST, DELIVERY, CIPHER_ADDRESSEE)},
    [OSCI_FETCH_DELIVERY] = {ELEMENT(fetchDelivery, FetchDelivery), .body = OSCI_BODY_EMPTY,
                             REQUEST, .explicit_dialog = true, CONTROL(MUST, MUST, MUST, MUST),
                             NON_INTERMEDIARY(MAY, SIGNATURE_ORIGINATOR, 0)},
    [OSCI_FETCH_PROCESS_CARD] = {ELEMENT(fetchProcessCard, FetchProcessCard),
                                 .body = OSCI_BODY_ORDER, REQUEST, .explicit_dialog = true,
                                 CONTROL(MUST, MUST, MUST, MUST),
                                 NON_INTERMEDIARY(MAY, SIGNATURE_ORIGINATOR, 0)},
    [OSCI_FORWARD_DELIVERY] = {ELEMENT(forwardDelivery, ForwardDelivery), .body = OSCI_BODY_PACKAGE,
                               REQUEST, CONTROL(MAY, MUST, MAY, MUST),
                               .qualities = OSCI_QUALITIES_BOTH,
                               NON_INTERMEDIARY(MAY, ALL_ROLES, 0)},
    [OSCI_ACCEPT_DELIVERY] = {ELEMENT(acceptDelivery, AcceptDelivery), .body = OSCI_BODY_PACKAGE,
                              .request = true, .signer = OSCI_SIGNATURE_INTERMEDIARY,
                              .features = MAY, CONTROL(NEVER, MUST, NEVER, NEVER),
                              NON_INTERMEDIARY(MAY, ALL_ROLES, 0),
                              .intermediary_roles = INTERMEDIARY_BOTH, TIMES(MUST, MUST, NEVER)},
    [OSCI_MEDIATE_DELIVERY] = {ELEMENT(mediateDelivery, MediateDelivery), .body = OSCI_BODY_PACKAGE,
                               REQUEST, .explicit_dialog = true, CONTROL(MUST, MUST, MUST, MUST),
                               .qualities = OSCI_QUALITIES_WITH_ID,
                               NON_INTERMEDIARY(MAY, ALL_ROLES, 0)},
    [OSCI_PROCESS_DELIVERY] = {ELEMENT(processDelivery, ProcessDelivery), .body = OSCI_BODY_PACKAGE,
                               .request = true, .signer = OSCI_SIGNATURE_INTERMEDIARY,
                               .features = MAY, CONTROL(NEVER, MUST, NEVER, NEVER),
                               NON_INTERMEDIARY(MAY, ALL_ROLES, 0),
                               .intermediary_roles = INTERMEDIARY_BOTH, TIMES(MUST, MUST, NEVER)},
    [OSCI_PARTIAL_STORE_DELIVERY] = {ELEMENT17(partialStoreDelivery, PartialStoreDelivery),
                                     .body = OSCI_BODY_PACKAGE, .request = true,
                                     .signer = OSCI_SIGNATURE_ORIGINATOR, .features = MUST,
                                     CONTROL(MAY, MUST, MAY, MUST),
                                     .qualities = OSCI_QUALITIES_CREATION,
                                     NON_INTERMEDIARY(MUST, DELIVERY, CIPHER_ADDRESSEE)},
    [OSCI_PARTIAL_FETCH_DELIVERY] = {ELEMENT17(partialFetchDelivery, PartialFetchDelivery),
                                     .body = OSCI_BODY_EMPTY, .request = true,
                                     .signer = OSCI_SIGNATURE_ORIGINATOR, .features = MUST,
                                     .explicit_dialog = true, CONTROL(MUST, MUST, MUST, MUST),
                                     NON_INTERMEDIARY(MAY, SIGNATURE_ORIGINATOR, 0)},
    [OSCI_RSP_INIT_DIALOG] = {ELEMENT(responseToInitDialog, ResponseToInitDialog),
                              .body = OSCI_BODY_ORDER, ANSWER, CONTROL(MUST, MUST, MUST, NEVER),
                              .intermediary_roles = INTERMEDIARY},
    [OSCI_RSP_EXIT_DIALOG] = {ELEMENT(responseToExitDialog, ResponseToExitDialog),
                              .body = OSCI_BODY_ORDER, ANSWER, CONTROL(MUST, NEVER, MUST, MUST),
                              .intermediary_roles = INTERMEDIARY},
    [OSCI_RSP_GET_MESSAGE_ID] = {ELEMENT(responseToGetMessageId, ResponseToGetMessageId),
                                 .body = OSCI_BODY_ORDER, ANSWER, CONTROL(MUST, MAY, MUST, MUST),
                                 .intermediary_roles = INTERMEDIARY},
    [OSCI_RSP_STORE_DELIVERY] = {ELEMENT(responseToStoreDelivery, ResponseToStoreDelivery),
                                 .body = OSCI_BODY_EMPTY, ANSWER, CONTROL(MUST, MAY, MUST, MUST),
                                 .intermediary_roles = INTERMEDIARY, TIMES(MUST, NEVER, NEVER)},
    [OSCI_RSP_FETCH_DELIVERY] = {ELEMENT(responseToFetchDelivery, ResponseToFetchDelivery),
                                 .body = OSCI_BODY_MAY_PACKAGE, ANSWER,
                                 CONTROL(MUST, MUST, MUST, MUST),
                                 NON_INTERMEDIARY(MAY, ALL_ROLES, 0),
                                 .intermediary_roles = INTERMEDIARY, TIMES(MUST, MUST, NEVER)},
    [OSCI_RSP_FETCH_PROCESS_CARD] = {ELEMENT(responseToFetchProcessCard,
                                             ResponseToFetchProcessCard),
                                     .body = OSCI_BODY_ORDER, ANSWER,
                                     CONTROL(MUST, MUST, MUST, MUST),
                                     .intermediary_roles = INTERMEDIARY, TIMES(MUST, MAY, MAY)},
    [OSCI_RSP_FORWARD_DELIVERY] = {ELEMENT(responseToForwardDelivery, ResponseToForwardDelivery),
                                   .body = OSCI_BODY_EMPTY, ANSWER, CONTROL(MUST, MAY, MAY, MAY),
                                   .intermediary_roles = INTERMEDIARY, TIMES(MUST, MAY, MAY)},
    [OSCI_RSP_ACCEPT_DELIVERY] = {ELEMENT(responseToAcceptDelivery, ResponseToAcceptDelivery),
                                  .body = OSCI_BODY_EMPTY, .signer = OSCI_SIGNATURE_ADDRESSEE,
                                  .features = MAY, CONTROL(MUST, NEVER, NEVER, NEVER),
                                  NON_INTERMEDIARY(MAY, SIGNATURE_ADDRESSEE, 0)},
    [OSCI_RSP_MEDIATE_DELIVERY] = {ELEMENT(responseToMediateDelivery, ResponseToMediateDelivery),
                                   .body = OSCI_BODY_MAY_PACKAGE, ANSWER,
                                   CONTROL(MUST, MUST, MUST, MUST),
                                   NON_INTERMEDIARY(MAY, ALL_ROLES, 0),
                                   .intermediary_roles = INTERMEDIARY, TIMES(MUST, MUST, MAY)},
    [OSCI_RSP_PROCESS_DELIVERY] = {ELEMENT(responseToProcessDelivery, ResponseToProcessDelivery),
                                   .body = OSCI_BODY_MAY_PACKAGE,
                                   .signer = OSCI_SIGNATURE_ORIGINATOR, .features = MAY,
                                   CONTROL(MUST, NEVER, NEVER, NEVER),
                                   .qualities = OSCI_QUALITIES_WITH_ID,
                                   NON_INTERMEDIARY(MAY, ALL_ROLES, 0)},
    [OSCI_RSP_PARTIAL_STORE_DELIVERY] =
        {ELEMENT17(responseToPartialStoreDelivery, ResponseToPartialStoreDelivery),
         .body = OSCI_BODY_EMPTY, .signer = OSCI_SIGNATURE_INTERMEDIARY, .features = MUST,
         CONTROL(MUST, MAY, MUST, MUST), .intermediary_roles = INTERMEDIARY,
         TIMES(MUST, NEVER, NEVER)},
    [OSCI_RSP_PARTIAL_FETCH_DELIVERY] =
        {ELEMENT17(responseToPartialFetchDelivery, ResponseToPartialFetchDelivery),
         .body = OSCI_BODY_MAY_PACKAGE, .signer = OSCI_SIGNATURE_INTERMEDIARY, .features = MUST,
         CONTROL(MUST, MUST, MUST, MUST), NON_INTERMEDIARY(MAY, ALL_ROLES, 0),
         .intermediary_roles = INTERMEDIARY},
};

const struct osci_type_row *osci_type_row(enum osci_type type)
{
    assert((unsigned)type < OSCI_TYPES);
    return type == OSCI_FAULT ? NULL : &rows[type];
}

const char *osci_type_name(enum osci_type type)
{
    assert((unsigned)type < OSCI_TYPES);
    return type == OSCI_FAULT ? "SOAP fault" : rows[type].name;
}

bool osci_type_by_schema(struct span schema, enum osci_type *type)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (span_is(schema, rows[i].schema)) {
            *type = (enum osci_type)i;
            return true;
        }
    }
    return false;
}

const char *osci_role_element(enum osci_role role)
{
    static const char *const names[OSCI_ROLES] = {
        [OSCI_CIPHER_ORIGINATOR] = "CipherCertificateOriginator",
        [OSCI_CIPHER_OTHER_AUTHOR] = "CipherCertificateOtherAuthor",
        [OSCI_CIPHER_ADDRESSEE] = "CipherCertificateAddressee",
        [OSCI_CIPHER_OTHER_READER] = "CipherCertificateOtherReader",
        [OSCI_SIGNATURE_ORIGINATOR] = "SignatureCertificateOriginator",
        [OSCI_SIGNATURE_OTHER_AUTHOR] = "SignatureCertificateOtherAuthor",
        [OSCI_SIGNATURE_ADDRESSEE] = "SignatureCertificateAddressee",
        [OSCI_CIPHER_INTERMEDIARY] = "CipherCertificateIntermediary",
        [OSCI_SIGNATURE_INTERMEDIARY] = "SignatureCertificateIntermediary",
    };

    assert((unsigned)role < OSCI_ROLES);
    return names[role];
}
