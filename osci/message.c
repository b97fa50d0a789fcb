#include "osci/message.h"

const struct osci_cert *osci_cert_of(const struct osci_message *msg, enum osci_role role)
{
    for (size_t i = 0; i < msg->cert_count; i++)
        if (msg->certs[i].role == role)
            return &msg->certs[i];
    return NULL;
}

struct span osci_feedback_last(const struct osci_message *msg)
{
    return msg->feedback_count == 0 ? SPAN_NONE : msg->feedback[msg->feedback_count - 1].code;
}

bool osci_executed(const struct osci_message *msg)
{
    struct span code = osci_feedback_last(msg);

    return code.len > 0 && (code.ptr[0] == '0' || code.ptr[0] == '3');
}
