#include "turn.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "duckfile.h"
#include "hash.h"
#include "process.h"
#include "publish.h"

static const char magic[8] = {'d', 'u', 'c', 'k', 'r', 'o', 'w', DR_FORMAT};

struct record {
    uint64_t checksum;
    int64_t ticket;
    uint64_t pid_namespace; /* that process.pid is a number of */
    duckrow_process process;
};
_Static_assert(sizeof(struct record) <= DR_RECORD, "a record fits its place");

/* ---- the file ---- */

static duckrow_code check_format(int fd, const char *path, duckrow_error *error)
{
    char found[8];
    if (dr_read_at(fd, found, sizeof found, 0) == 0) {
        if (memcmp(found, magic, sizeof magic - 1))
            return dr_fail(error, DUCKROW_UNSUPPORTED, "%s is not duckrow's: move it away", path);
        if (found[7] != DR_FORMAT)
            return dr_fail(error, DUCKROW_UNSUPPORTED, "%s has format %d, this duckrow knows format %d: upgrade duckrow", path,
                           found[7], DR_FORMAT);
        return DUCKROW_OK;
    }
    /* New, or its maker was killed: all who get here write the same. */
    if (errno == ENODATA && dr_write_at(fd, magic, sizeof magic, 0) == 0)
        return DUCKROW_OK;
    return errno == EBADF ? DUCKROW_OK : dr_fail_os(error, errno, "cannot use %s", path);
}

duckrow_code dr_turn_open(const duckrow_db *db, int make, int *fd, duckrow_error *error)
{
    char path[PATH_MAX];
    duckrow_code code = dr_db_path(db, path, error, "turn");
    if (code)
        return code;
    *fd = dr_open(path, O_RDWR, 0);
    if (*fd < 0 && errno == ENOENT && make) {
        if ((code = dr_db_make_folder(db, error)))
            return code;
        *fd = dr_db_open_own(db, path);
    }
    if (*fd < 0 && !make && (errno == EACCES || errno == EPERM || errno == EROFS))
        *fd = dr_open(path, O_RDONLY, 0);
    if (*fd < 0)
        return errno == ENOENT && !make ? DUCKROW_OK : dr_fail_access(db, errno, path, error);
    code = check_format(*fd, path, error);
    if (code) {
        dr_close(*fd);
        *fd = -1;
    }
    return code;
}

/* Is it the file that the path names? 1 yes, 0 another or none, -1 with errno. */
static int is_at(int fd, const char *path)
{
    struct stat mine, now;
    if (dr_os.fstat(fd, &mine) < 0)
        return -1;
    if (dr_os.stat(path, &now) < 0)
        return errno == ENOENT ? 0 : -1;
    return mine.st_dev == now.st_dev && mine.st_ino == now.st_ino;
}

/* Is the file that has the locks still the one at its path? The folder may have been removed or replaced. */
static int still_there(const duckrow_turn *turn)
{
    char path[PATH_MAX];
    return dr_db_path(turn->db, path, NULL, "turn") == DUCKROW_OK ? is_at(turn->fd, path) : 0;
}

static int64_t record_offset(int64_t ticket)
{
    return DR_RECORD * (ticket < 0 ? 1 : 2 + ticket % DR_RECORDS);
}

/* ticket -1: the holder's record. Only people read it, so a failure to write it is not one. */
static void write_record(const duckrow_turn *turn, int64_t ticket)
{
    struct record record = {.ticket = ticket, .pid_namespace = dr_pid_namespace()};
    if (dr_process_describe(getpid(), &record.process) < 0)
        record.process.pid = getpid();
    record.process.since_at = dr_calendar_ms();
    memcpy(record.process.kind, turn->kind, sizeof record.process.kind);
    memcpy(record.process.command, turn->db->command, sizeof record.process.command);
    record.checksum = dr_hash(&record.ticket, sizeof record - sizeof record.checksum);
    (void)!dr_write_at(turn->fd, &record, sizeof record, record_offset(ticket));
}

static int read_record(int fd, int64_t ticket, struct record *record)
{
    /* Its owner may be writing it right now. */
    for (int tries = 0; tries < 3; tries++) {
        if (dr_read_at(fd, record, sizeof *record, record_offset(ticket)) == 0 && record->ticket == ticket &&
            record->checksum == dr_hash(&record->ticket, sizeof *record - sizeof record->checksum))
            return 1;
        sched_yield();
    }
    memset(record, 0, sizeof *record);
    return 0;
}

/* ---- looking ---- */

static int is_kind(const struct record *record, const char *kind)
{
    return strcmp(record->process.kind, kind) == 0;
}

/* The first byte of [from, to) that is locked, to 0: without end; -1: none. The lock that the kernel names is any of them. */
static int64_t lowest_ticket(int fd, int64_t from, int64_t to)
{
    struct flock found;
    int64_t lowest = -1;
    while ((to == 0 || from < to) && dr_lock_test(fd, F_RDLCK, from, to ? to - from : 0, &found) > 0)
        lowest = to = found.l_start < from ? from : found.l_start;
    return lowest;
}

static duckrow_process seen_from_here(const struct record *record)
{
    duckrow_process process = record->process;
    dr_process_localize(&process, record->pid_namespace);
    return process;
}

static int same_process(const struct record *one, const struct record *other)
{
    return one->process.pid == other->process.pid && one->process.started == other->process.started &&
           one->pid_namespace == other->pid_namespace;
}

void dr_turn_look(int fd, struct dr_queue *queue, duckrow_process *waiters, int most)
{
    struct flock found;
    struct record holder = {0};
    memset(queue, 0, sizeof *queue);
    queue->first_ticket = -1;
    queue->held = dr_lock_test(fd, F_WRLCK, DR_TURN, 1, &found) > 0;
    queue->shared = queue->held && found.l_type == F_RDLCK;
    queue->level = queue->held && dr_lock_test(fd, F_RDLCK, DR_LEVEL, 1, &found) == 0;
    if (queue->held && !queue->shared && read_record(fd, -1, &holder))
        queue->holder = seen_from_here(&holder);
    queue->serves = dr_lock_test(fd, F_RDLCK, DR_SERVE, 1, &found) > 0;
    /* The holder keeps its ticket, which is the first but where a service has stepped aside. Its record there may have been written
     * over: so many have come since. */
    int first_holds = !queue->serves || is_kind(&holder, "serve"), seen = 0;
    for (int64_t at = DR_TICKET; (at = lowest_ticket(fd, at, 0)) >= 0; at++) {
        struct record record;
        int read = read_record(fd, at - DR_TICKET, &record);
        int holds = !seen && queue->held && !queue->shared && (read ? same_process(&record, &holder) : first_holds);
        seen |= holds;
        first_holds = 0;
        if (!holds) {
            if (queue->waiting < most)
                waiters[queue->waiting] = seen_from_here(&record);
            if (queue->waiting++ == 0)
                queue->first_ticket = at - DR_TICKET;
        }
    }
}

/* The lock that the kernel names is any of them, so look on both sides of it. */
int dr_turn_count_tickets(int fd, int64_t from, int64_t to)
{
    struct flock found;
    int count = 0;
    while ((to == 0 || from < to) && dr_lock_test(fd, F_RDLCK, from, to ? to - from : 0, &found) > 0) {
        if (found.l_start > from)
            count += dr_turn_count_tickets(fd, from, found.l_start);
        count++;
        if (found.l_len == 0)
            break;
        from = found.l_start + found.l_len;
    }
    return count;
}

int dr_turn_explains(int fd)
{
    struct flock found;
    if (dr_lock_test(fd, F_RDLCK, DR_TURN, 1, &found) <= 0)
        return 0;
    return dr_lock_test(fd, F_RDLCK, DR_LEVEL, 1, &found) == 0 ? 1 : -1;
}

/* ---- queueing ---- */

static duckrow_code take_ticket(duckrow_turn *turn, duckrow_error *error)
{
    uint64_t hint = 0;
    if (dr_read_at(turn->fd, &hint, sizeof hint, 8) < 0 || hint > (uint64_t)1 << 60)
        hint = 0;
    for (int64_t n = (int64_t)hint;;) {
        struct flock found;
        int taken = dr_lock_test(turn->fd, F_RDLCK, DR_TICKET + n, 0, &found);
        if (taken > 0) {
            n = found.l_start + found.l_len - DR_TICKET;
        } else if (taken == 0 && dr_lock_try(turn->fd, F_WRLCK, DR_TICKET + n, 1) == 0) {
            turn->ticket = n;
            hint = (uint64_t)n + 1;
            (void)!dr_write_at(turn->fd, &hint, sizeof hint, 8);
            return DUCKROW_OK;
        } else if (taken < 0 || errno != EAGAIN) {
            return dr_fail_os(error, errno, "cannot lock %s/turn", turn->db->folder);
        }
    }
}

static int wait_for(const duckrow_turn *turn, short type, int64_t start, int64_t length, int64_t deadline)
{
    return dr_lock_wait(turn->fd, type, start, length, deadline, &turn->db->interrupt);
}

/* ---- a hold beside a service ---- */

/* A service may have come since a hold has looked, so it looks again this often. */
enum { GLANCE_MS = 250, MOVING_MS = 10000 };

/* The first lower ticket that a hold has to wait for: -1: none. *served: there is a service. */
static int64_t before_hold(const duckrow_turn *turn, int *served)
{
    struct flock found;
    *served = dr_lock_test(turn->fd, F_RDLCK, DR_SERVE, 1, &found) > 0;
    for (int64_t at = DR_TICKET; (at = lowest_ticket(turn->fd, at, DR_TICKET + turn->ticket)) >= 0; at++) {
        struct record record;
        read_record(turn->fd, at - DR_TICKET, &record);
        if (!*served || is_kind(&record, "hold"))
            return at;
    }
    return -1;
}

/* Waits until there is a service, and no other hold before this one: 1; or nobody is before it: 0. -1 with errno. */
static int wait_as_hold(const duckrow_turn *turn, int64_t deadline)
{
    int served;
    for (int64_t at; (at = before_hold(turn, &served)) >= 0;) {
        int64_t soon = dr_clock_ms() + GLANCE_MS;
        if (wait_for(turn, F_RDLCK, at, 1, soon < deadline ? soon : deadline) == 0)
            dr_unlock(turn->fd, at, 1);
        else if (errno != ETIMEDOUT || dr_clock_ms() >= deadline)
            return -1;
    }
    return served;
}

/* Asks the service to step aside, and has the turn then. */
static int call(const duckrow_turn *turn, int64_t deadline)
{
    if (wait_for(turn, F_WRLCK, DR_CALL, 1, deadline) < 0)
        return -1;
    int result = wait_for(turn, F_WRLCK, DR_TURN, 2, deadline);
    dr_unlock(turn->fd, DR_CALL, 1);
    return result;
}

/* Waits until no lower ticket is out. 0, or -1 with errno. */
static int wait_for_lower(const duckrow_turn *turn, int64_t deadline)
{
    int64_t next = turn->ticket - 1;
    struct flock found;
    while (turn->ticket > 0) {
        int taken = dr_lock_test(turn->fd, F_RDLCK, DR_TICKET, turn->ticket, &found);
        if (taken <= 0)
            return taken;
        /* The one just before us first: then only one process wakes at a time. */
        int64_t start = next >= 0 ? DR_TICKET + next : found.l_start;
        if (wait_for(turn, F_RDLCK, start, 1, deadline) < 0)
            return -1;
        dr_unlock(turn->fd, start, 1);
        next = -1;
    }
    return 0;
}

/* ---- errors that name somebody ---- */

static duckrow_code busy(const duckrow_turn *turn, int64_t asked, duckrow_error *error)
{
    struct dr_queue queue;
    duckrow_process first = {0}; /* whoever it was may be gone by now */
    char who[DR_NAME_SIZE];
    dr_turn_look(turn->fd, &queue, &first, 1);
    /* A look never sees the looker's own locks. */
    queue.waiting += turn->ticket >= 0;
    double waited = (double)(dr_clock_ms() - asked) / 1000;
    if (queue.held && queue.shared) {
        dr_fail(error, DUCKROW_BUSY, "%s is busy: being read directly, without a snapshot; %d waiting; gave up after %.1f s",
                turn->db->path, queue.waiting, waited);
    } else if (queue.held) {
        double held = (double)(dr_calendar_ms() - queue.holder.since_at) / 1000;
        dr_fail(error, DUCKROW_BUSY, "%s is busy: held for %.1f s by %s to %s; %d waiting; gave up after %.1f s", turn->db->path,
                held > 0 ? held : 0, dr_process_name(&queue.holder, who), queue.holder.kind[0] ? queue.holder.kind : "write",
                queue.waiting, waited);
    } else {
        queue.holder = first;
        char state = first.pid ? dr_process_state(first.pid) : 0;
        dr_fail(error, DUCKROW_BUSY, "%s is busy: %s is first in the queue%s; %d waiting; gave up after %.1f s", turn->db->path,
                dr_process_name(&first, who), state == 'T' || state == 't' ? " and is stopped (kill -CONT it)" : "",
                queue.waiting, waited);
    }
    if (error) {
        error->holder = queue.holder;
        error->waiting = queue.waiting;
        error->waited_ms = dr_clock_ms() - asked;
    }
    return DUCKROW_BUSY;
}

/* Somebody else who has the file open. */
static void describe_other_user(const struct stat *st, duckrow_process *other)
{
    duckrow_process users[16];
    int count = dr_file_users(st, users, sizeof users / sizeof *users);
    for (int i = 0; i < count; i++)
        if (users[i].pid != getpid()) {
            *other = users[i];
            return;
        }
}

static duckrow_code busy_stranger(const duckrow_turn *turn, const struct flock *found, int64_t asked, duckrow_error *error)
{
    char who[DR_NAME_SIZE];
    struct stat st;
    duckrow_process stranger = {0};
    /* 0: the lock's owner lives in a pid namespace that can't be seen from here. -1: an OFD lock, which no DuckDB takes. */
    if (found->l_pid > 0)
        dr_process_describe(found->l_pid, &stranger);
    else if (found->l_pid < 0 && dr_os.fstat(turn->source->fd, &st) == 0)
        describe_other_user(&st, &stranger);
    snprintf(stranger.kind, sizeof stranger.kind, "stranger");
    int own = stranger.pid == getpid();
    dr_fail(error, DUCKROW_BUSY,
            own ? "%s is busy: this process (%s) itself has it open with plain DuckDB; gave up after %.1f s: close that "
                  "connection, or open it "
                  "with duckrow"
                : "%s is busy: %s has it open without duckrow; gave up after %.1f s",
            turn->db->path, dr_process_name(&stranger, who), (double)(dr_clock_ms() - asked) / 1000);
    if (error) {
        error->holder = stranger;
        error->waited_ms = dr_clock_ms() - asked;
    }
    return DUCKROW_BUSY;
}

static duckrow_code give_up(const duckrow_turn *turn, int reason, int64_t asked, duckrow_error *error)
{
    if (reason == ETIMEDOUT || reason == EAGAIN)
        return busy(turn, asked, error);
    if (reason == EINTR)
        return dr_fail(error, DUCKROW_INTERRUPTED, "interrupted while waiting for %s", turn->db->path);
    return dr_fail_os(error, reason, "cannot lock %s/turn", turn->db->folder);
}

/* ---- strangers ---- */

duckrow_code dr_turn_find_source(duckrow_turn *turn, duckrow_error *error)
{
    struct dr_source *source;
    duckrow_code code = dr_source_get(turn->db, &source, error);
    if (code)
        return code;
    if (source == turn->source) {
        dr_source_put(source);
        return DUCKROW_OK;
    }
    /* A new file, or another one at the same path: what we have locked is not it. */
    if (source && turn->guarded != F_UNLCK && dr_source_lock(source, turn->guarded) < 0) {
        dr_source_put(source);
        return dr_fail(error, DUCKROW_BUSY, "%s was replaced while this process had the turn, and somebody has opened it",
                       turn->db->path);
    }
    if (turn->source && turn->guarded != F_UNLCK)
        dr_source_unlock(turn->source, turn->guarded);
    dr_source_put(turn->source);
    turn->source = source;
    return DUCKROW_OK;
}

/* Made since the database was opened: the other name would have a queue of its own. */
static duckrow_code check_links(const duckrow_turn *turn, duckrow_error *error)
{
    struct stat st;
    return dr_os.fstat(turn->source->fd, &st) == 0 && st.st_nlink > 1 ? dr_db_fail_links(turn->db->path, &st, error) : DUCKROW_OK;
}

/* Waits until no program has the file open in a way that excludes ours, then locks it as DuckDB would, so that none comes.
 * The OFD lock in between is only for waiting: it conflicts with the POSIX locks of all processes, this one included. */
static duckrow_code keep_strangers_out(duckrow_turn *turn, int64_t asked, int64_t deadline, duckrow_error *error)
{
    short type = turn->mode == DUCKROW_EXCLUSIVE ? F_WRLCK : F_RDLCK;
    for (;;) {
        duckrow_code code = dr_turn_find_source(turn, error);
        if (code || !turn->source)
            return code;
        if (type == F_WRLCK && !turn->source->writable)
            return dr_fail(error, DUCKROW_PERMISSION, "%s cannot be written: permission denied", turn->db->path);
        int fd = turn->source->fd;
        struct flock found;
        int taken = turn->source->exclusive + turn->source->shared ? 0 : dr_lock_test(fd, type, 0, 0, &found);
        if (taken < 0)
            return dr_fail_os(error, errno, "cannot lock %s", turn->db->path);
        if (taken == 0 && dr_source_lock(turn->source, type) == 0) {
            turn->guarded = type;
            int same = is_at(fd, turn->db->path);
            if (same > 0)
                return check_links(turn, error);
            if (same < 0)
                return dr_fail_os(error, errno, "%s", turn->db->path);
            dr_source_unlock(turn->source, type);
            turn->guarded = F_UNLCK;
            continue;
        }
        if (taken == 0 && errno != EAGAIN)
            return dr_fail_os(error, errno, "cannot lock %s", turn->db->path);
        if (taken > 0 && dr_lock_wait(fd, type, 0, 0, deadline, &turn->db->interrupt) < 0) {
            if (errno != ETIMEDOUT)
                return give_up(turn, errno, asked, error);
            return busy_stranger(turn, &found, asked, error);
        }
        if (taken > 0)
            dr_unlock(fd, 0, 0);
    }
}

static uint64_t hash_of_headers(const duckrow_turn *turn)
{
    struct dr_header header;
    return turn->source && dr_header_read(turn->source->fd, &header, NULL) == DUCKROW_OK ? header.hash : 0;
}

/* What the file is that this turn begins with. */
static void note_headers(duckrow_turn *turn)
{
    struct dr_header header;
    int read = turn->source && dr_header_read(turn->source->fd, &header, NULL) == DUCKROW_OK;
    turn->found = read ? header.hash : 0;
    turn->iteration = read ? header.iteration : 0;
}

/* ---- taking ---- */

static duckrow_code take_locks(duckrow_turn *turn, int64_t asked, int64_t deadline, duckrow_error *error)
{
    duckrow_code code = take_ticket(turn, error);
    if (code)
        return code;
    write_record(turn, turn->ticket);
    int exclusive = turn->mode == DUCKROW_EXCLUSIVE, hold = exclusive && strcmp(turn->kind, "hold") == 0;
    int served = hold ? wait_as_hold(turn, deadline) : wait_for_lower(turn, deadline);
    if (served < 0)
        return give_up(turn, errno, asked, error);
    if ((served ? call(turn, deadline) : wait_for(turn, exclusive ? F_WRLCK : F_RDLCK, DR_TURN, exclusive ? 2 : 1, deadline)) < 0)
        return give_up(turn, errno, asked, error);
    if (exclusive) {
        if (strcmp(turn->kind, "serve") == 0)
            dr_lock_try(turn->fd, F_WRLCK, DR_SERVE, 1);
        write_record(turn, -1);
    } else {
        dr_unlock(turn->fd, DR_TICKET + turn->ticket, 1);
        turn->ticket = -1;
    }
    return DUCKROW_OK;
}

/* A reader without the right to write the folder cannot queue: it shares the turn when it is free. */
static duckrow_code share_without_queue(duckrow_turn *turn, int64_t asked, int64_t deadline, duckrow_error *error)
{
    if (turn->fd >= 0 && wait_for(turn, F_RDLCK, DR_TURN, 1, deadline) < 0)
        return give_up(turn, errno, asked, error);
    return DUCKROW_OK;
}

static void drop_locks(duckrow_turn *turn)
{
    if (turn->guarded != F_UNLCK)
        dr_source_unlock(turn->source, turn->guarded);
    turn->guarded = F_UNLCK;
    dr_source_put(turn->source);
    turn->source = NULL;
    if (turn->fd >= 0) {
        dr_unlock(turn->fd, DR_TURN, 4);
        if (turn->ticket >= 0)
            dr_unlock(turn->fd, DR_TICKET + turn->ticket, 1);
        dr_close(turn->fd);
    }
    turn->fd = -1;
    turn->ticket = -1;
}

static duckrow_code take(duckrow_turn *turn, int64_t asked, int64_t deadline, duckrow_error *error)
{
    for (;;) {
        duckrow_code code = dr_turn_open(turn->db, 1, &turn->fd, error);
        int queue = code == DUCKROW_OK;
        if (code == DUCKROW_PERMISSION && turn->mode == DUCKROW_SHARED)
            code = dr_turn_open(turn->db, 0, &turn->fd, error);
        if (code)
            return code;
        code = queue ? take_locks(turn, asked, deadline, error) : share_without_queue(turn, asked, deadline, error);
        if (code)
            return code;
        if (turn->fd < 0 || still_there(turn) > 0)
            return keep_strangers_out(turn, asked, deadline, error);
        drop_locks(turn);
    }
}

/* With all locks taken: is the file one to go on with, and the snapshot level with it? */
static duckrow_code begin(duckrow_turn *turn, const struct dr_config *config, duckrow_error *error)
{
    duckrow_code code = dr_publish_check_wal(turn, error);
    if (code)
        return code;
    note_headers(turn);
    if (turn->mode == DUCKROW_EXCLUSIVE && dr_publish_is_level(turn, config))
        dr_turn_set_level(turn);
    return DUCKROW_OK;
}

static int64_t deadline_of(int64_t asked, int64_t timeout_ms)
{
    return timeout_ms > INT64_MAX - asked ? INT64_MAX : asked + timeout_ms;
}

duckrow_code duckrow_turn_take(duckrow_db *db, duckrow_turn_mode mode, const char *kind, int64_t timeout_ms, duckrow_turn **taken,
                               duckrow_error *error)
{
    dr_error_clear(error);
    *taken = NULL;
    if (timeout_ms < 0)
        return dr_fail(error, DUCKROW_USAGE, "the timeout must be 0 or more, not %.3g s", (double)timeout_ms / 1000);
    duckrow_turn *turn = calloc(1, sizeof *turn);
    if (!turn)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    *turn = (duckrow_turn){.db = db, .mode = mode, .fd = -1, .ticket = -1, .guarded = F_UNLCK, .forks = dr_fork_count()};
    snprintf(turn->kind, sizeof turn->kind, "%s", kind);
    int64_t asked = dr_clock_ms();
    struct dr_config config;
    duckrow_code code = dr_config_read(db, &config, error);
    if (code == DUCKROW_OK)
        code = take(turn, asked, deadline_of(asked, timeout_ms), error);
    if (code == DUCKROW_OK)
        code = begin(turn, &config, error);
    if (code) {
        drop_locks(turn);
        free(turn);
        return code;
    }
    *taken = turn;
    return DUCKROW_OK;
}

/* ---- holding ---- */

/* Does the path still lead to the file that this turn guards? What is written to another one is lost with it. */
static duckrow_code check_file(const duckrow_turn *turn, duckrow_error *error)
{
    const char *path = turn->db->path;
    struct stat st;
    int same = turn->source ? is_at(turn->source->fd, path) : 1;
    if (same > 0)
        return DUCKROW_OK;
    if (same < 0)
        return dr_fail_os(error, errno, "%s", path);
    return dr_fail(error, DUCKROW_IO,
                   "%s was %s while this process had it open to write: what it has written is in the file that was there before; "
                   "close this connection and open a new one",
                   path, dr_os.stat(path, &st) < 0 ? "removed" : "replaced");
}

duckrow_code dr_turn_check(const duckrow_turn *turn, duckrow_error *error)
{
    duckrow_code code = check_file(turn, error);
    int there = code ? 1 : still_there(turn);
    if (there > 0)
        return code;
    if (there < 0)
        return dr_fail_os(error, errno, "%s/turn", turn->db->folder);
    return dr_fail(error, DUCKROW_STALE,
                   "%s was removed while this process had the turn; what is committed stays, and the next to open the database "
                   "makes the snapshot anew",
                   turn->db->folder);
}

duckrow_code dr_turn_check_header(const duckrow_turn *turn, const struct dr_header *header, duckrow_error *error)
{
    /* Only checkpoints of this turn's may have changed it, and they count up. */
    if (header->iteration > turn->iteration || (header->iteration == turn->iteration && header->hash == turn->found) ||
        turn->found == 0)
        return DUCKROW_OK;
    return dr_fail(error, DUCKROW_IO,
                   "%s was overwritten while this process had it open to write: put back what was there, or remove %s if what it "
                   "holds is not wanted",
                   turn->db->path, turn->db->wal);
}

void dr_turn_set_level(duckrow_turn *turn)
{
    if (!turn->level && turn->mode == DUCKROW_EXCLUSIVE)
        dr_unlock(turn->fd, DR_LEVEL, 1);
    turn->level = 1;
}

int duckrow_turn_level(const duckrow_turn *turn)
{
    return turn->level;
}

duckrow_code duckrow_turn_guard(duckrow_turn *turn, duckrow_error *error)
{
    dr_error_clear(error);
    duckrow_code code = dr_check_fork(turn->forks, error);
    if (code || turn->mode == DUCKROW_SHARED || (code = check_file(turn, error)))
        return code;
    if (!turn->source && (code = dr_turn_find_source(turn, error)))
        return code;
    if (!turn->source)
        return DUCKROW_OK;
    /* A file that DuckDB has just made is locked for the first time here. */
    int result = turn->guarded == F_UNLCK ? dr_source_lock(turn->source, F_WRLCK) : dr_posix_lock_try(turn->source->fd, F_WRLCK);
    if (result == 0) {
        turn->guarded = F_WRLCK;
        return DUCKROW_OK;
    }
    struct flock found = {0};
    dr_lock_test(turn->source->fd, F_WRLCK, 0, 0, &found);
    return busy_stranger(turn, &found, dr_clock_ms(), error);
}

duckrow_code duckrow_turn_lend(duckrow_turn *turn, duckrow_error *error)
{
    dr_error_clear(error);
    free(turn->seen);
    turn->seen = NULL;
    duckrow_code code = dr_check_fork(turn->forks, error);
    if (code == DUCKROW_OK && turn->guarded != F_UNLCK) {
        dr_source_unlock(turn->source, turn->guarded);
        turn->guarded = F_UNLCK;
    }
    return code;
}

duckrow_code duckrow_turn_reclaim(duckrow_turn *turn, int64_t timeout_ms, duckrow_error *error)
{
    dr_error_clear(error);
    duckrow_code code = dr_check_fork(turn->forks, error);
    if (code || turn->guarded != F_UNLCK)
        return code;
    int64_t now = dr_clock_ms();
    code = keep_strangers_out(turn, now, now + timeout_ms, error);
    note_headers(turn);
    return code;
}

int duckrow_turn_moved(duckrow_turn *turn)
{
    return turn->found && turn->found != hash_of_headers(turn);
}

int duckrow_turn_open_files(duckrow_turn *turn)
{
    struct stat st;
    if (turn->forks != dr_fork_count() || !turn->source || dr_os.fstat(turn->source->fd, &st) < 0)
        return 0;
    return dr_open_descriptors(&st, turn->source->fd);
}

int duckrow_turn_wanted(const duckrow_turn *turn)
{
    if (turn->fd < 0 || turn->forks != dr_fork_count())
        return 0;
    return dr_turn_count_tickets(turn->fd, DR_TICKET + turn->ticket + 1, 0);
}

/* ---- stepping aside ---- */

int dr_turn_called(const duckrow_turn *turn)
{
    struct flock found;
    return dr_lock_test(turn->fd, F_RDLCK, DR_CALL, 1, &found) > 0;
}

int dr_turn_caller(const duckrow_turn *turn, duckrow_process *caller)
{
    for (int64_t at = DR_TICKET; (at = lowest_ticket(turn->fd, at, 0)) >= 0; at++) {
        struct record record;
        if (read_record(turn->fd, at - DR_TICKET, &record) && is_kind(&record, "hold")) {
            *caller = seen_from_here(&record);
            return 1;
        }
    }
    return 0;
}

/* The hold that is next gets no farther. */
static int is_stopped(const duckrow_turn *turn)
{
    duckrow_process caller;
    char state = dr_turn_caller(turn, &caller) && caller.pid ? dr_process_state(caller.pid) : 0;
    return state == 'T' || state == 't';
}

duckrow_code dr_turn_step_aside(duckrow_turn *turn, duckrow_error *error)
{
    duckrow_code code = duckrow_turn_lend(turn, error);
    if (code)
        return code;
    dr_source_put(turn->source);
    turn->source = NULL;
    turn->level = 0;
    turn->aside = 1;
    write_record(turn, turn->ticket);
    dr_unlock(turn->fd, DR_TURN, 2);
    /* Who lets go of TURN and asks for it again would have it before the other wakes. */
    int64_t asked = dr_clock_ms();
    while (wait_for(turn, F_RDLCK, DR_CALL, 1, dr_clock_ms() + GLANCE_MS) < 0) {
        int reason = errno;
        if (reason != ETIMEDOUT || dr_clock_ms() - asked >= MOVING_MS || is_stopped(turn))
            return give_up(turn, reason, asked, error);
    }
    dr_unlock(turn->fd, DR_CALL, 1);
    return DUCKROW_OK;
}

/* TURN, by the ticket that was kept; where the folder is another one, by a new ticket. */
static duckrow_code take_back(duckrow_turn *turn, int64_t asked, int64_t deadline, duckrow_error *error)
{
    if (turn->ticket >= 0) {
        if (wait_for(turn, F_WRLCK, DR_TURN, 2, deadline) < 0)
            return give_up(turn, errno, asked, error);
        if (still_there(turn) > 0) {
            turn->aside = 0;
            write_record(turn, -1);
            return DUCKROW_OK;
        }
    }
    drop_locks(turn);
    duckrow_code code = take(turn, asked, deadline, error);
    if (code)
        drop_locks(turn);
    turn->aside = code != DUCKROW_OK;
    return code;
}

duckrow_code dr_turn_come_back(duckrow_turn *turn, int64_t timeout_ms, duckrow_error *error)
{
    dr_error_clear(error);
    int64_t asked = dr_clock_ms(), deadline = deadline_of(asked, timeout_ms);
    struct dr_config config;
    duckrow_code code = dr_check_fork(turn->forks, error);
    if (!code && turn->aside)
        code = take_back(turn, asked, deadline, error);
    if (!code && turn->guarded == F_UNLCK)
        code = keep_strangers_out(turn, asked, deadline, error);
    if (!code)
        code = dr_config_read(turn->db, &config, error);
    return code ? code : begin(turn, &config, error);
}

int dr_turn_holder(const duckrow_turn *turn, duckrow_process *holder)
{
    struct dr_queue queue = {0};
    if (turn->fd >= 0)
        dr_turn_look(turn->fd, &queue, NULL, 0);
    *holder = queue.holder;
    return queue.held && !queue.shared;
}

void duckrow_turn_release(duckrow_turn *turn)
{
    if (!turn)
        return;
    if (turn->forks == dr_fork_count())
        drop_locks(turn);
    free(turn->seen);
    free(turn);
}
