/*
 * xta/names.c - operations, actions, exceptions and numbers of both versions, as tables
 */
#include "xta/model.h"

#define V3 "http://www.xta.de/XTA/"
#define BOX "http://www.osci.eu/ws/2008/05/transport/urn/messageTypes/"
#define V5 "https://xoev.de/transport/xta/core/"

#define BIT(exception) (UINT32_C(1) << (exception))

enum {
    COMMON_V5 = BIT(XTA_NOT_IMPLEMENTED) | BIT(XTA_PARAMETER_UNSUPPORTED) |
                BIT(XTA_PERMISSION_DENIED) | BIT(XTA_TECHNICAL_PROBLEM) |
                BIT(XTA_UNSUPPORTED_EXTENSION),
    COMMON_V3 = BIT(XTA_PERMISSION_DENIED) | BIT(XTA_TECHNICAL_PROBLEM),
    SENDING = BIT(XTA_PARAMETER_NOT_VALID) | BIT(XTA_SCHEMA_VIOLATION) | BIT(XTA_VIRUS_DETECTION) |
              BIT(XTA_SYNC_ASYNC),
    UNKNOWN_ID = BIT(XTA_INVALID_MESSAGE_ID),
    NOT_VALID = BIT(XTA_PARAMETER_NOT_VALID),
};

struct operation {
    const char *name, *request, *answer; /* name NULL: not in this version */
    enum xta_port port;
    uint32_t exceptions;
};

#define ROW_V3(name, action, port, more)                                                           \
    {                                                                                              \
        name, action, action, port, COMMON_V3 | (more)                                             \
    }
#define ROW_V5(name, place, port, more)                                                            \
    {                                                                                              \
        name, V5 place "/" name, V5 place "/" name "Response", port, COMMON_V5 | (more)            \
    }

static const struct operation operations[XTA_VERSION_COUNT][XTA_OPERATION_COUNT] = {
    [XTA_V3] =
        {
            [XTA_CHECK_ACCOUNT_ACTIVE] =
                ROW_V3("checkAccountActive", V3 "CheckAccountActive", XTA_PORT_BASE, 0),
            [XTA_CREATE_MESSAGE_ID] =
                ROW_V3("createMessageId", V3 "CreateMessageID", XTA_PORT_BASE, 0),
            [XTA_LOOKUP_SERVICE] =
                ROW_V3("lookupService", V3 "IsServiceAvailable", XTA_PORT_BASE, NOT_VALID),
            [XTA_GET_TRANSPORT_REPORT] =
                ROW_V3("getTransportReport", V3 "GetTransportReport", XTA_PORT_BASE, UNKNOWN_ID),
            [XTA_CANCEL_MESSAGE] = ROW_V3("cancelMessage", V3 "CancelMessage", XTA_PORT_BASE,
                                          NOT_VALID | BIT(XTA_CANCEL_DENIED)),
            [XTA_SEND_MESSAGE] = ROW_V3("sendMessage", V3 "SendMessage", XTA_PORT_SENDER, SENDING),
            [XTA_SEND_MESSAGE_SYNC] =
                ROW_V3("sendMessageSync", V3 "SendMessageSync", XTA_PORT_SENDER, SENDING),
            [XTA_GET_STATUS_LIST] =
                ROW_V3("getStatusList", BOX "MsgBoxStatusListRequest", XTA_PORT_BOX, 0),
            [XTA_GET_NEXT_STATUS_LIST] =
                ROW_V3("getNextStatusList", BOX "MsgBoxGetNextListRequest", XTA_PORT_BOX, 0),
            [XTA_GET_MESSAGE] =
                ROW_V3("getMessage", BOX "MsgBoxFetchRequest", XTA_PORT_BOX, UNKNOWN_ID),
            [XTA_GET_NEXT_MESSAGE] =
                ROW_V3("getNextMessage", BOX "MsgBoxGetNextMsgRequest", XTA_PORT_BOX, UNKNOWN_ID),
            [XTA_CLOSE] = ROW_V3("close", BOX "MsgBoxCloseRequest", XTA_PORT_BOX, UNKNOWN_ID),
        },
    [XTA_V5] =
        {
            [XTA_CHECK_ACCOUNT_ACTIVE] =
                ROW_V5("checkAccountActive", "core.transport.base", XTA_PORT_BASE, 0),
            [XTA_GET_TRANSPORT_REPORT] =
                ROW_V5("getTransportReport", "core.transport.base", XTA_PORT_BASE, UNKNOWN_ID),
            [XTA_CREATE_MESSAGE_ID] = ROW_V5("createMessageID", "core.sender", XTA_PORT_SENDER, 0),
            [XTA_LOOKUP_SERVICE] = ROW_V5("lookupService", "core.sender", XTA_PORT_SENDER,
                                          NOT_VALID | BIT(XTA_EXTERNAL_UNAVAILABLE)),
            [XTA_SEND_MESSAGE] = ROW_V5("sendMessage", "core.sender", XTA_PORT_SENDER, SENDING),
            [XTA_SEND_MESSAGE_SYNC] = ROW_V5("sendMessageSync", "core.sender", XTA_PORT_SENDER,
                                             SENDING | BIT(XTA_EXTERNAL_UNAVAILABLE)),
            [XTA_GET_STATUS_LIST] = ROW_V5("getStatusList", "core.recipient", XTA_PORT_BOX, 0),
            [XTA_GET_MESSAGE] =
                ROW_V5("getMessage", "core.recipient", XTA_PORT_BOX, UNKNOWN_ID | NOT_VALID),
            [XTA_CLOSE] = ROW_V5("close", "core.recipient", XTA_PORT_BOX, UNKNOWN_ID | NOT_VALID),
            [XTA_DELIVER_MESSAGE] =
                ROW_V5("deliverMessage", "core.reader", XTA_PORT_READER, SENDING),
        },
};

static const char *const exceptions[XTA_VERSION_COUNT][XTA_EXCEPTION_COUNT] = {
    [XTA_V3] =
        {
            [XTA_PERMISSION_DENIED] = "PermissionDeniedException",
            [XTA_PARAMETER_NOT_VALID] = "ParameterIsNotValidException",
            [XTA_TECHNICAL_PROBLEM] = "XTAWSTechnicalProblemException",
            [XTA_SCHEMA_VIOLATION] = "MessageSchemaViolationException",
            [XTA_VIRUS_DETECTION] = "MessageVirusDetectionException",
            [XTA_INVALID_MESSAGE_ID] = "InvalidMessageIDException",
            [XTA_SYNC_ASYNC] = "SyncAsyncException",
            [XTA_CANCEL_DENIED] = "CancelDeniedException",
        },
    [XTA_V5] =
        {
            [XTA_PERMISSION_DENIED] = "PermissionDeniedException",
            [XTA_PARAMETER_NOT_VALID] = "ParameterIsNotValidException",
            [XTA_TECHNICAL_PROBLEM] = "TechnicalProblemException",
            [XTA_SCHEMA_VIOLATION] = "MessageSchemaViolationException",
            [XTA_VIRUS_DETECTION] = "MessageVirusDetectionException",
            [XTA_INVALID_MESSAGE_ID] = "InvalidMessageIDException",
            [XTA_SYNC_ASYNC] = "SyncAsyncException",
            [XTA_NOT_IMPLEMENTED] = "NotImplementedException",
            [XTA_PARAMETER_UNSUPPORTED] = "ParameterNotSupportedException",
            [XTA_UNSUPPORTED_EXTENSION] = "UnsupportedExtensionException",
            [XTA_EXTERNAL_UNAVAILABLE] = "ExternalServiceUnavailableException",
        },
};

static const struct number {
    int number;
    enum xta_exception exception;
    const char *text;
} numbers[] = {
    {XTA_N_CERTIFICATE_EXPIRED, XTA_PERMISSION_DENIED,
     "Authentisierung/Zertifikat ist abgelaufen."},
    {XTA_N_ACCOUNT_LOCKED, XTA_PERMISSION_DENIED, "Account ist gesperrt."},
    {XTA_N_NO_ACCOUNT, XTA_PERMISSION_DENIED, "Account nicht vorhanden."},
    {XTA_N_NOT_BOOKED, XTA_PERMISSION_DENIED, "Dienst ist nicht gebucht."},
    {XTA_N_WRONG_PARTY, XTA_PERMISSION_DENIED,
     "Authentisierung/Zertifikat passt nicht zur Absenderkennung."},
    {XTA_N_MISSING, XTA_PARAMETER_NOT_VALID, "Keine Parameter vorhanden"},
    {XTA_N_NO_URI, XTA_PARAMETER_NOT_VALID, "Keine gültige URI"},
    {XTA_N_COMBINATION, XTA_PARAMETER_NOT_VALID, "Ungültige Parameterkombination"},
    {XTA_N_TOO_LARGE, XTA_PARAMETER_NOT_VALID,
     "Die Nachricht überschreitet die Größenbeschränkung."},
    {XTA_N_ID_USED, XTA_PARAMETER_NOT_VALID, "MessageID ist bereits vergeben."},
    {XTA_N_INTERNAL, XTA_TECHNICAL_PROBLEM,
     "Interner Fehler beim XTA-Server bzw. XTA-Dienstleister"},
    {XTA_N_DIRECTORY, XTA_TECHNICAL_PROBLEM, "Fehler beim externen Verzeichnisdienst"},
    {XTA_N_DELIVERY, XTA_TECHNICAL_PROBLEM, "Fehler bei der Zustellung"},
    {XTA_N_NOT_SCHEMA_VALID, XTA_SCHEMA_VIOLATION, "Fachnachricht ist nicht schemakonform"},
    {XTA_N_WRONG_ENCODING, XTA_SCHEMA_VIOLATION, "Fachnachricht trägt ein falsches Encoding."},
    {XTA_N_PROFILE, XTA_SCHEMA_VIOLATION, "Nachricht verletzt das entsprechende Service Profil."},
    {XTA_N_VIRUS, XTA_VIRUS_DETECTION, "Es wurde schadhafter Code ermittelt."},
    {XTA_N_UNKNOWN_ID, XTA_INVALID_MESSAGE_ID, "MessageID für den Account nicht bekannt."},
    {XTA_N_ONLY_ASYNC, XTA_SYNC_ASYNC, "Der Dienst wird nur asynchron angeboten."},
    {XTA_N_ONLY_SYNC, XTA_SYNC_ASYNC, "Der Dienst wird nur synchron angeboten."},
    {XTA_N_TOO_LATE, XTA_CANCEL_DENIED,
     "Der durch den Schalter NotBefore gesetzte Termin ist verstrichen."},
    {XTA_N_NO_NOT_BEFORE, XTA_CANCEL_DENIED, "Der Schalter NotBefore wurde nicht gesetzt."},
};

static const struct number *number_find(int number)
{
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (numbers[i].number == number)
            return &numbers[i];
    return NULL;
}

const char *xta_operation_name(enum xta_version version, enum xta_operation operation)
{
    return operations[version][operation].name;
}

bool xta_operation_port(enum xta_version version, enum xta_operation operation, enum xta_port *port)
{
    const struct operation *row = &operations[version][operation];

    if (row->name == NULL)
        return false;
    *port = row->port;
    return true;
}

const char *xta_request_action(enum xta_version version, enum xta_operation operation)
{
    return operations[version][operation].request;
}

const char *xta_answer_action(enum xta_version version, enum xta_operation operation)
{
    return operations[version][operation].answer;
}

const char *xta_exception_name(enum xta_version version, enum xta_exception exception)
{
    return exceptions[version][exception];
}

bool xta_exception_declared(enum xta_version version, enum xta_operation operation,
                            enum xta_exception exception)
{
    return (operations[version][operation].exceptions & BIT(exception)) != 0;
}

enum xta_exception xta_exception_of(int number)
{
    const struct number *row = number_find(number);

    return row == NULL ? XTA_NO_EXCEPTION : row->exception;
}

const char *xta_number_text(int number)
{
    const struct number *row = number_find(number);

    return row == NULL ? NULL : row->text;
}

bool xta_same(struct span a, struct span b)
{
    return span_eq_nocase(a, b);
}
