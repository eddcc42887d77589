/* Whole numbers, decimals and PostgreSQL's numeric. */
#include <stdlib.h>

#include "types_private.h"

enum {
    GROUP = 4, /* digits in one of numeric's */
    MOST_WEIGHT = 32767,
    BIGNUM_HEADER = 3,
};
enum { NUMERIC_NEGATIVE = 0x4000, NUMERIC_NAN = 0xC000, NUMERIC_INFINITE = 0xD000, NUMERIC_MINUS_INFINITE = 0xF000 };

static dr_u128 magnitude_of(dr_i128 number, int *negative)
{
    *negative = number < 0;
    return number < 0 ? -(dr_u128)number : (dr_u128)number;
}

dr_u128 dr_integer_get(const struct dr_type *type, duckdb_vector vector, uint64_t row, int *negative)
{
    const void *data = type->duckdb->vector_get_data(vector);
    *negative = 0;
    switch (type->id == DR_TYPE_DECIMAL ? type->internal : type->id) {
    case DR_TYPE_TINYINT:
        return magnitude_of(((const int8_t *)data)[row], negative);
    case DR_TYPE_SMALLINT:
        return magnitude_of(((const int16_t *)data)[row], negative);
    case DR_TYPE_INTEGER:
        return magnitude_of(((const int32_t *)data)[row], negative);
    case DR_TYPE_BIGINT:
        return magnitude_of(((const int64_t *)data)[row], negative);
    case DR_TYPE_UTINYINT:
        return ((const uint8_t *)data)[row];
    case DR_TYPE_USMALLINT:
        return ((const uint16_t *)data)[row];
    case DR_TYPE_UINTEGER:
        return ((const uint32_t *)data)[row];
    case DR_TYPE_UBIGINT:
        return ((const uint64_t *)data)[row];
    case DR_TYPE_HUGEINT: {
        const duckdb_hugeint *huge = (const duckdb_hugeint *)data + row;
        return magnitude_of((dr_i128)((dr_u128)(uint64_t)huge->upper << 64 | huge->lower), negative);
    }
    default: {
        const duckdb_uhugeint *huge = (const duckdb_uhugeint *)data + row;
        return (dr_u128)huge->upper << 64 | huge->lower;
    }
    }
}

void dr_integer_put(struct dr_buffer *out, dr_u128 magnitude, int negative, int scale)
{
    char text[48];
    size_t at = sizeof text;
    int digits = 0;
    do {
        if (digits == scale && scale)
            text[--at] = '.';
        if (magnitude >> 64) {
            text[--at] = (char)('0' + (int)(magnitude % 10));
            magnitude /= 10;
        } else {
            uint64_t small = (uint64_t)magnitude;
            text[--at] = (char)('0' + (int)(small % 10));
            magnitude = small / 10;
        }
        digits++;
    } while (magnitude || digits <= scale);
    if (negative)
        text[--at] = '-';
    dr_buffer_add(out, text + at, sizeof text - at);
}

/* ---- BIGNUM: three bytes with the sign in the first bit, then the magnitude; all inverted where it is negative ---- */

static void put_limbs(struct dr_buffer *out, const uint32_t *limbs, size_t count)
{
    dr_buffer_format(out, "%u", (unsigned)(count ? limbs[count - 1] : 0));
    for (size_t i = count; i-- > 1;)
        dr_buffer_format(out, "%09u", (unsigned)limbs[i - 1]);
}

void dr_bignum_put(struct dr_buffer *out, const unsigned char *bytes, size_t size)
{
    enum { LIMB = 1000000000 };
    if (size < BIGNUM_HEADER) {
        dr_buffer_text(out, "0");
        return;
    }
    int negative = !(bytes[0] & 0x80);
    uint32_t *limbs = calloc(size / 3 + 2, sizeof *limbs);
    size_t count = 0;
    if (!limbs) {
        out->failed = 1;
        return;
    }
    for (size_t i = BIGNUM_HEADER; i < size; i++) {
        uint64_t carry = negative ? (unsigned char)~bytes[i] : bytes[i];
        for (size_t k = 0; k < count; k++) {
            carry += (uint64_t)limbs[k] << 8;
            limbs[k] = (uint32_t)(carry % LIMB);
            carry /= LIMB;
        }
        if (carry)
            limbs[count++] = (uint32_t)carry;
    }
    if (negative && count)
        dr_buffer_text(out, "-");
    put_limbs(out, limbs, count);
    free(limbs);
}

/* ---- numeric ---- */

/* The digits of decimal text, as if zeros went on at both ends. Position 0 is the last digit before the point. */
struct digits {
    const char *whole, *fraction;
    long whole_count, fraction_count;
};

static int digit_at(const struct digits *digits, long position)
{
    if (position >= 0)
        return position < digits->whole_count ? digits->whole[digits->whole_count - 1 - position] - '0' : 0;
    return -position <= digits->fraction_count ? digits->fraction[-position - 1] - '0' : 0;
}

/* Group 0 is the one before the point, -1 the one behind it. */
static int group_at(const struct digits *digits, long group)
{
    int number = 0;
    for (int i = GROUP; i-- > 0;)
        number = number * 10 + digit_at(digits, group * GROUP + i);
    return number;
}

const char *dr_numeric_from_text(struct dr_buffer *out, size_t at)
{
    if (out->failed)
        return NULL;
    size_t size = dr_buffer_size(out) - at;
    char small[128], *text = size < sizeof small ? small : malloc(size + 1);
    if (!text) {
        out->failed = 1;
        return NULL;
    }
    memcpy(text, out->bytes + out->start + at, size);
    text[size] = 0;
    out->end -= size;

    int negative = *text == '-';
    struct digits digits = {.whole = text + negative};
    digits.whole_count = (long)strcspn(digits.whole, ".");
    digits.fraction = digits.whole + digits.whole_count + (digits.whole[digits.whole_count] == '.');
    digits.fraction_count = (long)strlen(digits.fraction);
    long first = (digits.whole_count + GROUP - 1) / GROUP - 1, last = -((digits.fraction_count + GROUP - 1) / GROUP);
    while (first >= last && !group_at(&digits, first))
        first--;
    while (first >= last && !group_at(&digits, last))
        last++;
    const char *message = first > MOST_WEIGHT ? "value overflows numeric format" : NULL;
    if (!message) {
        int zero = first < last;
        dr_buffer_u16(out, zero ? 0 : (uint16_t)(first - last + 1));
        dr_buffer_u16(out, zero ? 0 : (uint16_t)first);
        dr_buffer_u16(out, negative && !zero ? NUMERIC_NEGATIVE : 0);
        dr_buffer_u16(out, (uint16_t)digits.fraction_count);
        for (long i = first; i >= last; i--)
            dr_buffer_u16(out, (uint16_t)group_at(&digits, i));
    }
    if (text != small)
        free(text);
    return message;
}

static void put_groups(struct dr_buffer *out, const unsigned char *groups, int count, int weight, int scale)
{
    if (weight < 0)
        dr_buffer_text(out, "0");
    for (int i = 0; i <= weight; i++)
        dr_buffer_format(out, i ? "%04d" : "%d", i < count ? (int)dr_read(groups + 2 * i, 2) : 0);
    if (scale)
        dr_buffer_text(out, ".");
    int next = weight < 0 ? 0 : weight + 1;
    for (int done = 0, k = -1; done < scale; k--) {
        char text[8] = "0000";
        /* Groups between the point and the first one are 0. */
        if (k <= weight) {
            int number = next < count ? (int)dr_read(groups + 2 * next, 2) : 0;
            for (int d = GROUP; d-- > 0; number /= 10)
                text[d] = (char)('0' + number % 10);
            next++;
        }
        int size = scale - done < GROUP ? scale - done : GROUP;
        dr_buffer_add(out, text, (size_t)size);
        done += size;
    }
}

int dr_numeric_to_text(const unsigned char *bytes, size_t size, struct dr_buffer *out)
{
    if (size < 8)
        return -1;
    int count = (int)dr_read(bytes, 2), weight = (int16_t)dr_read(bytes + 2, 2);
    int sign = (int)dr_read(bytes + 4, 2), scale = (int)dr_read(bytes + 6, 2);
    if (size != 8 + 2 * (size_t)count || scale > 0x3fff)
        return -1;
    for (int i = 0; i < count; i++)
        if (dr_read(bytes + 8 + 2 * i, 2) > 9999)
            return -1;
    switch (sign) {
    case NUMERIC_NAN:
        dr_buffer_text(out, "NaN");
        return 0;
    case NUMERIC_INFINITE:
        dr_buffer_text(out, "Infinity");
        return 0;
    case NUMERIC_MINUS_INFINITE:
        dr_buffer_text(out, "-Infinity");
        return 0;
    case NUMERIC_NEGATIVE:
        dr_buffer_text(out, "-");
        break;
    case 0:
        break;
    default:
        return -1;
    }
    put_groups(out, bytes + 8, count, count ? weight : 0, scale);
    return 0;
}

/* Multiplies by ten `times` times, or divides where that is negative and leaves nothing over. */
static int shift(dr_u128 *magnitude, int times)
{
    static const dr_u128 most = (((dr_u128)UINT64_C(0x4b3b4ca85a86c47a) << 64) | UINT64_C(0x098a224000000000)) / 10;
    for (; times > 0 && *magnitude; times--) {
        if (*magnitude >= most)
            return -1;
        *magnitude *= 10;
    }
    for (; times < 0 && *magnitude; times++) {
        if (*magnitude % 10)
            return -1;
        *magnitude /= 10;
    }
    return 0;
}

int dr_numeric_to_decimal(const unsigned char *bytes, size_t size, struct dr_decimal *decimal)
{
    if (size < 8)
        return -1;
    int count = (int)dr_read(bytes, 2), weight = (int16_t)dr_read(bytes + 2, 2);
    int sign = (int)dr_read(bytes + 4, 2), scale = (int)dr_read(bytes + 6, 2);
    if (size != 8 + 2 * (size_t)count || scale > DR_BIGGEST_PRECISION || (sign && sign != NUMERIC_NEGATIVE))
        return -1;
    *decimal = (struct dr_decimal){.negative = sign != 0, .scale = scale};
    for (int i = 0; i < count; i++) {
        int group = (int)dr_read(bytes + 8 + 2 * i, 2);
        if (group > 9999 || shift(&decimal->magnitude, GROUP))
            return -1;
        decimal->magnitude += (unsigned)group;
    }
    return shift(&decimal->magnitude, scale - GROUP * (count - 1 - weight));
}
