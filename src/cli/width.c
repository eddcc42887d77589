#include "width.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct range {
    uint32_t first, last;
};

/* Characters that combine with the one before, and those that join or steer. */
static const struct range zero[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},
                                    {0x64b, 0x65f},   {0x900, 0x902},   {0xe31, 0xe31},   {0xe34, 0xe3a},
                                    {0xe47, 0xe4e},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200d},
                                    {0x20d0, 0x20f0}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef}};
/* East Asian wide ones and emoji. */
static const struct range wide[] = {
    {0x1100, 0x115f}, {0x231a, 0x231b}, {0x23e9, 0x23ec},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
    {0x4e00, 0x9fff}, {0xa000, 0xa4cf}, {0xa960, 0xa97c},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
    {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
/* What turns the direction of writing, by which one value could pass for another. */
static const struct range hidden[] = {{0x7f, 0x9f}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff}};

#define IN(ranges, code) in(ranges, sizeof(ranges) / sizeof *(ranges), code)
static int in(const struct range *ranges, size_t count, uint32_t code)
{
    for (size_t i = 0; i < count; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return 1;
    return 0;
}

size_t dr_width_next(const char *text, size_t length, int *columns)
{
    unsigned char first = (unsigned char)text[0];
    size_t bytes = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    uint32_t code = bytes == 1 ? first : bytes ? first & (0x7fu >> bytes) : 0;
    for (size_t i = 1; i < bytes; i++) {
        if (i >= length || ((unsigned char)text[i] & 0xc0) != 0x80) {
            bytes = 0;
            break;
        }
        code = code << 6 | ((unsigned char)text[i] & 0x3f);
    }
    if (!bytes || code < ' ' || (code >= 0x7f && IN(hidden, code)))
        *columns = -1;
    else
        *columns = code < 0x300 ? 1 : IN(zero, code) ? 0 : IN(wide, code) ? 2 : 1;
    return bytes ? bytes : 1;
}

char *dr_width_visible(const char *text, size_t length, size_t *columns)
{
    /* At most four characters for a byte: \x1b. */
    char *visible = malloc(4 * length + 1), *to = visible;
    *columns = 0;
    if (!visible)
        return NULL;
    while (length) {
        int width;
        size_t bytes = dr_width_next(text, length, &width);
        for (size_t i = 0; i < bytes; i++) {
            unsigned char byte = (unsigned char)text[i];
            if (width >= 0)
                *to++ = (char)byte;
            else if (byte == '\n' || byte == '\t' || byte == '\r')
                to += sprintf(to, "\\%c", byte == '\n' ? 'n' : byte == '\t' ? 't' : 'r');
            else
                to += sprintf(to, "\\x%02x", byte);
        }
        if (width >= 0)
            *columns += (size_t)width;
        else
            *columns += bytes > 1 ? 4 * bytes : *text == '\n' || *text == '\t' || *text == '\r' ? 2 : 4;
        text += bytes;
        length -= bytes;
    }
    *to = 0;
    return visible;
}
