/* Floating-point numbers as text: the fewest digits that read back equal, in the three ways in which they are written. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "types_private.h"

enum { MOST_DIGITS = 17, MOST_DIGITS_SINGLE = 9, EXACT_DIGITS = 15, EXACT_DIGITS_SINGLE = 6 };

/* digits times ten to the exponent */
struct shortest {
    uint64_t digits;
    int exponent;
};

static double read_back(struct shortest candidate, int single, char text[32])
{
    snprintf(text, 32, "%llue%d", (unsigned long long)candidate.digits, candidate.exponent);
    return single ? (double)strtof(text, NULL) : strtod(text, NULL);
}

/* The next double or float above or below a positive one: its bits, counted on. */
static double beside(double number, int single, int step)
{
    uint64_t bits;
    uint32_t few;
    float half = (float)number;
    memcpy(&bits, &number, sizeof bits);
    memcpy(&few, &half, sizeof few);
    bits += (uint64_t)step;
    few += (uint32_t)step;
    memcpy(&number, &bits, sizeof number);
    memcpy(&half, &few, sizeof half);
    return single ? (double)half : number;
}

/* PostgreSQL's algorithm leaves out numbers that lie in the middle between two doubles, though they read back as the even one. */
static int is_middle(struct shortest candidate, double number, int single, const char *text)
{
    long double read = strtold(text, NULL);
    double up = beside(number, single, 1), down = beside(number, single, -1);
    if (read != ((long double)number + up) / 2 && read != ((long double)number + down) / 2)
        return 0;
    char exact[1200], wanted[32];
    snprintf(exact, sizeof exact, "%.1100Le", read);
    int length = snprintf(wanted, sizeof wanted, "%llu", (unsigned long long)candidate.digits);
    if (exact[0] != wanted[0] || memcmp(exact + 2, wanted + 1, (size_t)length - 1))
        return 0;
    const char *rest = exact + 1 + length;
    return rest[strspn(rest, "0")] == 'e';
}

static int reads_back(struct shortest candidate, double number, int single, int middles)
{
    char text[32];
    return read_back(candidate, single, text) == number && (middles || !is_middle(candidate, number, single, text));
}

static struct shortest rounded(double number, int digits)
{
    char text[40];
    snprintf(text, sizeof text, "%.*e", digits - 1, number);
    struct shortest result = {0};
    const char *at = text;
    for (; *at != 'e'; at++)
        if (*at >= '0' && *at <= '9')
            result.digits = result.digits * 10 + (uint64_t)(*at - '0');
    result.exponent = atoi(at + 1) - (digits - 1);
    return result;
}

/* Most numbers have few decimals. Of up to 15 digits no two are the same double, so what reads back is the one; and one division
 * of exact numbers rounds as reading does. */
static int find_quickly(double number, struct shortest *found)
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    for (int i = 0; i < (int)(sizeof powers / sizeof *powers); i++) {
        double scaled = number * powers[i] + 0.5;
        if (scaled >= 1e15)
            return 0;
        *found = (struct shortest){(uint64_t)scaled, -i};
        if ((double)found->digits / powers[i] == number)
            return 1;
    }
    return 0;
}

static struct shortest find_shortest(double number, int single, int middles)
{
    int most = single ? MOST_DIGITS_SINGLE : MOST_DIGITS, exact = single ? EXACT_DIGITS_SINGLE : EXACT_DIGITS;
    int subnormal = number < (single ? 1.17549435e-38 : 2.2250738585072014e-308);
    int parts;
    int power_of_two = frexp(number, &parts) == 0.5;
    struct shortest found = {0};
    int quick = !single && find_quickly(number, &found);
    /* With up to `exact` digits the zeros at the end show how many there need to be; subnormals have fewer. */
    for (int digits = subnormal || power_of_two ? 1 : exact; !quick && digits <= most; digits++) {
        found = rounded(number, digits);
        if (reads_back(found, number, single, middles))
            break;
        /* Below a power of two the numbers are closer, so the nearest may miss it where the next above does not. */
        struct shortest above = {found.digits + 1, found.exponent};
        if (power_of_two && reads_back(above, number, single, middles)) {
            found = above;
            break;
        }
    }
    while (found.digits % 10 == 0 && found.digits) {
        found.digits /= 10;
        found.exponent++;
    }
    return found;
}

static const char *word_for(double number, enum dr_float_style style)
{
    int infinite = isinf(number), minus = infinite && number < 0;
    if (!infinite && !isnan(number))
        return NULL;
    if (style == DR_FLOAT_DUCKDB)
        return !infinite ? "nan" : minus ? "-inf" : "inf";
    return !infinite ? "NaN" : minus ? "-Infinity" : "Infinity";
}

static void put_fixed(struct dr_buffer *out, const char *digits, int count, int point)
{
    static const char zeros[] = "0000000000000000000000000";
    if (point <= 0) {
        dr_buffer_text(out, "0.");
        dr_buffer_add(out, zeros, (size_t)-point);
        dr_buffer_add(out, digits, (size_t)count);
    } else if (point >= count) {
        dr_buffer_add(out, digits, (size_t)count);
        dr_buffer_add(out, zeros, (size_t)(point - count));
    } else {
        dr_buffer_add(out, digits, (size_t)point);
        dr_buffer_text(out, ".");
        dr_buffer_add(out, digits + point, (size_t)(count - point));
    }
}

static void put_scientific(struct dr_buffer *out, const char *digits, int count, int power, enum dr_float_style style)
{
    dr_buffer_add(out, digits, 1);
    if (count > 1) {
        dr_buffer_text(out, ".");
        dr_buffer_add(out, digits + 1, (size_t)count - 1);
    }
    dr_buffer_format(out, style == DR_FLOAT_JSON ? "e%d" : "e%+03d", power);
}

void dr_float_put(struct dr_buffer *out, double number, int single, enum dr_float_style style)
{
    const char *word = word_for(number, style);
    if (word) {
        dr_buffer_text(out, word);
        return;
    }
    if (signbit(number))
        dr_buffer_text(out, "-");
    number = fabs(number);
    char digits[32] = "0";
    int count = 1, power = 0;
    if (number != 0) {
        struct shortest shortest = find_shortest(number, single, style != DR_FLOAT_POSTGRES);
        count = snprintf(digits, sizeof digits, "%llu", (unsigned long long)shortest.digits);
        power = shortest.exponent + count - 1;
    }
    static const struct {
        int from, below;
    } fixed[] = {[DR_FLOAT_POSTGRES] = {-4, 15}, [DR_FLOAT_DUCKDB] = {-4, 16}, [DR_FLOAT_JSON] = {-6, 21}};
    int below = style == DR_FLOAT_POSTGRES && single ? 6 : fixed[style].below;
    if (power < fixed[style].from || power >= below) {
        put_scientific(out, digits, count, power, style);
        return;
    }
    put_fixed(out, digits, count, power + 1);
    if (style != DR_FLOAT_POSTGRES && power + 1 >= count)
        dr_buffer_text(out, ".0");
}
