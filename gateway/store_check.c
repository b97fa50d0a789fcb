/* what a start leaves for later, so that a large store is there at once: gateway/store.h,
 * gw_store_open */
#include <stdio.h>
#include <sys/resource.h>

#include "gateway/store_impl.h"

struct gw_check {
    struct gw_store *store;
    struct sql_db *db; /* a connection of its own: the readers are for others */
    pthread_t thread;
    atomic_bool stop;
};

/* Damage is an event, too: it must be found by who looks later. */
static void damage_note(struct gw_store *store, const struct error *damage)
{
    const struct gw_cause cause = {
        .now = store->opened_at,
        .actor = "store",
        .en = damage->text,
        .de = "Der Index ist beschädigt; bitte aus der Sicherung wiederherstellen",
    };
    struct error ignored = {0};

    /* where even that cannot be written any more the log says it */
    (void)(gw_store_commit_event(store, "store.damaged", NULL, NULL, &cause, &ignored) == ST_OK);
}

static void *check_main(void *arg)
{
    struct gw_check *check = arg;
    struct gw_store *store = check->store;
    struct gw_store_report report = {0};
    struct error err = {0};
    enum status st;

    /* the gateway's own work goes first; on Linux this is the thread's alone */
    (void)setpriority(PRIO_PROCESS, 0, 19);
    st = gw_sweep_rest(store, check->db, &check->stop, &report, &err);
    if (st != ST_OK)
        store->leftovers = true; /* the next start goes on */
    else
        st = sql_verify_parts(check->db, &check->stop, &err);
    if (atomic_load(&check->stop))
        return NULL;
    if (st == ST_INTERNAL)
        damage_note(store, &err);
    if (store->conf.checked != NULL)
        store->conf.checked(store->conf.committed_ctx, &report, st == ST_OK ? NULL : &err);
    return NULL;
}

static void check_free(struct gw_check *check)
{
    sql_close(check->db);
    free(check);
}
DROP_DEFINE(check_drop, struct gw_check, check_free)

enum status gw_check_start(struct gw_store *store, struct error *err)
{
    AUTO(check_drop) struct gw_check *check = calloc(1, sizeof *check);
    char path[GW_PATH_SIZE];

    TRY_ALLOC(check, err);
    check->store = store;
    (void)snprintf(path, sizeof path, "%s/index.db", store->dir_path); /* it has been opened */
    TRY(sql_open(path, false, &check->db, err));
    if (pthread_create(&check->thread, NULL, check_main, check) != 0)
        return error_set(err, ST_LIMIT, 0, "cannot start the thread that checks the index");
    store->check = TAKE(check);
    return ST_OK;
}

void gw_check_stop(struct gw_store *store)
{
    if (store->check == NULL)
        return;
    atomic_store(&store->check->stop, true);
    pthread_join(store->check->thread, NULL);
    check_free(store->check);
    store->check = NULL;
}
