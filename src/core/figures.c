#include "figures.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hash.h"
#include "os.h"

enum { MOST_BYTES = 16384, TRIES = 5 };

static int path_of(const duckrow_db *db, char path[PATH_MAX])
{
    return dr_db_path(db, path, NULL, "figures") == DUCKROW_OK ? 0 : -1;
}

int dr_figures_open(const duckrow_db *db)
{
    char path[PATH_MAX];
    return path_of(db, path) ? -1 : dr_db_open_own(db, path);
}

void dr_figures_remove(const duckrow_db *db)
{
    char path[PATH_MAX];
    if (path_of(db, path) == 0)
        dr_os.unlink(path);
}

void dr_figures_write(int fd, const duckrow_figure *figures, int count)
{
    char text[MOST_BYTES];
    size_t used = 0;
    for (int i = 0; i < count && used + 128 < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s %lld\n", figures[i].name, (long long)figures[i].value);
    used += (size_t)snprintf(text + used, sizeof text - used, "check %016llx\n", (unsigned long long)dr_hash(text, used));
    if (dr_write_at(fd, text, used, 0) == 0 && dr_os.ftruncate(fd, (off_t)used) < 0)
        return;
}

/* Where the check begins, if it is right; NULL. */
static char *checked(char *text)
{
    static const char check[] = "check ";
    char *at = strstr(text, check), *end;
    if (!at || (at > text && at[-1] != '\n'))
        return NULL;
    uint64_t told = strtoull(at + sizeof check - 1, &end, 16);
    return *end == '\n' && told == dr_hash(text, (size_t)(at - text)) ? at : NULL;
}

static int parse(const char *text, const char *end, duckrow_figure *figures, int most)
{
    int count = 0;
    while (text < end && count < most) {
        size_t length = strcspn(text, " \n");
        if (length < sizeof figures->name && text[length] == ' ') {
            memcpy(figures[count].name, text, length);
            figures[count].name[length] = 0;
            figures[count++].value = strtoll(text + length, NULL, 10);
        }
        text += strcspn(text, "\n") + 1;
    }
    return count;
}

static int try_read(int fd, duckrow_figure *figures, int most)
{
    char text[MOST_BYTES + 1];
    struct stat st;
    if (dr_os.fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > MOST_BYTES || dr_read_at(fd, text, (size_t)st.st_size, 0))
        return 0;
    text[st.st_size] = 0;
    const char *end = checked(text);
    return end ? parse(text, end, figures, most) : 0;
}

int dr_figures_read(const duckrow_db *db, duckrow_figure *figures, int most)
{
    char path[PATH_MAX];
    int fd = path_of(db, path) ? -1 : dr_open(path, O_RDONLY, 0), count = 0;
    for (int i = 0; fd >= 0 && !count && i < TRIES; i++) {
        if (i)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        count = try_read(fd, figures, most);
    }
    dr_close(fd);
    return count;
}

int64_t dr_figure_of(const duckrow_figure *figures, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(figures[i].name, name) == 0)
            return figures[i].value;
    return -1;
}
