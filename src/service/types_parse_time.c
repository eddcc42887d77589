/* Parsers of dates, times and intervals, as clients send them: ISO, and PostgreSQL's way for intervals. */
#include "types_private.h"

/* What is left to be read. */
struct reader {
    const unsigned char *at, *end;
};

static int skip(struct reader *reader, char wanted)
{
    if (reader->at == reader->end || *reader->at != wanted)
        return 0;
    reader->at++;
    return 1;
}

/* The number of digits read, at most `most`. */
static int read_number(struct reader *reader, int most, int64_t *number)
{
    int count = 0;
    *number = 0;
    for (; count < most && reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; count++)
        *number = *number * 10 + (*reader->at++ - '0');
    return count;
}

static int read_two(struct reader *reader, int most, int64_t *number)
{
    return read_number(reader, 2, number) == 2 && *number <= most ? 0 : -1;
}

static int month_days(int64_t year, int64_t month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static int ends_in_bc(struct reader *reader)
{
    static const char bc[] = " BC";
    size_t size = sizeof bc - 1;
    if ((size_t)(reader->end - reader->at) < size || memcmp(reader->end - size, bc, size))
        return 0;
    reader->end -= size;
    return 1;
}

static int read_date(struct reader *reader, int before, struct dr_moment *moment)
{
    int64_t year, month, day;
    int digits = read_number(reader, 7, &year);
    if (digits < 4 || !year || !skip(reader, '-') || read_two(reader, 12, &month) || !month || !skip(reader, '-') ||
        read_two(reader, 31, &day) || !day)
        return -1;
    if (before)
        year = 1 - year;
    if (day > month_days(year, month))
        return -1;
    int64_t days = dr_days_of(year, (int)month, (int)day);
    if (days >= DR_INFINITE_DATE || days <= -DR_INFINITE_DATE)
        return -1;
    moment->days = (int32_t)days;
    moment->has_date = 1;
    moment->plain = digits == 4 && !before;
    return 0;
}

/* .123456 */
static int read_fraction(struct reader *reader, int64_t *micros)
{
    *micros = 0;
    if (!skip(reader, '.'))
        return 0;
    int digits = read_number(reader, 6, micros);
    for (int i = digits; i < 6; i++)
        *micros *= 10;
    return digits ? 0 : -1;
}

static int read_time(struct reader *reader, struct dr_moment *moment)
{
    int64_t hour, minute, second = 0, fraction = 0;
    if (read_two(reader, 24, &hour) || !skip(reader, ':') || read_two(reader, 59, &minute))
        return -1;
    int with_seconds = skip(reader, ':');
    if (with_seconds && (read_two(reader, 59, &second) || read_fraction(reader, &fraction)))
        return -1;
    moment->micros = (hour * 3600 + minute * 60 + second) * 1000000 + fraction;
    moment->has_time = 1;
    moment->plain &= with_seconds && hour < 24;
    return moment->micros <= DR_DAY_MICROS ? 0 : -1;
}

static int read_offset(struct reader *reader, struct dr_moment *moment)
{
    enum { BEYOND = 16 * 60 * 60 };
    int64_t hours, minutes = 0, seconds = 0;
    moment->has_offset = 1;
    if (skip(reader, 'Z'))
        return 0;
    int minus = skip(reader, '-');
    if ((!minus && !skip(reader, '+')) || read_two(reader, 15, &hours))
        return -1;
    int colon = skip(reader, ':');
    if (reader->at < reader->end || colon) {
        if (read_two(reader, 59, &minutes))
            return -1;
        moment->plain &= colon;
    }
    if (colon && skip(reader, ':')) {
        if (read_two(reader, 59, &seconds))
            return -1;
        moment->plain = 0;
    }
    int64_t offset = hours * 3600 + minutes * 60 + seconds;
    moment->offset = (int32_t)(minus ? -offset : offset);
    return offset < BEYOND ? 0 : -1;
}

static int find_infinity(const unsigned char *bytes, size_t size)
{
    if (dr_word_is(bytes, size, "infinity"))
        return 1;
    return dr_word_is(bytes, size, "-infinity") ? -1 : 0;
}

int dr_parse_moment(const unsigned char *bytes, size_t size, struct dr_moment *moment)
{
    *moment = (struct dr_moment){.plain = 1};
    moment->infinite = find_infinity(bytes, size);
    if (moment->infinite) {
        moment->has_date = moment->has_time = 1;
        moment->plain = 0;
        return 0;
    }
    struct reader reader = {bytes, bytes + size};
    int is_time = size >= 3 && bytes[2] == ':';
    if (!is_time) {
        int before = ends_in_bc(&reader);
        if (read_date(&reader, before, moment))
            return -1;
        if (reader.at == reader.end)
            return 0;
        if (!skip(&reader, ' ') && !skip(&reader, 'T'))
            return -1;
    }
    if (read_time(&reader, moment))
        return -1;
    if (reader.at < reader.end && read_offset(&reader, moment))
        return -1;
    return reader.at == reader.end ? 0 : -1;
}

/* ---- intervals ---- */

enum unit { MONTHS, DAYS, MICROS };

static const struct {
    const char *name;
    enum unit unit;
    int64_t factor;
} units[] = {
    {"year", MONTHS, 12},
    {"years", MONTHS, 12},
    {"mon", MONTHS, 1},
    {"mons", MONTHS, 1},
    {"month", MONTHS, 1},
    {"months", MONTHS, 1},
    {"week", DAYS, 7},
    {"weeks", DAYS, 7},
    {"day", DAYS, 1},
    {"days", DAYS, 1},
    {"hour", MICROS, 3600000000},
    {"hours", MICROS, 3600000000},
    {"minute", MICROS, 60000000},
    {"minutes", MICROS, 60000000},
    {"min", MICROS, 60000000},
    {"mins", MICROS, 60000000},
    {"second", MICROS, 1000000},
    {"seconds", MICROS, 1000000},
    {"sec", MICROS, 1000000},
    {"secs", MICROS, 1000000},
    {"s", MICROS, 1000000},
    {"millisecond", MICROS, 1000},
    {"milliseconds", MICROS, 1000},
    {"microsecond", MICROS, 1},
    {"microseconds", MICROS, 1},
    {"us", MICROS, 1},
};

struct sums {
    int64_t of[3]; /* by unit */
};

static int add(struct sums *sums, enum unit unit, int64_t number, int64_t factor)
{
    int64_t product;
    return __builtin_mul_overflow(number, factor, &product) || __builtin_add_overflow(sums->of[unit], product, &sums->of[unit])
               ? -1
               : 0;
}

/* HH:MM[:SS[.ffffff]]; the hours have been read. */
static int read_clock(struct reader *reader, int negative, int64_t hours, struct sums *sums)
{
    int64_t minutes, seconds = 0, fraction = 0, sign = negative ? -1 : 1;
    if (read_two(reader, 59, &minutes))
        return -1;
    if (skip(reader, ':') && (read_two(reader, 59, &seconds) || read_fraction(reader, &fraction)))
        return -1;
    return add(sums, MICROS, hours * sign, 3600000000) || add(sums, MICROS, minutes * sign, 60000000) ||
                   add(sums, MICROS, seconds * sign, 1000000) || add(sums, MICROS, fraction * sign, 1)
               ? -1
               : 0;
}

static int read_unit(struct reader *reader, int negative, int64_t number, int64_t millionths, struct sums *sums)
{
    while (skip(reader, ' '))
        ;
    const unsigned char *word = reader->at;
    while (reader->at < reader->end && *reader->at != ' ' && *reader->at != ',')
        reader->at++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (!dr_word_is(word, (size_t)(reader->at - word), units[i].name))
            continue;
        /* A part of anything but a second depends on what a month or day is taken to be. */
        if (millionths && units[i].factor != 1000000)
            return -1;
        return add(sums, units[i].unit, negative ? -number : number, units[i].factor) ||
                       add(sums, units[i].unit, negative ? -millionths : millionths, 1)
                   ? -1
                   : 0;
    }
    return -1;
}

int dr_parse_interval(const unsigned char *bytes, size_t size, duckdb_interval *interval)
{
    enum { MOST_DIGITS = 15 };
    struct reader reader = {bytes, bytes + size};
    struct sums sums = {{0}};
    int count = 0;
    for (;; count++) {
        int64_t number, millionths;
        /* The comma is Python's: "1 day, 0:00:05". */
        while (skip(&reader, ' ') || skip(&reader, ','))
            ;
        if (reader.at == reader.end)
            break;
        int negative = skip(&reader, '-');
        if (!negative)
            skip(&reader, '+');
        if (!read_number(&reader, MOST_DIGITS, &number))
            return -1;
        if (skip(&reader, ':') ? read_clock(&reader, negative, number, &sums)
                               : read_fraction(&reader, &millionths) || read_unit(&reader, negative, number, millionths, &sums))
            return -1;
    }
    if (!count || sums.of[MONTHS] != (int32_t)sums.of[MONTHS] || sums.of[DAYS] != (int32_t)sums.of[DAYS])
        return -1;
    *interval = (duckdb_interval){(int32_t)sums.of[MONTHS], (int32_t)sums.of[DAYS], sums.of[MICROS]};
    return 0;
}
