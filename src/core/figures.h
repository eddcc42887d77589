/* What a service says of itself, for who looks from outside: numbers with names, in <database>.duckrow/figures, which it writes anew
 * every second. So nobody who looks depends on an answer of it: it may be stopped, or not let him in.
 *
 *     at 1764086400123
 *     sessions 3
 *     …
 *     check 9ae16a3b2f90404f
 *
 * The file is written in place, as a new one each second would cost the disk; the last line is a hash of the lines before it, so that
 * whoever reads while it is being written sees that. */
#ifndef DR_FIGURES_H
#define DR_FIGURES_H

#include "db.h"

/* Creates or opens the file to write to; -1 and errno. */
int dr_figures_open(const duckrow_db *db);
/* Errors are lost: the figures are older then, which is seen. */
void dr_figures_write(int fd, const duckrow_figure *figures, int count);
void dr_figures_remove(const duckrow_db *db);
/* How many were read; 0: none can be. */
int dr_figures_read(const duckrow_db *db, duckrow_figure *figures, int most);
/* The value of that name; -1: there is none. */
int64_t dr_figure_of(const duckrow_figure *figures, int count, const char *name);

#endif
