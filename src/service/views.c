#include "views.h"

#include <stdlib.h>
#include <string.h>

#include "core/condition.h"
#include "core/os.h"
#include "execute.h"

enum { VIEWS = 16, IDLE_CONNECTIONS = 16, IDLE_MS = 1000, PINS = 20, LEVEL_MS = 1000 };

struct dr_view {
    dr_session *session; /* NULL: a free place */
    struct dr_catalog_state catalog;
    dr_session *guest[DR_DATABASES];
    duckrow_snapshot *snapshot[DR_DATABASES];
    int64_t sequence[DR_DATABASES];
    int users, fresh; /* fresh: it has snapshots */
    int64_t used_at;
    int idle;
    struct {
        duckdb_connection connection;
        const struct dr_zone *zone;
        int database;
    } connection[IDLE_CONNECTIONS];
};

struct dr_views {
    struct dr_host *host;
    pthread_mutex_t mutex;
    pthread_cond_t returned;
    struct dr_view view[VIEWS];
};

duckrow_code dr_views_open(struct dr_host *host, struct dr_views **out, duckrow_error *error)
{
    struct dr_views *views = *out = calloc(1, sizeof *views);
    if (!views)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    views->host = host;
    pthread_mutex_init(&views->mutex, NULL);
    dr_condition_init(&views->returned);
    return DUCKROW_OK;
}

/* Lets go of the snapshots; the instance stays. */
static void let_go(struct dr_views *views, struct dr_view *view)
{
    for (int i = 0; i < views->host->databases; i++) {
        dr_session_close(view->guest[i]);
        view->guest[i] = NULL;
        if (view->snapshot[i])
            duckrow_snapshot_unpin(view->snapshot[i]);
        view->snapshot[i] = NULL;
    }
    view->fresh = 0;
}

static void end_view(struct dr_views *views, struct dr_view *view)
{
    while (view->idle)
        views->host->duckdb->disconnect(&view->connection[--view->idle].connection);
    let_go(views, view);
    dr_session_close(view->session);
    if (view->session)
        pthread_mutex_destroy(&view->catalog.mutex);
    *view = (struct dr_view){0};
}

void dr_views_close(struct dr_views *views)
{
    for (int i = 0; views && i < VIEWS; i++)
        end_view(views, &views->view[i]);
    free(views);
}

static duckrow_code open_instance(struct dr_views *views, struct dr_view *view, duckrow_error *error)
{
    duckrow_code code = dr_host_instance(views->host, &view->session, error);
    if (view->session)
        pthread_mutex_init(&view->catalog.mutex, NULL);
    return code;
}

static duckrow_code attach(struct dr_views *views, struct dr_view *view, int i, duckrow_error *error)
{
    struct dr_served *served = &views->host->served[i];
    /* Whoever has the database from us may have to bring its snapshot up to date first. */
    int64_t patience = served->away ? LEVEL_MS : 0;
    duckrow_code code = duckrow_snapshot_pin(served->db, patience, &view->snapshot[i], error);
    /* It may have been removed while it is somebody else's. */
    if (code)
        return code == DUCKROW_BUSY || (code == DUCKROW_NOT_FOUND && served->away) ? DUCKROW_NO_SNAPSHOT : code;
    view->sequence[i] = duckrow_snapshot_sequence(view->snapshot[i]);
    code = dr_session_guest(view->session, served->name, NULL, &view->guest[i], error);
    if (!code)
        code = dr_session_attach(view->guest[i], duckrow_snapshot_path(view->snapshot[i]), served->name, 0, error);
    return code;
}

static duckrow_code refresh(struct dr_views *views, struct dr_view *view, duckrow_error *error)
{
    let_go(views, view);
    duckrow_code code = DUCKROW_OK;
    for (int i = 0; !code && i < views->host->databases; i++)
        code = attach(views, view, i, error);
    if (code)
        let_go(views, view);
    view->fresh = !code;
    return code == DUCKROW_STALE ? DUCKROW_NO_SNAPSHOT : code;
}

/* What a read must see: all that was published when it came. A view that was refreshed since will do, however many commits came
 * after. */
struct need {
    int64_t sequence[DR_DATABASES];
};

static struct need need_now(const struct dr_views *views)
{
    struct need need = {0};
    for (int i = 0; i < views->host->databases; i++)
        need.sequence[i] = views->host->served[i].sequence;
    return need;
}

static int is_current(const struct dr_views *views, const struct dr_view *view, const struct need *need)
{
    int current = view->fresh;
    for (int i = 0; current && i < views->host->databases; i++)
        current = view->sequence[i] >= need->sequence[i] &&
                  (!views->host->served[i].away || duckrow_snapshot_check(view->snapshot[i], NULL) == DUCKROW_OK);
    return current;
}

/* A current one, else one that nobody uses, else a free place. The mutex is held. */
static struct dr_view *choose(struct dr_views *views, const struct need *need)
{
    struct dr_view *idle = NULL, *place = NULL;
    for (int i = 0; i < VIEWS; i++) {
        struct dr_view *view = &views->view[i];
        if (view->session && is_current(views, view, need))
            return view;
        if (view->session && !view->users && (!idle || view->used_at > idle->used_at))
            idle = view;
        if (!view->session && !place)
            place = view;
    }
    return idle ? idle : place;
}

/* lease: with the database and the zone that are wanted. */
static duckrow_code connect_to(struct dr_views *views, struct dr_view *view, struct dr_lease *lease, duckrow_error *error)
{
    int best = -1;
    for (int i = 0; i < view->idle; i++)
        if (view->connection[i].database == lease->database && (best < 0 || view->connection[i].zone == lease->zone))
            best = i;
    const struct dr_zone *zone = best < 0 ? dr_zone_utc() : view->connection[best].zone;
    duckrow_code code = DUCKROW_OK;
    if (best < 0) {
        code = dr_host_connect_to(views->host, view->session, lease->database, &lease->connection, error);
    } else {
        lease->connection = view->connection[best].connection;
        view->connection[best] = view->connection[--view->idle];
    }
    if (!code && zone != lease->zone && (code = dr_connection_zone(views->host->duckdb, lease->connection, lease->zone, error)))
        views->host->duckdb->disconnect(&lease->connection);
    return code;
}

/* The mutex is held while a view is refreshed: those who come meanwhile want that one. */
duckrow_code dr_views_lease(struct dr_views *views, int database, int64_t deadline, struct dr_lease *lease, duckrow_error *error)
{
    struct dr_host *host = views->host;
    const struct need need = need_now(views);
    duckrow_code code = DUCKROW_OK;
    for (int i = 0; i < host->databases; i++)
        if (host->served[i].unpublished)
            return dr_fail(error, DUCKROW_NO_SNAPSHOT, "%s has no snapshot at the moment", host->served[i].name);
    pthread_mutex_lock(&views->mutex);
    struct dr_view *view;
    while (!(view = choose(views, &need))) {
        if (!dr_condition_wait(&views->returned, &views->mutex, deadline)) {
            pthread_mutex_unlock(&views->mutex);
            return dr_fail(error, DUCKROW_BUSY, "%d reads of older states are still running, and there is no place for a new one",
                           VIEWS);
        }
    }
    if (!view->session)
        code = open_instance(views, view, error);
    if (!code && !is_current(views, view, &need))
        code = refresh(views, view, error);
    lease->database = database;
    lease->zone = lease->zone ? lease->zone : dr_zone_utc();
    if (!code)
        code = connect_to(views, view, lease, error);
    if (!code) {
        view->users++;
        lease->view = view;
    } else if (!view->users) {
        end_view(views, view);
    }
    pthread_mutex_unlock(&views->mutex);
    return code;
}

duckrow_code dr_views_catalog(struct dr_views *views, struct dr_lease *lease, duckrow_error *error)
{
    return dr_host_catalog(views->host, &lease->view->catalog, lease->connection, error);
}

void dr_views_return(struct dr_views *views, struct dr_lease *lease, int changed)
{
    struct dr_view *view = lease->view;
    if (!view)
        return;
    pthread_mutex_lock(&views->mutex);
    if (changed || view->idle == IDLE_CONNECTIONS) {
        views->host->duckdb->disconnect(&lease->connection);
    } else {
        view->connection[view->idle].connection = lease->connection;
        view->connection[view->idle].zone = lease->zone;
        view->connection[view->idle++].database = lease->database;
    }
    view->users--;
    view->used_at = dr_clock_ms();
    pthread_cond_broadcast(&views->returned);
    pthread_mutex_unlock(&views->mutex);
    *lease = (struct dr_lease){0};
}

void dr_views_tidy(struct dr_views *views)
{
    int64_t now = dr_clock_ms();
    int instances = 0;
    const struct need need = need_now(views);
    if (pthread_mutex_trylock(&views->mutex))
        return;
    for (int i = 0; i < VIEWS; i++) {
        struct dr_view *view = &views->view[i];
        if (!view->session || view->users) {
            instances += view->session != NULL;
            continue;
        }
        if (view->fresh && now - view->used_at >= IDLE_MS && !is_current(views, view, &need))
            let_go(views, view);
        if (instances++ && now - view->used_at >= 10 * IDLE_MS)
            end_view(views, view);
    }
    pthread_mutex_unlock(&views->mutex);
}
