/* Types of the Arrow C data interface, and how they are said in an Arrow IPC schema. */
#ifndef DR_ARROW_TYPE_H
#define DR_ARROW_TYPE_H

#include "engine/functions.h"
#include "flatbuffer.h"

/* How an array of some type lies in memory. */
enum dr_arrow_layout {
    DR_ARROW_NONE,       /* no buffers */
    DR_ARROW_FIXED,      /* validity, values of `width` bytes */
    DR_ARROW_BITS,       /* validity, a bit for each value */
    DR_ARROW_BINARY,     /* validity, offsets of `width` bytes, bytes */
    DR_ARROW_VIEW,       /* validity, views of 16 bytes, any number of buffers; the C interface adds one with their sizes */
    DR_ARROW_LIST,       /* validity, offsets of `width` bytes; one child */
    DR_ARROW_LIST_VIEW,  /* validity, offsets and sizes of `width` bytes; one child */
    DR_ARROW_CHILDREN,   /* validity; any number of children */
    DR_ARROW_SPARSE,     /* union: type ids of one byte; children */
    DR_ARROW_DENSE,      /* union: type ids of one byte, offsets of four; children */
    DR_ARROW_RUNS,       /* no buffers; two children */
};

struct dr_arrow_type {
    enum dr_arrow_layout layout;
    size_t width;
};

/* 0, or -1 for a format that isn't known. */
int dr_arrow_type_of(const char *format, struct dr_arrow_type *type);

/* Writes the schema as the header of a message, and returns its place; 0 with *unknown set to a format that isn't known.
 * A dictionary's id is its number in the schema, depth first. */
dr_flat_place dr_arrow_write_schema(struct dr_flat *flat, const struct ArrowSchema *schema, const char **unknown);

#endif
