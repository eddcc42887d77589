/* Pieces of SQL text, allocated with malloc. */
#ifndef DR_SQLTEXT_H
#define DR_SQLTEXT_H

#include "core/error.h"

/* text in quotes, those inside it doubled: ' makes a string, " a name. NULL: out of memory. */
char *dr_sql_quote(const char *text, char quote);
char *dr_sql_format(const char *format, ...) DR_PRINTF(1, 2);

#endif
