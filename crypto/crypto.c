#include "crypto/crypto.h"

#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <xmlsec/crypto.h>
#include <xmlsec/errors.h>
#include <xmlsec/xmlsec.h>

#include "crypto/transform.h"

/* Both libraries like to talk on stderr; what matters comes back as a status. */
static void xml_quiet(void *ctx, const char *msg, ...)
{
    (void)ctx;
    (void)msg;
}

static void xmlsec_quiet(const char *file, int line, const char *func, const char *object,
                         const char *subject, int reason, const char *msg)
{
    (void)file;
    (void)line;
    (void)func;
    (void)object;
    (void)subject;
    (void)reason;
    (void)msg;
}

enum status crypto_init(struct error *err)
{
    xmlSecErrorsSetCallback(xmlsec_quiet);
    if (transform_registered())
        return ST_OK;
    xmlInitParser();
    xmlSetGenericErrorFunc(NULL, xml_quiet);
    (void)xmlThrDefSetGenericErrorFunc(NULL, xml_quiet);
    if (xmlSecInit() < 0)
        return error_set(err, ST_INTERNAL, 0, "xmlsec does not start");
    /* before xmlsec's own, so that a look-up by name finds ours first */
    TRY(transform_register(err));
    if (xmlSecCryptoInit() < 0)
        return error_set(err, ST_INTERNAL, 0, "xmlsec's OpenSSL part does not start");
    return ST_OK;
}

void crypto_deinit(void)
{
    if (!transform_registered())
        return;
    (void)xmlSecCryptoShutdown();
    (void)xmlSecShutdown();
    xmlCleanupParser();
}
