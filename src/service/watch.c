#include "watch.h"

#include <stdlib.h>
#include <string.h>

#include "core/os.h"

/* One folder. */
struct watched {
    uv_fs_event_t handle;
    struct watched *next;
    struct dr_watch *watch;
    ino_t inode; /* one that was removed and made again is another */
    int seen;
    char name[]; /* "": the folder above the tables' */
};

struct dr_watch {
    uv_loop_t *loop;
    const duckrow_db *db;
    void (*appeared)(void *context, const char *folder, const char *name);
    void *context;
    struct watched *all;
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void forget(struct watched **at)
{
    struct watched *watched = *at;
    *at = watched->next;
    uv_close((uv_handle_t *)&watched->handle, on_closed);
}

static void on_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct watched *watched = handle->data;
    struct dr_watch *watch = watched->watch;
    (void)events;
    if (*watched->name && name && !status)
        watch->appeared(watch->context, watched->name, name);
    else if (dr_watch_renew(watch) || !name || status)
        watch->appeared(watch->context, NULL, NULL);
}

/* 0: there is no such folder. */
static ino_t inode_of(const struct dr_watch *watch, const char *name)
{
    char path[PATH_MAX];
    struct stat st;
    return dr_staging_path(watch->db, path, NULL, "%s", name) || dr_os.lstat(path, &st) < 0 ? 0 : st.st_ino;
}

static int add(struct dr_watch *watch, const char *name)
{
    char path[PATH_MAX];
    struct watched *watched = calloc(1, sizeof *watched + strlen(name) + 1);
    if (!watched || dr_staging_path(watch->db, path, NULL, "%s", name)) {
        free(watched);
        return 0;
    }
    watched->watch = watch;
    watched->seen = 1;
    watched->inode = inode_of(watch, name);
    memcpy(watched->name, name, strlen(name) + 1);
    uv_fs_event_init(watch->loop, &watched->handle);
    watched->handle.data = watched;
    if (uv_fs_event_start(&watched->handle, on_event, path, 0) < 0) {
        uv_close((uv_handle_t *)&watched->handle, on_closed);
        return 0;
    }
    watched->next = watch->all;
    watch->all = watched;
    return 1;
}

static int is_watched(struct dr_watch *watch, const char *name)
{
    for (struct watched *watched = watch->all; watched; watched = watched->next)
        if (!watched->seen && strcmp(watched->name, name) == 0 && inode_of(watch, name) == watched->inode)
            return watched->seen = 1;
    return 0;
}

int dr_watch_renew(struct dr_watch *watch)
{
    char (*folders)[DR_STAGING_NAME];
    int count, new = 0;
    for (struct watched *watched = watch->all; watched; watched = watched->next)
        watched->seen = 0;
    /* It must be there to be watched. */
    if (!is_watched(watch, "") && !dr_staging_make(watch->db, ".tmp", NULL))
        new |= add(watch, "");
    if (dr_staging_folders(watch->db, &folders, &count, NULL))
        return new;
    for (int i = 0; i < count; i++)
        new |= !is_watched(watch, folders[i]) && add(watch, folders[i]);
    free(folders);
    for (struct watched **at = &watch->all; *at;) {
        if ((*at)->seen)
            at = &(*at)->next;
        else
            forget(at);
    }
    return new;
}

duckrow_code dr_watch_open(uv_loop_t *loop, const duckrow_db *db,
                           void (*appeared)(void *context, const char *folder, const char *name), void *context,
                           struct dr_watch **out, duckrow_error *error)
{
    struct dr_watch *watch = *out = calloc(1, sizeof *watch);
    if (!watch)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    *watch = (struct dr_watch){loop, db, appeared, context, NULL};
    return DUCKROW_OK;
}

void dr_watch_close(struct dr_watch *watch)
{
    if (!watch)
        return;
    while (watch->all)
        forget(&watch->all);
    free(watch);
}
