/* SQL that makes a value of the text that the service sends of it, in result format 2 (service/types.h).
 *
 * A scalar is cast. Casts from text to nested types lose brackets and quotes in DuckDB 1.5, so a nested value travels as text of a
 * simpler type, its carrier: strings within are hexadecimal digits, a STRUCT has fields f0, f1, …, a MAP is {k: [], v: []}, a UNION
 * {t: which, f0: …, f1: …}. */
#ifndef DR_REMOTE_TYPES_H
#define DR_REMOTE_TYPES_H

/* type: as the service names it; NULL: VARCHAR. value: an expression. Allocated; NULL: out of memory, or the type is not understood. */
char *dr_remote_expression(const char *type, const char *value);

#endif
