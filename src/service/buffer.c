#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 256 };

void dr_buffer_free(struct dr_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct dr_buffer){0};
}

void dr_buffer_reset(struct dr_buffer *buffer, size_t keep)
{
    if (buffer->capacity > keep)
        dr_buffer_free(buffer);
    buffer->start = buffer->end = 0;
    buffer->failed = 0;
}

unsigned char *dr_buffer_reserve(struct dr_buffer *buffer, size_t size)
{
    if (buffer->failed)
        return NULL;
    if (buffer->capacity - buffer->end >= size && buffer->bytes)
        return buffer->bytes + buffer->end;
    size_t held = dr_buffer_size(buffer);
    if (buffer->start && buffer->capacity - held >= size && held <= buffer->capacity / 2) {
        memmove(buffer->bytes, buffer->bytes + buffer->start, held);
    } else {
        size_t capacity = buffer->capacity > SMALLEST ? buffer->capacity : SMALLEST;
        while (capacity - held < size) {
            if (capacity > SIZE_MAX / 2) {
                buffer->failed = 1;
                return NULL;
            }
            capacity *= 2;
        }
        unsigned char *bytes = malloc(capacity);
        if (!bytes) {
            buffer->failed = 1;
            return NULL;
        }
        if (held)
            memcpy(bytes, buffer->bytes + buffer->start, held);
        free(buffer->bytes);
        buffer->bytes = bytes;
        buffer->capacity = capacity;
    }
    buffer->start = 0;
    buffer->end = held;
    return buffer->bytes + held;
}

void dr_buffer_add(struct dr_buffer *buffer, const void *bytes, size_t size)
{
    unsigned char *to = dr_buffer_reserve(buffer, size);
    if (!to || !size)
        return;
    memcpy(to, bytes, size);
    buffer->end += size;
}

void dr_buffer_text(struct dr_buffer *buffer, const char *text)
{
    dr_buffer_add(buffer, text, strlen(text));
}

void dr_buffer_format(struct dr_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    unsigned char *to = length < 0 ? NULL : dr_buffer_reserve(buffer, (size_t)length + 1);
    if (!to) {
        buffer->failed = 1;
        return;
    }
    va_start(arguments, format);
    vsnprintf((char *)to, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->end += (size_t)length;
}

void dr_buffer_u8(struct dr_buffer *buffer, uint8_t number)
{
    dr_buffer_add(buffer, &number, 1);
}

static void add_number(struct dr_buffer *buffer, uint64_t number, int size)
{
    unsigned char bytes[8];
    for (int i = size; i-- > 0; number >>= 8)
        bytes[i] = (unsigned char)number;
    dr_buffer_add(buffer, bytes, (size_t)size);
}

void dr_buffer_u16(struct dr_buffer *buffer, uint16_t number)
{
    add_number(buffer, number, 2);
}

void dr_buffer_u32(struct dr_buffer *buffer, uint32_t number)
{
    add_number(buffer, number, 4);
}

void dr_buffer_u64(struct dr_buffer *buffer, uint64_t number)
{
    add_number(buffer, number, 8);
}

size_t dr_buffer_length_begin(struct dr_buffer *buffer)
{
    size_t at = dr_buffer_size(buffer);
    dr_buffer_u32(buffer, 0);
    return at;
}

void dr_buffer_length_end(struct dr_buffer *buffer, size_t at, size_t itself)
{
    if (buffer->failed)
        return;
    size_t length = dr_buffer_size(buffer) - at - 4 + itself;
    unsigned char *to = buffer->bytes + buffer->start + at;
    if (length > INT32_MAX) {
        buffer->failed = 1;
        return;
    }
    for (int i = 4; i-- > 0; length >>= 8)
        to[i] = (unsigned char)length;
}

void dr_buffer_use(struct dr_buffer *buffer, size_t size)
{
    buffer->start += size;
    if (buffer->start == buffer->end)
        buffer->start = buffer->end = 0;
}
