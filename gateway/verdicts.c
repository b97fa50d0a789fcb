#include "gateway/verdicts.h"

struct gw_judged {
    const struct cert *cert;
    struct cert_verdict verdict;
    struct gw_judged *next;
};

enum status gw_verdict(struct gw_verdicts *all, struct cert_checker *checker,
                       const struct cert *cert, int64_t now, const struct cert_verdict **verdict,
                       bool *fresh, struct error *err)
{
    struct gw_judged *j;

    for (j = all->judged; j != NULL && !cert_eq(j->cert, cert); j = j->next)
        ;
    *fresh = j == NULL;
    if (*fresh) {
        j = arena_alloc(all->arena, sizeof *j);
        TRY_ALLOC(j, err);
        *j = (struct gw_judged){.cert = cert, .next = all->judged};
        TRY(cert_checker_check(checker, cert, CERT_FOR_OSCI_SIGNATURE, now, &j->verdict, err));
        all->judged = j;
    }
    *verdict = &j->verdict;
    return ST_OK;
}
