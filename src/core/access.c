#include "access.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME = 64 };

static const char *user_name(uid_t user, char text[NAME])
{
    char room[4096];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(user, &entry, room, sizeof room, &found) == 0 && found)
        snprintf(text, NAME, "%s", entry.pw_name);
    else
        snprintf(text, NAME, "%u", (unsigned)user);
    return text;
}

static const char *group_name(gid_t group, char text[NAME])
{
    char room[4096];
    struct group entry, *found = NULL;
    if (getgrgid_r(group, &entry, room, sizeof room, &found) == 0 && found)
        snprintf(text, NAME, "%s", entry.gr_name);
    else
        snprintf(text, NAME, "%u", (unsigned)group);
    return text;
}

static int is_member(gid_t group)
{
    gid_t groups[1024];
    int count = getgroups(sizeof groups / sizeof *groups, groups), member = getegid() == group;
    for (int i = 0; i < count && !member; i++)
        member = groups[i] == group;
    return member;
}

int dr_may_use(const char *path, int write)
{
    return faccessat(AT_FDCWD, path, write ? R_OK | W_OK : R_OK, AT_EACCESS) == 0;
}

/* The first on the way to path that refuses: a folder that may not be entered, or not be written where path is to be made in it,
 * or the file. Returns what is missing there. */
static const char *find_refusing(const char *path, char refusing[PATH_MAX])
{
    struct stat st;
    snprintf(refusing, PATH_MAX, "%s", path);
    for (char *slash = strchr(refusing + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (faccessat(AT_FDCWD, refusing, X_OK, AT_EACCESS) < 0)
            return "x";
        *slash = '/';
    }
    if (stat(refusing, &st) < 0) {
        char *slash = strrchr(refusing, '/');
        if (slash > refusing)
            *slash = 0;
        return "rwx";
    }
    return S_ISDIR(st.st_mode) ? "rwx" : "rw";
}

duckrow_code dr_fail_access(const duckrow_db *db, int os_errno, const char *path, duckrow_error *error)
{
    char refusing[PATH_MAX], me[NAME], owner[NAME], group[NAME], wanted[NAME], advice[2 * PATH_MAX];
    struct stat st, database;
    const char *missing = find_refusing(path, refusing);
    if ((os_errno != EACCES && os_errno != EPERM) || stat(refusing, &st) < 0)
        return dr_fail_os(error, os_errno, "cannot open %s", path);
    user_name(geteuid(), me);
    int known = stat(db->path, &database) == 0;
    group_name(known ? database.st_gid : st.st_gid, wanted);
    if (is_member(st.st_gid))
        snprintf(advice, sizeof advice, "chmod g+%s %s", missing, refusing);
    else if (known && is_member(database.st_gid))
        snprintf(advice, sizeof advice, "chgrp %s %s && chmod g+%s %s", wanted, refusing, missing, refusing);
    else
        snprintf(advice, sizeof advice, "give it a group that %s is in, then chmod g+%s %s", me, missing, refusing);
    duckrow_code code = dr_fail(
        error, DUCKROW_PERMISSION, "%s: permission denied for user %s; it belongs to %s, group %s, with mode %04o. As %s: %s%s",
        refusing, me, user_name(st.st_uid, owner), group_name(st.st_gid, group), (unsigned)(st.st_mode & 07777), owner, advice,
        st.st_mode & 0070 ? "" : " (a umask of 007 instead of 077 lets the group in from the start)");
    if (error)
        error->os_errno = os_errno;
    return code;
}
