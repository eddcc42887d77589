/* The turn: a fair, timed, crash-safe queue for the right to open a database file.
 *
 * One file, <database>.duckrow/turn, holds records for people to read and is what is locked. Locks are OFD write locks on bytes
 * far behind its end, so that a process that dies gives up its place at once, whatever the file says:
 *
 *     TURN          held by whoever has the turn: write lock = exclusive, read lock = shared
 *     LEVEL         held together with an exclusive TURN until the snapshot is as new as what the holder found
 *     CALL          held by the hold that is next, while it waits for a service to step aside
 *     SERVE         held by a service from when it has the turn until it gives it up, while it has stepped aside too
 *     TICKET + n    held by whoever has ticket n, from queueing until the turn is given up (exclusive) or got (shared)
 *
 * To queue: read the hint at byte 8, go to the first n from there with no ticket at n or above, and take TICKET + n without
 * waiting; if that fails somebody was faster, so look again. Then write n + 1 as the hint. The hint only saves looking: if it is
 * wrong or two processes write it in the wrong order, the look repairs it.
 *
 * To wait: block in the kernel for a read lock on TICKET + n - 1, which its owner gives up last. One process wakes per turn. If
 * lower tickets are still out (that one gave up waiting), block on one of those. With none left, lock TURN, which is free by then
 * unless readers share it. TURN alone keeps holders apart; the tickets only keep order. So a ticket taken late, below one that
 * is out already, costs fairness once and nothing else.
 *
 * To give up: unlock TURN, then the ticket.
 *
 * A service (kind "serve") has the turn for days, and steps aside for who wants to hold the file (kind "hold"), and for nobody else.
 * A hold that finds SERVE locked waits for no ticket, other holds' before its own excepted; it locks CALL, waits for TURN, and unlocks
 * CALL when it has that. A service that finds CALL locked gives up TURN, but not its ticket,
 * waits until CALL is free (the hold has TURN, or has gone), and then for TURN. As its ticket is the lowest all the while, nobody but
 * holds gets the file in between, and who is killed at any point leaves nothing behind.
 *
 * File: 0 "duckrow" and the format number, 8 the hint (u64, native order), then records of 512 bytes: number 1 is the holder's,
 * ticket n's is number 2 + n mod 126. A record counts only while its lock is held and its checksum fits. It says in which pid
 * namespace its pid is a number.
 *
 * Where the folder is removed under a holder, others make a new one, with another queue. They wait for the holder all the same,
 * for it has the POSIX lock on the database, and the holder publishes nothing any more. */
#ifndef DR_TURN_H
#define DR_TURN_H

#include "db.h"
#include "duckfile.h"

enum { DR_FORMAT = 1, DR_RECORD = 512, DR_RECORDS = 126 };
#define DR_TURN ((int64_t)1 << 40)
#define DR_LEVEL (DR_TURN + 1)
#define DR_CALL (DR_TURN + 2)
#define DR_SERVE (DR_TURN + 3)
#define DR_TICKET ((int64_t)1 << 41)

struct duckrow_turn {
    duckrow_db *db;
    duckrow_turn_mode mode;
    char kind[DUCKROW_KIND_SIZE];
    int fd;                   /* of the turn file; -1: a reader that may not write the folder and found no turn file */
    int64_t ticket;           /* -1: none */
    int level;
    int aside;                /* stepped: TURN is not held, the ticket is */
    short guarded;            /* the POSIX lock taken on the file: F_RDLCK, F_WRLCK, or F_UNLCK */
    struct dr_source *source; /* NULL while there is no file */
    uint64_t found;           /* hash of the headers when the turn was taken; 0: there were none */
    int64_t iteration;        /* theirs */
    unsigned forks;
    struct dr_ahead *ahead; /* ahead.h's; NULL: nothing is done ahead */
    struct dr_seen *seen; /* publish.c's, between a publish_begin and its end; NULL: nothing */
};

/* What a look at the lock file tells. */
struct dr_queue {
    int held, shared, level;
    duckrow_process holder; /* when held and not shared */
    int serves;             /* a service holds it, or has stepped aside for the holder */
    int waiting;
    int64_t first_ticket;   /* the lowest ticket that waits; -1 */
};

/* Opens the turn file (making folder and file when `make`). *fd is -1, with DUCKROW_OK, when there is none and !make. */
duckrow_code dr_turn_open(const duckrow_db *db, int make, int *fd, duckrow_error *error);
/* Fills in queue, and up to `most` of those waiting. */
void dr_turn_look(int fd, struct dr_queue *queue, duckrow_process *waiters, int most);
/* How many tickets are out from `from` on, before `to` (both bytes of the file; 0: all). */
int dr_turn_count_tickets(int fd, int64_t from, int64_t to);
/* Is the turn held by somebody whose snapshot is level? 1 yes; 0 nobody holds it; -1 its holder is not level yet. */
int dr_turn_explains(int fd);
void dr_turn_set_level(duckrow_turn *turn);
/* Does a hold ask this turn's holder to step aside? One fcntl call. */
int dr_turn_called(const duckrow_turn *turn);
/* Steps aside: with nothing of the file open. Returns when the hold has the turn, or has gone: OK; or doesn't move (it is stopped): BUSY.
 * Whatever is returned, dr_turn_come_back is next, or the release. */
duckrow_code dr_turn_step_aside(duckrow_turn *turn, duckrow_error *error);
/* Waits for the turn as duckrow_turn_take does, and begins it anew; may be called again after BUSY. The file may be another one. */
duckrow_code dr_turn_come_back(duckrow_turn *turn, int64_t timeout_ms, duckrow_error *error);
/* Who holds the turn that was stepped aside from; who asks for it: the first hold in the queue. 0: nobody. */
int dr_turn_caller(const duckrow_turn *turn, duckrow_process *caller);
int dr_turn_holder(const duckrow_turn *turn, duckrow_process *holder);
/* Are the file and the turn file still those that the turn was taken on? IO: what is written is not in the file at the path.
 * STALE: the folder was removed, and somebody may have a new one. */
duckrow_code dr_turn_check(const duckrow_turn *turn, duckrow_error *error);
/* IO where the file's content cannot have come about under this turn. */
duckrow_code dr_turn_check_header(const duckrow_turn *turn, const struct dr_header *header, duckrow_error *error);
/* Makes turn->source the file that the path names now, locked as before. */
duckrow_code dr_turn_find_source(duckrow_turn *turn, duckrow_error *error);

#endif
