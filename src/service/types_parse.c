/* Parsers of numbers, identifiers and bytes. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "types_private.h"

static int is_digit(unsigned char byte)
{
    return byte >= '0' && byte <= '9';
}

int dr_parse_integer(const unsigned char *bytes, size_t size, int *negative, uint64_t *magnitude)
{
    size_t at = size && bytes[0] == '-';
    *negative = (int)at;
    *magnitude = 0;
    if (at == size)
        return -1;
    for (; at < size; at++)
        if (!is_digit(bytes[at]) || __builtin_mul_overflow(*magnitude, 10, magnitude) ||
            __builtin_add_overflow(*magnitude, bytes[at] - '0', magnitude))
            return -1;
    return 0;
}

/* The parts of [+-]digits[.digits][e[+-]digits]. */
struct parts {
    const unsigned char *digits; /* the point is among them */
    size_t count;
    int negative, before, after, exponent; /* digits before and after the point */
};

static int parse_exponent(const unsigned char *bytes, size_t size, int *exponent)
{
    enum { MOST = 100000 };
    size_t at = size && (bytes[0] == '+' || bytes[0] == '-');
    int number = 0;
    if (at == size)
        return -1;
    for (; at < size; at++) {
        if (!is_digit(bytes[at]))
            return -1;
        number = number < MOST ? number * 10 + bytes[at] - '0' : MOST;
    }
    *exponent = bytes[0] == '-' ? -number : number;
    return 0;
}

static int parse_parts(const unsigned char *bytes, size_t size, struct parts *parts)
{
    size_t at = size && (bytes[0] == '-' || bytes[0] == '+');
    *parts = (struct parts){.digits = bytes + at, .negative = size && bytes[0] == '-'};
    int point = 0;
    for (; at < size && (is_digit(bytes[at]) || (bytes[at] == '.' && !point)); at++) {
        if (bytes[at] == '.')
            point = 1;
        else if (point)
            parts->after++;
        else
            parts->before++;
    }
    parts->count = (size_t)(bytes + at - parts->digits);
    if (size > INT32_MAX || !(parts->before + parts->after))
        return -1;
    if (at < size && (bytes[at] == 'e' || bytes[at] == 'E'))
        return parse_exponent(bytes + at + 1, size - at - 1, &parts->exponent);
    return at == size ? 0 : -1;
}

int dr_parse_decimal(const unsigned char *bytes, size_t size, struct dr_decimal *decimal)
{
    struct parts parts;
    if (parse_parts(bytes, size, &parts))
        return -1;
    *decimal = (struct dr_decimal){.negative = parts.negative};
    for (size_t i = 0; i < parts.count; i++) {
        if (parts.digits[i] == '.')
            continue;
        unsigned digit = (unsigned)(parts.digits[i] - '0');
        /* Not by the magnitude: that of 2^128 would be 0 again. */
        decimal->width += decimal->width || digit;
        decimal->magnitude = decimal->magnitude * 10 + digit;
        if (decimal->width > DR_BIGGEST_PRECISION)
            return -2;
    }
    int scale = parts.after - parts.exponent;
    for (; scale < 0 && decimal->magnitude; scale++) {
        if (++decimal->width > DR_BIGGEST_PRECISION)
            return -2;
        decimal->magnitude *= 10;
    }
    decimal->scale = scale < 0 ? 0 : scale;
    if (decimal->scale > DR_BIGGEST_PRECISION)
        return -2;
    if (decimal->width < decimal->scale)
        decimal->width = decimal->scale;
    if (!decimal->width)
        decimal->width = 1;
    return 0;
}

/* Where digits and power of ten are exact in a double, one operation rounds correctly. */
static int parse_exactly(const struct parts *parts, double *number)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    enum { MOST_DIGITS = 15, MOST_POWER = 22 };
    int exponent = parts->exponent - parts->after;
    if (parts->before + parts->after > MOST_DIGITS || exponent > MOST_POWER || exponent < -MOST_POWER)
        return -1;
    int64_t digits = 0;
    for (size_t i = 0; i < parts->count; i++)
        if (parts->digits[i] != '.')
            digits = digits * 10 + (parts->digits[i] - '0');
    double magnitude = exponent < 0 ? (double)digits / powers[-exponent] : (double)digits * powers[exponent];
    *number = parts->negative ? -magnitude : magnitude;
    return 0;
}

static int parse_word(const unsigned char *bytes, size_t size, double *number)
{
    size_t sign = size && (bytes[0] == '-' || bytes[0] == '+');
    if (dr_word_is(bytes, size, "nan"))
        *number = NAN;
    else if (dr_word_is(bytes + sign, size - sign, "infinity") || dr_word_is(bytes + sign, size - sign, "inf"))
        *number = bytes[0] == '-' ? -INFINITY : INFINITY;
    else
        return -1;
    return 0;
}

int dr_parse_float(const unsigned char *bytes, size_t size, int single, double *number)
{
    struct parts parts;
    char text[512];
    if (parse_parts(bytes, size, &parts))
        return parse_word(bytes, size, number);
    if (!single && parse_exactly(&parts, number) == 0)
        return 0;
    if (size >= sizeof text)
        return -2;
    memcpy(text, bytes, size);
    text[size] = 0;
    *number = single ? (double)strtof(text, NULL) : strtod(text, NULL);
    if (isinf(*number))
        return -2;
    for (size_t i = 0; *number == 0 && i < parts.count; i++)
        if (parts.digits[i] >= '1' && parts.digits[i] <= '9')
            return -2;
    return 0;
}

static int hex_digit(unsigned char byte)
{
    if (is_digit(byte))
        return byte - '0';
    byte |= 32;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* 8-4-4-4-12, or without the dashes */
int dr_parse_uuid(const unsigned char *bytes, size_t size, duckdb_uhugeint *uuid)
{
    uint64_t halves[2] = {0};
    int digits = 0;
    if (size != 36 && size != 32)
        return -1;
    for (size_t i = 0; i < size; i++) {
        if (size == 36 && (i == 8 || i == 13 || i == 18 || i == 23)) {
            if (bytes[i] != '-')
                return -1;
            continue;
        }
        int digit = hex_digit(bytes[i]);
        if (digit < 0)
            return -1;
        halves[digits / 16] = halves[digits / 16] << 4 | (uint64_t)digit;
        digits++;
    }
    uuid->upper = halves[0];
    uuid->lower = halves[1];
    return 0;
}

static int parse_hex(const unsigned char *bytes, size_t size, unsigned char *into, size_t *length)
{
    if (size % 2)
        return -1;
    for (size_t i = 0; i < size; i += 2) {
        int high = hex_digit(bytes[i]), low = hex_digit(bytes[i + 1]);
        if (high < 0 || low < 0)
            return -1;
        into[i / 2] = (unsigned char)(high << 4 | low);
    }
    *length = size / 2;
    return 0;
}

static int is_octal(const unsigned char *bytes)
{
    return bytes[0] >= '0' && bytes[0] <= '3' && bytes[1] >= '0' && bytes[1] <= '7' && bytes[2] >= '0' && bytes[2] <= '7';
}

int dr_parse_bytea(const unsigned char *bytes, size_t size, unsigned char *into, size_t *length)
{
    if (size >= 2 && bytes[0] == '\\' && bytes[1] == 'x')
        return parse_hex(bytes + 2, size - 2, into, length);
    size_t done = 0;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != '\\') {
            into[done++] = bytes[i];
        } else if (i + 1 < size && bytes[i + 1] == '\\') {
            into[done++] = '\\';
            i++;
        } else if (i + 3 < size && is_octal(bytes + i + 1)) {
            into[done++] = (unsigned char)((bytes[i + 1] - '0') << 6 | (bytes[i + 2] - '0') << 3 | (bytes[i + 3] - '0'));
            i += 3;
        } else {
            return -1;
        }
    }
    *length = done;
    return 0;
}

/* The bytes of a character that begins with `byte`; 0: none does. */
static size_t character_size(unsigned char byte)
{
    return byte < 0x80 ? 1 : byte < 0xc2 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 0;
}

int dr_utf8_valid(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t length = character_size(bytes[i]);
        if (!length || length > size - i || !bytes[i])
            return 0;
        for (size_t k = 1; k < length; k++)
            if ((bytes[i + k] & 0xc0) != 0x80)
                return 0;
        unsigned char next = length > 1 ? bytes[i + 1] : 0;
        /* Too long for what it says, a surrogate, or beyond the last. */
        if ((bytes[i] == 0xe0 && next < 0xa0) || (bytes[i] == 0xed && next > 0x9f) || (bytes[i] == 0xf0 && next < 0x90) ||
            (bytes[i] == 0xf4 && next > 0x8f))
            return 0;
        i += length;
    }
    return 1;
}
