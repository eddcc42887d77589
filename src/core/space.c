#include "space.h"

#include <errno.h>
#include <stdio.h>

int64_t dr_space_free(int fd)
{
    struct statvfs space;
    if (dr_os.space(fd, &space) < 0)
        return -1;
    return (int64_t)space.f_bavail * (int64_t)space.f_frsize;
}

int64_t dr_space_margin(int64_t bytes)
{
    int64_t margin = bytes / 10;
    return margin < 1 << 20 ? 1 << 20 : margin > 1 << 30 ? 1 << 30 : margin;
}

static int enough(int64_t free, int64_t bytes)
{
    return bytes <= 0 || free < 0 || free >= bytes + dr_space_margin(bytes);
}

int dr_space_enough(const duckrow_db *db, int64_t bytes)
{
    int fd = bytes > 0 ? dr_open(db->folder, O_RDONLY | O_DIRECTORY, 0) : -1;
    int is_enough = fd < 0 || enough(dr_space_free(fd), bytes);
    dr_close(fd);
    return is_enough;
}

duckrow_code dr_space_check(const duckrow_db *db, int fd, int64_t bytes, duckrow_error *error)
{
    char needed[32], margin[32], left[32];
    int64_t free = dr_space_free(fd);
    if (enough(free, bytes))
        return DUCKROW_OK;
    duckrow_code code =
        dr_fail(error, DUCKROW_DISK_FULL,
                "no space for another copy of %s: %s and %s to spare are needed, %s are free; readers share turns until there is "
                "more (or do without copies: duckrow config %s snapshots off)",
                db->path, dr_space_text(bytes, needed), dr_space_text(dr_space_margin(bytes), margin), dr_space_text(free, left),
                db->path);
    if (error)
        error->os_errno = ENOSPC;
    return code;
}

const char *dr_space_text(int64_t bytes, char text[32])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    int unit = 0;
    for (; value >= 1024 && unit < 4; unit++)
        value /= 1024;
    snprintf(text, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}
