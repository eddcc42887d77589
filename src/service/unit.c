#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlstate.h"
#include "wire.h"

enum { KEEP_OPERATIONS = 16, KEEP_BYTES = 4096, MOST_OPERATIONS = 10000, MOST_BYTES = 8 << 20 };

void dr_unit_reset(struct dr_unit *unit)
{
    for (int i = 0; i < unit->operations; i++)
        dr_statement_put(unit->operation[i].statement);
    if (unit->capacity > KEEP_OPERATIONS) {
        free(unit->operation);
        unit->operation = NULL;
        unit->capacity = 0;
    }
    dr_buffer_reset(&unit->values, KEEP_BYTES);
    dr_buffer_reset(&unit->fixed, KEEP_BYTES);
    dr_buffer_reset(&unit->rows, 0);
    unit->operations = 0;
    unit->weight = 0;
    unit->database = -1;
    unit->plain = 1;
    unit->schema = 0;
    unit->failed = -1;
    unit->next = NULL;
}

void dr_unit_free(struct dr_unit *unit)
{
    dr_unit_reset(unit);
    free(unit->operation);
    dr_buffer_free(&unit->values);
    dr_buffer_free(&unit->fixed);
    dr_buffer_free(&unit->rows);
}

int dr_unit_is_long(const struct dr_unit *unit)
{
    return unit->operations >= MOST_OPERATIONS || dr_buffer_size(&unit->values) >= MOST_BYTES;
}

struct dr_operation *dr_unit_add(struct dr_unit *unit, struct dr_statement *statement)
{
    if (unit->operations == unit->capacity) {
        int capacity = unit->capacity ? 2 * unit->capacity : 4;
        struct dr_operation *grown = realloc(unit->operation, (size_t)capacity * sizeof *grown);
        if (!grown) {
            dr_statement_put(statement);
            return NULL;
        }
        unit->operation = grown;
        unit->capacity = capacity;
    }
    struct dr_operation *before = unit->operations ? &unit->operation[unit->operations - 1] : NULL;
    struct dr_operation *operation = &unit->operation[unit->operations++];
    *operation = (struct dr_operation){.statement = statement,
                                       .parameters = dr_buffer_size(&unit->values),
                                       .fixed = before ? before->fixed_end : 0,
                                       .fixed_end = dr_buffer_size(&unit->fixed)};
    int database = statement->kind == DR_KIND_WRITE ? statement->database : -1;
    unit->database = before && unit->database != database ? -1 : database;
    unit->plain &= statement->shape != NULL;
    unit->schema |= statement->kind == DR_KIND_SCHEMA || statement->kind == DR_KIND_LOCAL;
    unit->weight++;
    return operation;
}

/* A format (u8), a type's oid (u32), a size (u32, its largest for NULL), the bytes. */
enum { HEAD = 9 };

void dr_unit_put_parameter(struct dr_unit *unit, const struct dr_parameter *parameter)
{
    unsigned char *to = dr_buffer_reserve(&unit->values, HEAD + parameter->size);
    uint32_t size = parameter->bytes ? (uint32_t)parameter->size : UINT32_MAX;
    if (!to)
        return;
    to[0] = (unsigned char)parameter->binary;
    memcpy(to + 1, &parameter->oid, 4);
    memcpy(to + 5, &size, 4);
    if (parameter->bytes && parameter->size)
        memcpy(to + HEAD, parameter->bytes, parameter->size);
    unit->values.end += HEAD + (parameter->bytes ? parameter->size : 0);
}

struct dr_parameter dr_unit_parameter(const struct dr_unit *unit, size_t *at)
{
    const unsigned char *from = unit->values.bytes + unit->values.start + *at;
    struct dr_parameter parameter = {.binary = from[0]};
    uint32_t size;
    memcpy(&parameter.oid, from + 1, 4);
    memcpy(&size, from + 5, 4);
    *at += HEAD;
    if (size != UINT32_MAX) {
        parameter.bytes = from + HEAD;
        parameter.size = size;
        *at += size;
    }
    return parameter;
}

void dr_complete_tag(const struct dr_statement *statement, int64_t count, char tag[64])
{
    if (statement->kind == DR_KIND_READ || statement->kind == DR_KIND_WRITE || (count && strcmp(statement->tag, "COPY") == 0))
        snprintf(tag, 64, "%s %lld", statement->tag, (long long)count);
    else if (count && strcmp(statement->tag, "CREATE TABLE") == 0) /* … AS */
        snprintf(tag, 64, "SELECT %lld", (long long)count);
    else
        snprintf(tag, 64, "%s", statement->tag);
}

static void add(struct dr_buffer *out, const struct dr_buffer *from, size_t start, size_t end)
{
    if (end > start)
        dr_buffer_add(out, from->bytes + from->start + start, end - start);
}

void dr_unit_answer(const struct dr_unit *unit, struct dr_buffer *out)
{
    int end = unit->failed < 0 ? unit->operations : unit->failed;
    size_t fixed = 0;
    for (int i = 0; i < end; i++) {
        const struct dr_operation *operation = &unit->operation[i];
        char tag[64];
        add(out, &unit->fixed, operation->fixed, operation->fixed_end);
        add(out, &unit->rows, operation->rows, operation->rows_end);
        /* A COMMIT that failed is told as the last one's failure: drivers expect one answer to each. */
        if (!operation->silent && !(unit->failed == unit->operations && i == end - 1)) {
            dr_complete_tag(operation->statement, operation->count, tag);
            dr_message_complete(out, tag);
        }
        fixed = operation->fixed_end;
    }
    if (unit->failed < 0) {
        add(out, &unit->fixed, fixed, dr_buffer_size(&unit->fixed));
        return;
    }
    /* What Bind and Describe of the failed one were answered with comes before its error. */
    if (unit->failed < unit->operations)
        add(out, &unit->fixed, fixed, unit->operation[unit->failed].fixed_end);
    dr_message_report(out, 'E', "ERROR", dr_sqlstate(&unit->error), unit->error.message, NULL, NULL, 0);
}
