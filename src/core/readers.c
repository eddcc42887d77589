#include "readers.h"

#include <stdio.h>

enum { MOST = 64 };

int dr_readers_stock(const char *path)
{
    struct stat st;
    struct flock found;
    if (dr_os.stat(path, &st) < 0)
        return 0;
    /* A close() of ours would drop the lock of a DuckDB in this process. */
    if (dr_open_descriptors(&st, -1) > 0)
        return 1;
    int fd = dr_open(path, O_RDONLY, 0);
    int locked = fd >= 0 && dr_lock_test(fd, F_WRLCK, 0, 0, &found) > 0;
    dr_close(fd);
    return locked;
}

int dr_readers_find(const duckrow_db *db, int64_t generation, duckrow_process *found, int most)
{
    const char *const names[] = {"lock", db->name};
    int count = 0, locked = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[PATH_MAX];
        struct stat st;
        duckrow_process users[MOST];
        if (dr_slot_path(db, generation, names[i], path, NULL) || !dr_readers_stock(path) || dr_os.stat(path, &st) < 0)
            continue;
        locked = 1;
        int here = dr_file_users(&st, users, MOST);
        for (int k = 0; k < here; k++) {
            int known = count == most;
            for (int j = 0; j < count; j++)
                known |= found[j].pid == users[k].pid;
            if (known)
                continue;
            snprintf(users[k].kind, sizeof users[k].kind, "read");
            found[count++] = users[k];
        }
    }
    if (locked && count == 0 && most > 0)
        found[count++] = (duckrow_process){.kind = "read"};
    return count;
}
