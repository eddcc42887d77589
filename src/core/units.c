#include "units.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* A number alone is seconds. Of two names for one unit the first is what is written. */
static const struct unit times[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"m", 60000},
                                    {"s", 1000},     {"", 1000},     {"ms", 1}};
static const struct unit sizes[] = {{"TiB", INT64_C(1) << 40},
                                    {"TB", INT64_C(1000000000000)},
                                    {"GiB", 1 << 30},
                                    {"GB", 1000000000},
                                    {"MiB", 1 << 20},
                                    {"MB", 1000000},
                                    {"KiB", 1 << 10},
                                    {"kB", 1000},
                                    {"KB", 1000},
                                    {"B", 1},
                                    {"", 1}};
enum { TIMES = sizeof times / sizeof *times, SIZES = sizeof sizes / sizeof *sizes };

static int64_t factor_of(const struct unit *units, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(units[i].name, name) == 0)
            return units[i].factor;
    return 0;
}

/* Decimal digits with at most one point. Up to 10 digits before the point. */
static const char *read_decimal(const char *at, double *value)
{
    int digits = 0;
    double place = 0;
    for (*value = 0;; at++) {
        if (*at >= '0' && *at <= '9') {
            digits++;
            *value = place > 0 ? *value + (*at - '0') * place : *value * 10 + (*at - '0');
            place /= 10;
        } else if (*at == '.' && place == 0) {
            place = 0.1;
        } else {
            return digits && *value < 1e10 ? at : NULL;
        }
    }
}

int dr_parse_duration(const char *text, int64_t *milliseconds)
{
    double value;
    const char *unit = read_decimal(text, &value);
    int64_t factor = unit ? factor_of(times, TIMES, unit) : 0;
    if (!factor)
        return -1;
    *milliseconds = (int64_t)(value * (double)factor + 0.5);
    return 0;
}

int dr_parse_size(const char *text, int64_t *bytes)
{
    int64_t value = 0, size;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *at - '0', &value))
            return -1;
    int64_t factor = factor_of(sizes, SIZES, at);
    if (at == text || !factor || __builtin_mul_overflow(value, factor, &size))
        return -1;
    *bytes = size;
    return 0;
}

static const char *write_with_unit(const struct unit *units, int64_t value, char text[32])
{
    while (value % units->factor)
        units++;
    snprintf(text, 32, "%lld%s", (long long)(value / units->factor), value ? units->name : "");
    return text;
}

const char *dr_write_duration(int64_t milliseconds, char text[32])
{
    return write_with_unit(times, milliseconds, text);
}

const char *dr_write_size(int64_t bytes, char text[32])
{
    return write_with_unit(sizes, bytes, text);
}

const char *dr_duration_text(int64_t milliseconds, char text[32])
{
    long long seconds = milliseconds > 0 ? milliseconds / 1000 : 0;
    if (seconds < 60)
        snprintf(text, 32, "%.1f s", milliseconds > 0 ? (double)milliseconds / 1000 : 0.0);
    else if (seconds < 3600)
        snprintf(text, 32, "%lld min %lld s", seconds / 60, seconds % 60);
    else if (seconds < 86400)
        snprintf(text, 32, "%lld h %lld min", seconds / 3600, seconds / 60 % 60);
    else
        snprintf(text, 32, "%lld d %lld h", seconds / 86400, seconds / 3600 % 24);
    return text;
}
