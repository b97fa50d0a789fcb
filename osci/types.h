/*
 * osci/types.h - the message types as one table, for the reader and the writer alike
 *
 * What a message must, may and must not carry follows from its type alone: where its order or
 * answer stands, which fields its ControlBlock has, which certificates travel with it, which times
 * its process cards show, who signs it.
 *
 * Source: OSCI 1.2 digest 2.0.4, 2.0.5, 3.2, 4.4, 5.2, 6.4; wire-notes 4, 8, 9.
 */
#pragma once

#include "osci/message.h"

enum osci_presence { OSCI_NEVER, OSCI_MAY, OSCI_MUST };

enum osci_body { /* what the body holds */
                 OSCI_BODY_EMPTY,
                 OSCI_BODY_ORDER,       /* the order or answer itself */
                 OSCI_BODY_PACKAGE,     /* ContentPackage */
                 OSCI_BODY_MAY_PACKAGE, /* ContentPackage or nothing */
};

enum osci_qualities { /* QualityOfTimestamp */
                      OSCI_QUALITIES_NONE,
                      OSCI_QUALITIES_CREATION,
                      OSCI_QUALITIES_BOTH,
                      OSCI_QUALITIES_WITH_ID, /* both where there is a MessageId, else none */
};

#define OSCI_ROLE_BIT(role) (1U << (unsigned)(role))

struct osci_type_row {
    const char *name;     /* the order or answer element: "storeDelivery" */
    const char *schema;   /* "soapStoreDelivery.xsd", as in schemaLocation */
    const char *ns;       /* of the element */
    enum osci_body body;  /* unless OSCI_BODY_ORDER the element is a header block */
    bool request;         /* ClientSignature and DesiredLanguages; else SupplierSignature */
    bool explicit_dialog; /* outside of one the supplier answers 9802 */
    enum osci_presence response, challenge, conversation_id, sequence;
    enum osci_qualities qualities;
    enum osci_presence non_intermediary;                     /* the block */
    unsigned non_intermediary_roles, non_intermediary_needs; /* OSCI_ROLE_BIT */
    unsigned intermediary_roles;                             /* 0: no block */
    enum osci_presence creation, forwarding, reception;      /* of a process card */
    enum osci_presence features;
    enum osci_role signer;
};

/* NULL for OSCI_FAULT, which has none of this. */
const struct osci_type_row *osci_type_row(enum osci_type type);
/* By the schema's file name; false when it is none of the table's. */
bool osci_type_by_schema(struct span schema, enum osci_type *type);

/* The transport envelope and the fault, which are no order types. */
#define OSCI_SCHEMA_ENCRYPTED "soapMessageEncrypted.xsd"
#define OSCI_SCHEMA_FAULT "soapMessageFault.xsd"
/* schemaLocation as the official library wants it, to the letter; %s is the schema. */
#define OSCI_SCHEMA_LOCATION                                                                       \
    "http://schemas.xmlsoap.org/soap/envelope/ %s http://www.w3.org/2000/09/xmldsig# oscisig.xsd " \
    "http://www.w3.org/2001/04/xmlenc# oscienc.xsd"
#define OSCI_ACTOR_NEXT "http://schemas.xmlsoap.org/soap/actor/next"
#define OSCI_ACTOR_NONE "http://www.w3.org/2001/12/soap-envelope/actor/none"

/* The element of a certificate: "CipherCertificateOriginator", ... */
const char *osci_role_element(enum osci_role role);
