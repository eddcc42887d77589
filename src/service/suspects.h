/* Whose fault may it be that a group of units failed? */
#ifndef DR_SUSPECTS_H
#define DR_SUSPECTS_H

#include "unit.h"

/* The key that DuckDB's message about a constraint names, as text: Duplicate key "a: 1, b: x", or duplicate key "1, x" → "1", "x". */
enum { DR_KEY_PARTS = 16 };
struct dr_key {
    int parts;
    char part[DR_KEY_PARTS][128];
};
/* 0: the message names none. */
int dr_key_parse(const char *message, struct dr_key *key);
/* Has an operation of the unit all parts of the key among its parameters, or can't that be told? */
int dr_unit_has_key(const struct dr_unit *unit, const struct dr_key *key);

#endif
