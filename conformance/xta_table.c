#include "conformance/xta_table.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/base/cleanup.h"

#define A "http://www.xta.de/XTA/"
#define O "http://www.osci.eu/ws/2008/05/transport/urn/messageTypes/"
#define C "https://xoev.de/transport/xta/core/core."
#define ALL " NI PNS PD TP UE "

static const struct conf_xta_operation operations[CONF_VERSIONS][ASK_KINDS] = {
    {
        [ASK_ACCOUNT] = {"checkAccountActive", "management", A "CheckAccountActive", " PD TP "},
        [ASK_NEW_ID] = {"createMessageId", "management", A "CreateMessageID", " PD TP "},
        [ASK_LOOKUP] = {"lookupService", "management", A "IsServiceAvailable", " PD PIV TP "},
        [ASK_REPORT] = {"getTransportReport", "management", A "GetTransportReport", " PD TP IMI "},
        [ASK_CANCEL] = {"cancelMessage", "management", A "CancelMessage", " CD PD PIV TP "},
        [ASK_SEND] = {"sendMessage", "send", A "SendMessage", " PD PIV TP MSV MVD SA "},
        [ASK_SEND_SYNC] = {"sendMessageSync", "send", A "SendMessageSync",
                           " PD PIV TP MSV MVD SA "},
        [ASK_LIST] = {"getStatusList", "msgbox", O "MsgBoxStatusListRequest", " PD TP "},
        [ASK_NEXT_LIST] = {"getNextStatusList", "msgbox", O "MsgBoxGetNextListRequest", " PD TP "},
        [ASK_GET] = {"getMessage", "msgbox", O "MsgBoxFetchRequest", " PD TP IMI "},
        [ASK_NEXT] = {"getNextMessage", "msgbox", O "MsgBoxGetNextMsgRequest", " PD TP IMI "},
        [ASK_CLOSE] = {"close", "msgbox", O "MsgBoxCloseRequest", " PD TP IMI "},
    },
    {
        [ASK_ACCOUNT] = {"checkAccountActive", "base", C "transport.base/checkAccountActive", ALL},
        [ASK_REPORT] = {"getTransportReport", "base", C "transport.base/getTransportReport",
                        ALL "IMI "},
        [ASK_NEW_ID] = {"createMessageID", "sender", C "sender/createMessageID", ALL},
        [ASK_LOOKUP] = {"lookupService", "sender", C "sender/lookupService", ALL "ESU PIV "},
        [ASK_SEND] = {"sendMessage", "sender", C "sender/sendMessage", ALL "MSV MVD PIV SA "},
        [ASK_SEND_SYNC] = {"sendMessageSync", "sender", C "sender/sendMessageSync",
                           ALL "ESU MSV MVD PIV SA "},
        [ASK_LIST] = {"getStatusList", "recipient", C "recipient/getStatusList", ALL},
        [ASK_GET] = {"getMessage", "recipient", C "recipient/getMessage", ALL "IMI PIV "},
        [ASK_CLOSE] = {"close", "recipient", C "recipient/close", ALL "IMI PIV "},
        [ASK_DELIVER] = {"deliverMessage", "reader", C "reader/deliverMessage",
                         ALL "MSV MVD PIV SA "},
    },
};

static const struct {
    const char *v3, *v5;
} answers[ASK_KINDS] = {
    [ASK_ACCOUNT] = {"", ""},
    [ASK_NEW_ID] = {"MessageID", "XTAMessageID"},
    [ASK_LOOKUP] = {"LookupServiceResponse", "LookupStatus"},
    [ASK_REPORT] = {"TransportReport", "ReportResult"},
    [ASK_CANCEL] = {"", NULL},
    [ASK_SEND] = {"", ""},
    [ASK_SEND_SYNC] = {"GenericContentContainer", "ContentContainerReply"},
    [ASK_LIST] = {"MsgStatusList", "MessageStatusList"},
    [ASK_NEXT_LIST] = {"MsgStatusList", NULL},
    [ASK_GET] = {"GenericContentContainer", "ContentContainer"},
    [ASK_NEXT] = {"GenericContentContainer", NULL},
    [ASK_CLOSE] = {"", ""},
    [ASK_DELIVER] = {NULL, "ContentContainerReply"},
};

static const struct exception {
    const char *name, *v3, *v5, *numbers;
} exceptions[] = {
    {"PD", "PermissionDeniedException", "PermissionDeniedException", "9010 9011 9012 9013 9014"},
    {"PIV", "ParameterIsNotValidException", "ParameterIsNotValidException",
     "9020 9021 9022 9023 9024"},
    {"TP", "XTAWSTechnicalProblemException", "TechnicalProblemException", "9030 9031 9032"},
    {"MSV", "MessageSchemaViolationException", "MessageSchemaViolationException", "9050 9051 9052"},
    {"MVD", "MessageVirusDetectionException", "MessageVirusDetectionException", "9060"},
    {"IMI", "InvalidMessageIDException", "InvalidMessageIDException", "9070"},
    {"SA", "SyncAsyncException", "SyncAsyncException", "9080 9081"},
    {"CD", "CancelDeniedException", "", "9100 9101"},
    {"NI", "", "NotImplementedException", ""},
    {"PNS", "", "ParameterNotSupportedException", ""},
    {"UE", "", "UnsupportedExtensionException", ""},
    {"ESU", "", "ExternalServiceUnavailableException", "9031"},
};

static const struct {
    const char *number, *text;
} texts[] = {
    {"9010", "Authentisierung/Zertifikat ist abgelaufen."},
    {"9011", "Account ist gesperrt."},
    {"9012", "Account nicht vorhanden."},
    {"9013", "Dienst ist nicht gebucht."},
    {"9014", "Authentisierung/Zertifikat passt nicht zur Absenderkennung."},
    {"9020", "Keine Parameter vorhanden"},
    {"9021", "Keine gültige URI"},
    {"9022", "Ungültige Parameterkombination"},
    {"9023", "Die Nachricht überschreitet die Größenbeschränkung."},
    {"9024", "MessageID ist bereits vergeben."},
    {"9030", "Interner Fehler beim XTA-Server bzw. XTA-Dienstleister"},
    {"9031", "Fehler beim externen Verzeichnisdienst"},
    {"9032", "Fehler bei der Zustellung"},
    {"9050", "Fachnachricht ist nicht schemakonform"},
    {"9051", "Fachnachricht trägt ein falsches Encoding."},
    {"9052", "Nachricht verletzt das entsprechende Service Profil."},
    {"9060", "Es wurde schadhafter Code ermittelt."},
    {"9070", "MessageID für den Account nicht bekannt."},
    {"9080", "Der Dienst wird nur asynchron angeboten."},
    {"9081", "Der Dienst wird nur synchron angeboten."},
    {"9100", "Der durch den Schalter NotBefore gesetzte Termin ist verstrichen."},
    {"9101", "Der Schalter NotBefore wurde nicht gesetzt."},
};

const struct conf_xta_operation *conf_xta_operation(enum conf_xta_version version,
                                                    enum conf_ask ask)
{
    return &operations[version][ask];
}

const char *conf_xta_answer_element(enum conf_xta_version version, enum conf_ask ask)
{
    return version == CONF_V3 ? answers[ask].v3 : answers[ask].v5;
}

const char *conf_xta_short(enum conf_xta_version version, const char *exception)
{
    for (size_t i = 0; i < ARRAY_LEN(exceptions); i++) {
        const char *name = version == CONF_V3 ? exceptions[i].v3 : exceptions[i].v5;

        if (strcmp(name, exception) == 0 && name[0] != '\0')
            return exceptions[i].name;
    }
    return NULL;
}

bool conf_xta_number_fits(const char *short_name, const char *number)
{
    for (size_t i = 0; i < ARRAY_LEN(exceptions); i++)
        if (strcmp(exceptions[i].name, short_name) == 0)
            return strcmp(number, "9000") == 0 ||
                   (strlen(number) == 4 && strstr(exceptions[i].numbers, number) != NULL);
    return false;
}

const char *conf_xta_number_text(const char *number)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (strcmp(texts[i].number, number) == 0)
            return texts[i].text;
    return NULL;
}

const char *conf_xta_namespace(enum conf_xta_version version)
{
    return version == CONF_V3 ? "http://xoev.de/transport/xta/211"
                              : "https://xoev.de/transport/xta/core/3.1.1";
}
