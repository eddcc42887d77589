/* Dates and times as text. */
#include <stdlib.h>

#include "types_private.h"

enum { DAY_SECONDS = 86400, SECOND_MICROS = 1000000, BIGGEST_OFFSET = 16 * 60 * 60 - 1 };

/* Proleptic Gregorian; years are counted from a March, so that the leap day is a year's last. */
int64_t dr_days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719468;
}

void dr_civil_of(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int day_of_year = (int)(of_era - (365 * years + years / 4 - years / 100));
    int shifted = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = years + era * 400 + (*month <= 2);
}

static char *put_number(char *at, uint64_t number, int width)
{
    char text[24];
    int count = 0;
    for (; number || count < width; number /= 10)
        text[count++] = (char)('0' + number % 10);
    while (count)
        *at++ = text[--count];
    return at;
}

/* The year, month and day; says whether the year is before Christ. */
static int put_civil(struct dr_buffer *out, int64_t days)
{
    int64_t year;
    int month, day;
    char text[40], *at = text;
    dr_civil_of(days, &year, &month, &day);
    at = put_number(at, (uint64_t)(year > 0 ? year : 1 - year), 4);
    *at++ = '-';
    at = put_number(at, (uint64_t)month, 2);
    *at++ = '-';
    at = put_number(at, (uint64_t)day, 2);
    dr_buffer_add(out, text, (size_t)(at - text));
    return year <= 0;
}

void dr_date_put(struct dr_buffer *out, int32_t days, enum dr_style style)
{
    if (days == DR_INFINITE_DATE || days == -DR_INFINITE_DATE)
        dr_buffer_text(out, days > 0 ? "infinity" : "-infinity");
    else if (put_civil(out, days))
        dr_buffer_text(out, style == DR_STYLE_POSTGRES ? " BC" : " (BC)");
}

void dr_time_put(struct dr_buffer *out, uint64_t seconds, uint32_t fraction, int digits)
{
    char text[64], *at = text;
    at = put_number(at, seconds / 3600, 2);
    *at++ = ':';
    at = put_number(at, seconds / 60 % 60, 2);
    *at++ = ':';
    at = put_number(at, seconds % 60, 2);
    if (fraction) {
        *at++ = '.';
        at = put_number(at, fraction, digits);
        while (at[-1] == '0')
            at--;
    }
    dr_buffer_add(out, text, (size_t)(at - text));
}

void dr_offset_put(struct dr_buffer *out, int32_t seconds)
{
    char text[32], *at = text;
    uint32_t away = (uint32_t)abs(seconds);
    *at++ = seconds < 0 ? '-' : '+';
    at = put_number(at, away / 3600, 2);
    if (away % 3600) {
        *at++ = ':';
        at = put_number(at, away / 60 % 60, 2);
    }
    if (away % 60) {
        *at++ = ':';
        at = put_number(at, away % 60, 2);
    }
    dr_buffer_add(out, text, (size_t)(at - text));
}

void dr_timestamp_put(struct dr_buffer *out, int64_t micros, int nanoseconds, const int32_t *offset, enum dr_style style)
{
    if (micros == DR_INFINITE_TIMESTAMP || micros == -DR_INFINITE_TIMESTAMP) {
        dr_buffer_text(out, micros > 0 ? "infinity" : "-infinity");
        return;
    }
    int64_t days = micros / DR_DAY_MICROS, rest = micros % DR_DAY_MICROS;
    rest += offset ? (int64_t)*offset * SECOND_MICROS : 0;
    while (rest < 0) {
        rest += DR_DAY_MICROS;
        days--;
    }
    while (rest >= DR_DAY_MICROS) {
        rest -= DR_DAY_MICROS;
        days++;
    }
    int before = put_civil(out, days);
    dr_buffer_text(out, before && style == DR_STYLE_DUCKDB ? " (BC) " : " ");
    uint32_t fraction = (uint32_t)(rest % SECOND_MICROS);
    if (nanoseconds)
        dr_time_put(out, (uint64_t)(rest / SECOND_MICROS), fraction * 1000 + (uint32_t)nanoseconds, 9);
    else
        dr_time_put(out, (uint64_t)(rest / SECOND_MICROS), fraction, 6);
    if (offset)
        dr_offset_put(out, *offset);
    if (before && style == DR_STYLE_POSTGRES)
        dr_buffer_text(out, " BC");
}

/* ---- INTERVAL ---- */

/* What has been written of an interval so far. */
struct interval_state {
    struct dr_buffer *out;
    enum dr_style style;
    int empty, before; /* before: the part before was negative */
};

static void put_unit(struct interval_state *state, int number, const char *postgres, const char *duckdb)
{
    if (!number)
        return;
    int in_postgres = state->style == DR_STYLE_POSTGRES;
    int one = in_postgres ? number == 1 : number == 1 || number == -1;
    dr_buffer_format(state->out, "%s%s%d %s%s", state->empty ? "" : " ", in_postgres && state->before && number > 0 ? "+" : "",
                     number, in_postgres ? postgres : duckdb, one ? "" : "s");
    state->before = number < 0;
    state->empty = 0;
}

void dr_interval_put(struct dr_buffer *out, const duckdb_interval *interval, enum dr_style style)
{
    struct interval_state state = {out, style, 1, 0};
    put_unit(&state, interval->months / 12, "year", "year");
    put_unit(&state, interval->months % 12, "mon", "month");
    put_unit(&state, interval->days, "day", "day");
    if (!interval->micros && !state.empty)
        return;
    uint64_t micros = interval->micros < 0 ? -(uint64_t)interval->micros : (uint64_t)interval->micros;
    dr_buffer_text(out, state.empty ? "" : " ");
    dr_buffer_text(out, interval->micros < 0 ? "-" : style == DR_STYLE_POSTGRES && state.before ? "+" : "");
    dr_time_put(out, micros / SECOND_MICROS, (uint32_t)(micros % SECOND_MICROS), 6);
}

/* ---- TIME_TZ: the offset counts down from the biggest ---- */

int32_t dr_time_tz_offset(duckdb_time_tz time)
{
    return BIGGEST_OFFSET - (int32_t)(time.bits & 0xffffff);
}

duckdb_time_tz dr_time_tz_make(int64_t micros, int32_t offset)
{
    return (duckdb_time_tz){(uint64_t)micros << 24 | (uint64_t)(BIGGEST_OFFSET - offset)};
}
