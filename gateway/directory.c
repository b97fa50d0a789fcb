#include "gateway/directory.h"

#include <assert.h>
#include <stdlib.h>

/* ASCII letters in either case are one, whatever the locale is. */
static int lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static int party_cmp(struct span a, struct span b)
{
    size_t i = 0;

    while (i < a.len && i < b.len && lower(a.ptr[i]) == lower(b.ptr[i]))
        i++;
    if (i == a.len || i == b.len)
        return (a.len > b.len) - (a.len < b.len);
    return lower(a.ptr[i]) - lower(b.ptr[i]);
}

static struct span party_of(const struct gw_directory_entry *e)
{
    return e->party == NULL ? SPAN_NONE : span_str(e->party); /* a reader that found one missing */
}

static int entry_cmp(const void *a, const void *b)
{
    return party_cmp(party_of(a), party_of(b));
}

void gw_directory_sort(struct gw_directory *directory)
{
    if (directory->parties_count > 0)
        qsort(directory->parties, directory->parties_count, sizeof *directory->parties, entry_cmp);
}

static int key_cmp(const void *key, const void *entry)
{
    return party_cmp(*(const struct span *)key, party_of(entry));
}

const struct gw_directory_entry *gw_directory_party(const struct gw_directory *directory,
                                                    struct span party)
{
    if (directory == NULL || directory->parties_count == 0)
        return NULL;
    return bsearch(&party, directory->parties, directory->parties_count, sizeof *directory->parties,
                   key_cmp);
}

enum gw_directory_found gw_directory_find(const struct gw_directory *directory, struct span party,
                                          struct span uri, const struct gw_directory_entry **entry,
                                          const struct gw_directory_service **service)
{
    const struct gw_directory_entry *e = gw_directory_party(directory, party);
    const struct gw_directory_service *s = NULL;

    for (unsigned i = 0; e != NULL && s == NULL && i < e->services_count; i++)
        if (span_is(uri, e->services[i].uri))
            s = &e->services[i];
    if (entry != NULL)
        *entry = e;
    if (service != NULL)
        *service = s;
    return e == NULL   ? GW_DIRECTORY_UNKNOWN
           : s == NULL ? GW_DIRECTORY_NO_SERVICE
                       : GW_DIRECTORY_FOUND;
}

bool gw_directory_offers(const struct gw_directory_service *service, enum gw_directory_mode mode)
{
    return service->mode == mode || service->mode == GW_DIRECTORY_BOTH;
}

const char *gw_directory_mode_name(enum gw_directory_mode mode)
{
    static const char *const names[] = {"asynchronous", "synchronous", "both"};

    assert((size_t)mode < sizeof names / sizeof *names);
    return names[mode];
}
