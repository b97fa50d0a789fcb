/* what the command says of certificates and of days to come */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sysexits.h>

#include "crypto/base/error.h"
#include "helper_cli.h"

static const struct helper_canned good_certs_answers[] = {
    {"GET /v1/certificates ", "200 OK",
     "{\"certificates\":[{\"days_left\":12,\"not_after\":\"2026-05-16T08:00:00Z\",\"owner\":"
     "\"own\","
     "\"name\":\"Stadt A\",\"use\":\"older_cipher\",\"subject\":\"CN=a\","
     "\"key\":\"RSA-3072\",\"signature_algorithm\":\"RSA-SHA256\","
     "\"blocks\":{\"de\":\"Nichts.\",\"en\":\"Nothing.\"},"
     "\"finding\":{\"code\":\"D-1505\",\"de\":\"Bald.\",\"en\":\"Soon.\"}},"
     "{\"days_left\":900,\"not_after\":\"2028-10-21T08:00:00Z\",\"owner\":\"authority\","
     "\"name\":null,\"use\":\"list\",\"subject\":\"CN=ca\",\"finding\":null,"
     "\"blocks\":{\"de\":\"Alles.\",\"en\":\"All.\"}},"
     "{\"days_left\":901,\"not_after\":\"2028-10-22T08:00:00Z\",\"owner\":\"authority\","
     "\"name\":null,\"use\":\"issuer\",\"setting\":\"trust.osci\","
     "\"serves\":[\"signing\",\"enciphering\"],\"subject\":\"CN=ca\",\"finding\":null,"
     "\"blocks\":{\"de\":\"Alles.\",\"en\":\"All.\"}}]}"},
};
static const struct helper_canned bad_certs_answers[] = {
    {"GET /v1/certificates ", "200 OK",
     "{\"certificates\":[{\"days_left\":null,\"owner\":\"client\",\"name\":\"k1\",\"use\":\"tls\","
     "\"path\":\"/etc/"
     "x.pem\",\"finding\":{\"code\":\"D-1010\",\"de\":\"Weg.\",\"en\":\"Gone.\"}}]}"},
};
static const struct helper_canned outlook_answers[] = {
    {"GET /v1/outlook?on=2031-12-31 ", "200 OK",
     "{\"on\":\"2031-12-31\",\"sent\":70,\"received\":8,\"findings\":[{\"code\":\"D-2381\","
     "\"setting\":\"security.algorithms\",\"de\":\"Frist.\",\"en\":\"Too late.\"}],"
     "\"partners\":[{\"name\":\"Stadt B\",\"sent\":60,\"received\":8,\"findings\":["
     "{\"code\":\"D-1503\",\"setting\":\"partners.cipher_certificate\",\"de\":\"Abgelaufen.\","
     "\"en\":\"Expired.\"}]}]}"},
};
static const struct helper_canned calm_outlook_answers[] = {
    {"GET /v1/outlook?on=2027-01-01 ", "200 OK",
     "{\"on\":\"2027-01-01\",\"sent\":70,\"received\":8,\"findings\":[],\"partners\":[]}"},
};
static const struct helper_canned ending_answers[] = {
    {"GET /v1/status", "200 OK",
     "{\"version\":\"0.1\",\"started_at\":\"2026-05-04T06:00:00Z\",\"certificates\":{\"ending\":3,"
     "\"first\":{\"days_left\":12,\"subject\":\"CN=a\",\"blocks\":{\"de\":\"Alles steht.\","
     "\"en\":\"All stands still.\"}},\"mail\":{\"code\":\"D-2363\",\"de\":\"Kein Brief.\","
     "\"en\":\"No letter.\"}}}"},
};
static const struct helper_canned denied_answers[] = {
    {"", "403 Forbidden",
     "{\"title\":\"The user may not do this.\",\"detail\":\"Ask the operator.\",\"code\":10700}"},
};

static struct helper_cli_row rows[] = {
    {"certificates", "certs", 0, EX_OK,
     "days  valid until          whose      name     for                 store                     "
     "         certificate  algorithms            what ends with it  finding  code\n"
     "  12  2026-05-16 10:00:00  own        Stadt A  earlier encryption                            "
     "         CN=a         RSA-3072, RSA-SHA256  Nothing.           Soon.    D-1505\n"
     " 900  2028-10-21 10:00:00  authority           revocation list                               "
     "         CN=ca                              All.                        \n"
     " 901  2028-10-22 10:00:00  authority           issuing             trust.osci: signature, "
     "encryption  CN=ca                              All.                        \n",
     "", good_certs_answers},
    {"a bad certificate", "certs|--lang|de", 0, EX_DATAERR,
     "Tage  gültig bis  wessen  Name  wofür  Speicher  Zertifikat  Algorithmen  mit ihm endet  "
     "Befund  Code\n"
     "                  Client  k1    TLS              /etc/x.pem                              "
     "Weg.    D-1010\n",
     "", bad_certs_answers},
    {"a bad certificate as JSON", "certs|--json", 0, EX_DATAERR, NULL, "", bad_certs_answers},
    {"an outlook", "status|--on|2031-12-31", 0, EX_DATAERR,
     "partner  sent  received  finding    setting                      code\n"
     "all        70         8  Too late.  security.algorithms          D-2381\n"
     "Stadt B    60         8  Expired.   partners.cipher_certificate  D-1503\n",
     "", outlook_answers},
    {"an outlook in German", "status|--on|2031-12-31|--lang|de", 0, EX_DATAERR,
     "Partner  gesendet  empfangen  Befund       Einstellung                  Code\n"
     "alle           70          8  Frist.       security.algorithms          D-2381\n"
     "Stadt B        60          8  Abgelaufen.  partners.cipher_certificate  D-1503\n",
     "", outlook_answers},
    {"an outlook as JSON", "status|--on|2031-12-31|--json", 0, EX_DATAERR, NULL, "",
     outlook_answers},
    {"an outlook without a cloud", "status|--on|2027-01-01", 0, EX_OK,
     "Everything would still work on that day.\n", "", calm_outlook_answers},
    {"an outlook on no day", "status|--on|tomorrow", 0, EX_USAGE, "", NULL, NULL},
    {"certificates that end", "status", 0, EX_OK,
     "Version:          0.1\n"
     "running since:    2026-05-04 08:00:00\n"
     "certificates:     end within 30 days: 3; first, in 12 days, CN=a: All stands still. "
     "(depesche certs)\n"
     "certificates:     No letter.\n",
     "", ending_answers},
    {"certificates of one", "certs|x", 0, EX_USAGE, "", NULL, NULL},
    {"certificates, for admins", "certs", 0, EX_NOPERM, "", NULL, denied_answers},
};

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(rows)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i].name, helper_cli_row_test, NULL, NULL, &rows[i]};
    return cmocka_run_group_tests(tests, helper_daemon_start, helper_daemon_stop);
}
