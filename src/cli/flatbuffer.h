/* A small writer of FlatBuffers (https://flatbuffers.dev/internals), enough for the messages of Arrow.
 *
 * A buffer is built from its end to its start: children first, then what refers to them. What is written is known by its place,
 * counted from the end, so places stay right while the buffer grows; 0 is no place. One table is open at a time. Running out of
 * memory is remembered in `failed` and reported once, by dr_flat_finish. */
#ifndef DR_FLATBUFFER_H
#define DR_FLATBUFFER_H

#include <stddef.h>
#include <stdint.h>

enum { DR_FLAT_SLOTS = 8 };
typedef uint32_t dr_flat_place;

struct dr_flat {
    uint8_t *memory;
    size_t room, used; /* used: bytes at the end of memory */
    int failed;
    dr_flat_place slots[DR_FLAT_SLOTS], table_end; /* of the open table */
};

/* A vector of count elements of `size` bytes each, aligned to `align`. */
dr_flat_place dr_flat_vector(struct dr_flat *flat, const void *elements, size_t size, size_t count, size_t align);
dr_flat_place dr_flat_string(struct dr_flat *flat, const char *text, size_t length);
dr_flat_place dr_flat_references(struct dr_flat *flat, const dr_flat_place *places, size_t count);

void dr_flat_open(struct dr_flat *flat);
/* A scalar of 1, 2, 4 or 8 bytes. */
void dr_flat_scalar(struct dr_flat *flat, int slot, int64_t value, size_t size);
/* Nothing for place 0. */
void dr_flat_reference(struct dr_flat *flat, int slot, dr_flat_place place);
dr_flat_place dr_flat_close(struct dr_flat *flat);

/* Ends the buffer with its root. The bytes stay the writer's; NULL: out of memory. */
const uint8_t *dr_flat_finish(struct dr_flat *flat, dr_flat_place root, size_t *size);
/* Begins another buffer in the same memory. */
void dr_flat_reset(struct dr_flat *flat);
void dr_flat_free(struct dr_flat *flat);

#endif
