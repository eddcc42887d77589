#include "flatbuffer.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "FlatBuffers are little-endian");

/* Makes room for size bytes in front of what is written, and returns it. */
static uint8_t *push(struct dr_flat *flat, size_t size)
{
    static uint8_t nowhere[8];
    if (flat->failed)
        return size <= sizeof nowhere ? nowhere : NULL;
    if (size >= flat->room - flat->used) {
        size_t room = 2 * flat->room + size + 1024;
        uint8_t *memory = room < UINT32_MAX / 2 ? malloc(room) : NULL;
        if (!memory) {
            flat->failed = 1;
            return size <= sizeof nowhere ? nowhere : NULL;
        }
        if (flat->used)
            memcpy(memory + room - flat->used, flat->memory + flat->room - flat->used, flat->used);
        free(flat->memory);
        flat->memory = memory;
        flat->room = room;
    }
    flat->used += size;
    return flat->memory + flat->room - flat->used;
}

/* Fills up so that what is written next, `before` bytes and then something aligned, comes to stand right. */
static void align_to(struct dr_flat *flat, size_t before, size_t align)
{
    while (!flat->failed && (flat->used + before) % align)
        *push(flat, 1) = 0;
}

static dr_flat_place put_u32(struct dr_flat *flat, uint32_t value)
{
    memcpy(push(flat, 4), &value, 4);
    return (dr_flat_place)flat->used;
}

/* A reference is the distance from itself to its target. */
static void put_reference(struct dr_flat *flat, dr_flat_place place)
{
    put_u32(flat, (uint32_t)flat->used + 4 - place);
}

dr_flat_place dr_flat_vector(struct dr_flat *flat, const void *elements, size_t size, size_t count, size_t align)
{
    align_to(flat, size * count, align < 4 ? 4 : align);
    uint8_t *to = push(flat, size * count);
    if (to && !flat->failed && count)
        memcpy(to, elements, size * count);
    return put_u32(flat, (uint32_t)count);
}

dr_flat_place dr_flat_string(struct dr_flat *flat, const char *text, size_t length)
{
    align_to(flat, length + 1, 4);
    *push(flat, 1) = 0;
    uint8_t *to = push(flat, length);
    if (to && !flat->failed && length)
        memcpy(to, text, length);
    return put_u32(flat, (uint32_t)length);
}

dr_flat_place dr_flat_references(struct dr_flat *flat, const dr_flat_place *places, size_t count)
{
    align_to(flat, 4 * count, 4);
    for (size_t i = count; i-- > 0;)
        put_reference(flat, places[i]);
    return put_u32(flat, (uint32_t)count);
}

void dr_flat_open(struct dr_flat *flat)
{
    memset(flat->slots, 0, sizeof flat->slots);
    flat->table_end = (dr_flat_place)flat->used;
}

void dr_flat_scalar(struct dr_flat *flat, int slot, int64_t value, size_t size)
{
    align_to(flat, size, size);
    memcpy(push(flat, size), &value, size);
    flat->slots[slot] = (dr_flat_place)flat->used;
}

void dr_flat_reference(struct dr_flat *flat, int slot, dr_flat_place place)
{
    if (!place)
        return;
    align_to(flat, 4, 4);
    put_reference(flat, place);
    flat->slots[slot] = (dr_flat_place)flat->used;
}

dr_flat_place dr_flat_close(struct dr_flat *flat)
{
    align_to(flat, 4, 4);
    dr_flat_place table = put_u32(flat, 0);
    int count = DR_FLAT_SLOTS;
    while (count && !flat->slots[count - 1])
        count--;
    /* The vtable comes right before its table: its size, the table's size, then each slot's distance from the table's start. */
    if (count % 2)
        memcpy(push(flat, 2), &(uint16_t){0}, 2);
    for (int i = count; i-- > 0;) {
        uint16_t distance = flat->slots[i] ? (uint16_t)(table - flat->slots[i]) : 0;
        memcpy(push(flat, 2), &distance, 2);
    }
    uint16_t sizes[2] = {(uint16_t)(4 + 2 * count), (uint16_t)(table - flat->table_end)};
    memcpy(push(flat, 4), sizes, 4);
    int32_t back = (int32_t)(flat->used - table);
    if (!flat->failed)
        memcpy(flat->memory + flat->room - table, &back, 4);
    return table;
}

const uint8_t *dr_flat_finish(struct dr_flat *flat, dr_flat_place root, size_t *size)
{
    align_to(flat, 4, 8);
    put_reference(flat, root);
    *size = flat->used;
    return flat->failed ? NULL : flat->memory + flat->room - flat->used;
}

void dr_flat_reset(struct dr_flat *flat)
{
    flat->used = 0;
    flat->failed = 0;
}

void dr_flat_free(struct dr_flat *flat)
{
    free(flat->memory);
    memset(flat, 0, sizeof *flat);
}
