#include "suspects.h"

#include <stdio.h>
#include <string.h>

enum { OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23 };

/* Key "a: 1, b: x", or, of rows that clash with each other, duplicate key "1, x". Values may hold anything; where a part can't be told
 * from the next the key is not found anywhere, and the group is halved instead. */
int dr_key_parse(const char *message, struct dr_key *key)
{
    int named = !strstr(message, "violation: duplicate key \"");
    key->parts = 0;
    const char *at = strstr(message, "key \"");
    const char *end = at ? strrchr(at + 5, '"') : NULL;
    if (!at || !end || end < at + 5)
        return 0;
    for (at += 5; key->parts < DR_KEY_PARTS;) {
        const char *value = named ? strstr(at, ": ") : at;
        if (!value || value >= end + !named)
            return 0;
        value += named ? 2 : 0;
        const char *next = strstr(value, ", "), *stop = next && next < end ? next : end;
        if ((size_t)(stop - value) >= sizeof key->part[0])
            return 0;
        snprintf(key->part[key->parts++], sizeof key->part[0], "%.*s", (int)(stop - value), value);
        if (stop == end)
            return key->parts;
        at = stop + 2;
    }
    return key->parts;
}

static int64_t integer(const struct dr_parameter *parameter)
{
    uint64_t number = parameter->bytes[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < parameter->size; i++)
        number = number << 8 | parameter->bytes[i];
    return (int64_t)number;
}

/* -1: a binary value whose text isn't known here. */
static int is_text(const struct dr_parameter *parameter, const char *text)
{
    char number[32];
    if (!parameter->bytes)
        return 0;
    if (!parameter->binary)
        return parameter->size == strlen(text) && memcmp(parameter->bytes, text, parameter->size) == 0;
    if (parameter->oid != OID_INT2 && parameter->oid != OID_INT4 && parameter->oid != OID_INT8)
        return -1;
    snprintf(number, sizeof number, "%lld", (long long)integer(parameter));
    return strcmp(number, text) == 0;
}

static int has_constants(const struct dr_shape *shape)
{
    for (int i = 0; i < shape->columns; i++)
        if (shape->constant[i])
            return 1;
    return 0;
}

/* A part that no parameter has may be a constant's. */
static int operation_has_key(const struct dr_unit *unit, const struct dr_operation *operation, const struct dr_key *key)
{
    int constants = has_constants(operation->statement->shape), some = 0;
    for (int part = 0; part < key->parts; part++) {
        size_t at = operation->parameters;
        int found = 0;
        for (int i = 0; i < operation->statement->parameters && !found; i++) {
            struct dr_parameter parameter = dr_unit_parameter(unit, &at);
            found = is_text(&parameter, key->part[part]) != 0;
        }
        if (!found && !constants)
            return 0;
        some |= found;
    }
    return some;
}

int dr_unit_has_key(const struct dr_unit *unit, const struct dr_key *key)
{
    for (int i = 0; i < unit->operations; i++)
        if (!unit->operation[i].statement->shape || operation_has_key(unit, &unit->operation[i], key))
            return 1;
    return 0;
}
