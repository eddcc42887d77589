/* Bytes that grow at the end and are used up at the start: what came in, what goes out. A failed allocation is remembered in
 * `failed`, and what is added after it is dropped, so that writers need to look only once, at the end. */
#ifndef DR_BUFFER_H
#define DR_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct dr_buffer {
    unsigned char *bytes;
    size_t start, end, capacity; /* what is held: bytes[start] to bytes[end - 1] */
    int failed;
};

void dr_buffer_free(struct dr_buffer *buffer);
/* Empties it; keeps up to `keep` bytes of memory. */
void dr_buffer_reset(struct dr_buffer *buffer, size_t keep);
static inline size_t dr_buffer_size(const struct dr_buffer *buffer)
{
    return buffer->end - buffer->start;
}
/* Room for `size` more bytes behind the end; NULL, and failed, where there is no memory. The caller moves `end`. */
unsigned char *dr_buffer_reserve(struct dr_buffer *buffer, size_t size);
void dr_buffer_add(struct dr_buffer *buffer, const void *bytes, size_t size);
void dr_buffer_text(struct dr_buffer *buffer, const char *text); /* without the 0 */
void dr_buffer_format(struct dr_buffer *buffer, const char *format, ...) DR_PRINTF(2, 3);
/* In network byte order. */
void dr_buffer_u8(struct dr_buffer *buffer, uint8_t number);
void dr_buffer_u16(struct dr_buffer *buffer, uint16_t number);
void dr_buffer_u32(struct dr_buffer *buffer, uint32_t number);
void dr_buffer_u64(struct dr_buffer *buffer, uint64_t number);
/* Leaves four bytes for a length and returns where they are, counted from bytes[start]; put fills in what was added since,
 * counted with (`itself` = 4) or without (0) the four. */
size_t dr_buffer_length_begin(struct dr_buffer *buffer);
void dr_buffer_length_end(struct dr_buffer *buffer, size_t at, size_t itself);
/* `size` bytes at the start have been used. */
void dr_buffer_use(struct dr_buffer *buffer, size_t size);

#endif
