/* Text for a terminal: how wide it is, and what of it may be shown. */
#ifndef DR_WIDTH_H
#define DR_WIDTH_H

#include <stddef.h>

/* Reads one character of UTF-8; returns how many bytes it has (1 for a byte that isn't UTF-8) and how many columns it takes, -1
 * for one that must not reach a terminal as it is. length > 0. */
size_t dr_width_next(const char *text, size_t length, int *columns);

/* text with control characters as \n, \t, \x1b, …, allocated; *columns: how wide it is. NULL: out of memory. */
char *dr_width_visible(const char *text, size_t length, size_t *columns);

#endif
