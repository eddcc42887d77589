#include "timezone.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/os.h"
#include "types_private.h"

enum { NAME = 64, MOST_BYTES = 1 << 18, DAY = 86400, HEADER = 44 };

/* When summer time begins or ends, each year. */
struct day {
    enum { JULIAN, OF_YEAR, OF_MONTH } form; /* Jn (no leap days), n (from 0), Mm.w.d */
    int month, week, day;
    int32_t time; /* seconds of that day, local; may be beyond it */
};

/* What goes on for ever behind the last transition: "CET-1CEST,M3.5.0,M10.5.0/3". */
struct rule {
    int32_t standard, summer; /* seconds east */
    int has_summer;
    struct day begins, ends;
};

struct dr_zone {
    struct dr_zone *next;
    char name[NAME];
    int32_t before; /* the first transition */
    int count;
    int64_t *at; /* of each transition, in seconds since 1970 */
    int32_t *offset;
    struct rule rule;
};

static const struct dr_zone utc = {.name = "UTC"};
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct dr_zone *zones;

const struct dr_zone *dr_zone_utc(void)
{
    return &utc;
}

const char *dr_zone_name(const struct dr_zone *zone)
{
    return zone->name;
}

/* ---- the rule ---- */

static int read_number(const char **at, int most, int *number)
{
    char *end;
    if (!isdigit((unsigned char)**at))
        return 0;
    long value = strtol(*at, &end, 10);
    *at = end;
    *number = (int)value;
    return value >= 0 && value <= most;
}

/* [+-]hh[:mm[:ss]] */
static int read_time(const char **at, int32_t *seconds)
{
    int hours, minutes = 0, rest = 0, minus = **at == '-';
    *at += minus || **at == '+';
    if (!read_number(at, 167, &hours))
        return 0;
    if (**at == ':' && (++*at, !read_number(at, 59, &minutes)))
        return 0;
    if (**at == ':' && (++*at, !read_number(at, 59, &rest)))
        return 0;
    *seconds = (hours * 3600 + minutes * 60 + rest) * (minus ? -1 : 1);
    return 1;
}

/* CET, <+0330> */
static int skip_name(const char **at)
{
    const char *start = *at;
    if (**at == '<') {
        *at += strcspn(*at, ">");
        return *(*at)++ == '>';
    }
    while (isalpha((unsigned char)**at))
        ++*at;
    return *at - start >= 3;
}

static int read_day(const char **at, struct day *day)
{
    *day = (struct day){.time = 2 * 3600};
    if (*(*at)++ != ',')
        return 0;
    if (**at == 'M') {
        day->form = OF_MONTH;
        ++*at;
        if (!read_number(at, 12, &day->month) || *(*at)++ != '.' || !read_number(at, 5, &day->week) || *(*at)++ != '.' ||
            !read_number(at, 6, &day->day) || !day->month || !day->week)
            return 0;
    } else {
        day->form = **at == 'J' ? JULIAN : OF_YEAR;
        *at += **at == 'J';
        if (!read_number(at, 365, &day->day))
            return 0;
    }
    return **at != '/' || (++*at, read_time(at, &day->time));
}

static int read_rule(const char *at, struct rule *rule)
{
    int32_t west;
    *rule = (struct rule){0};
    if (!skip_name(&at) || !read_time(&at, &west))
        return 0;
    rule->standard = -west;
    if (!*at)
        return 1;
    if (!skip_name(&at))
        return 0;
    rule->has_summer = 1;
    rule->summer = rule->standard + 3600;
    if (*at != ',') {
        if (!read_time(&at, &west))
            return 0;
        rule->summer = -west;
    }
    return read_day(&at, &rule->begins) && read_day(&at, &rule->ends) && !*at;
}

static int is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* In local seconds since 1970. */
static int64_t moment_of(const struct day *day, int64_t year)
{
    int64_t days = dr_days_of(year, 1, 1);
    if (day->form == OF_YEAR) {
        days += day->day;
    } else if (day->form == JULIAN) {
        days += day->day - 1 + (is_leap(year) && day->day >= 60);
    } else {
        int64_t first = dr_days_of(year, day->month, 1);
        int64_t next = day->month == 12 ? dr_days_of(year + 1, 1, 1) : dr_days_of(year, day->month + 1, 1);
        /* 1970 began on a Thursday. */
        int weekday = (int)(((first + 4) % 7 + 7) % 7);
        days = first + (day->day - weekday + 7) % 7 + 7 * (day->week - 1);
        while (days >= next)
            days -= 7;
    }
    return days * DAY + day->time;
}

static int32_t by_rule(const struct rule *rule, int64_t seconds)
{
    int64_t year, local = seconds + rule->standard;
    int month, day;
    if (!rule->has_summer)
        return rule->standard;
    dr_civil_of((local - (local < 0 ? DAY - 1 : 0)) / DAY, &year, &month, &day);
    int64_t begins = moment_of(&rule->begins, year) - rule->standard, ends = moment_of(&rule->ends, year) - rule->summer;
    int summer = begins < ends ? seconds >= begins && seconds < ends : !(seconds >= ends && seconds < begins);
    return summer ? rule->summer : rule->standard;
}

int32_t dr_zone_offset(const struct dr_zone *zone, int64_t microseconds)
{
    int64_t seconds = microseconds / 1000000 - (microseconds % 1000000 < 0);
    if (!zone)
        return 0;
    int low = 0, high = zone->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (zone->at[middle] <= seconds)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->count)
        return by_rule(&zone->rule, seconds);
    return low ? zone->offset[low - 1] : zone->before;
}

/* ---- files ---- */

/* Of a TZif header. */
struct counts {
    uint64_t utc, standard, leap, times, types, letters;
};

static struct counts counts_at(const unsigned char *header)
{
    return (struct counts){dr_read(header + 20, 4), dr_read(header + 24, 4), dr_read(header + 28, 4),
                           dr_read(header + 32, 4), dr_read(header + 36, 4), dr_read(header + 40, 4)};
}

static int is_header(const unsigned char *bytes, size_t size)
{
    return size >= HEADER && memcmp(bytes, "TZif", 4) == 0;
}

static size_t size_of(const struct counts *counts, int time_size)
{
    return counts->times * (size_t)(time_size + 1) + counts->types * 6 + counts->letters +
           counts->leap * (size_t)(time_size + 4) + counts->standard + counts->utc;
}

static int take_transitions(struct dr_zone *zone, const unsigned char *at, const struct counts *counts)
{
    const unsigned char *indexes = at + counts->times * 8, *types = indexes + counts->times;
    zone->at = calloc(counts->times + 1, sizeof *zone->at);
    zone->offset = calloc(counts->times + 1, sizeof *zone->offset);
    if (!zone->at || !zone->offset)
        return 0;
    zone->before = (int32_t)dr_read(types, 4);
    for (uint64_t i = 0; i < counts->times; i++) {
        if (indexes[i] >= counts->types)
            return 0;
        zone->at[i] = (int64_t)dr_read(at + i * 8, 8);
        zone->offset[i] = (int32_t)dr_read(types + 6 * (size_t)indexes[i], 4);
    }
    zone->count = (int)counts->times;
    return 1;
}

/* Version 2 and later: what was in 32 bits, then the same in 64, then the rule between newlines. Leap seconds are of no use here. */
static int parse(struct dr_zone *zone, const unsigned char *bytes, size_t size)
{
    if (!is_header(bytes, size) || bytes[4] < '2')
        return 0;
    struct counts counts = counts_at(bytes);
    size_t skipped = HEADER + size_of(&counts, 4);
    if (skipped > size || !is_header(bytes + skipped, size - skipped))
        return 0;
    bytes += skipped;
    size -= skipped;
    counts = counts_at(bytes);
    size_t used = HEADER + size_of(&counts, 8);
    if (used >= size || bytes[used] != '\n' || counts.leap || !counts.types || !take_transitions(zone, bytes + HEADER, &counts))
        return 0;
    char footer[128];
    const unsigned char *start = bytes + used + 1, *end = memchr(start, '\n', size - used - 1);
    if (!end || (size_t)(end - start) >= sizeof footer)
        return 0;
    memcpy(footer, start, (size_t)(end - start));
    footer[end - start] = 0;
    /* Without one the last transition holds. */
    if (!*footer)
        zone->rule = (struct rule){.standard = zone->count ? zone->offset[zone->count - 1] : zone->before};
    else if (!read_rule(footer, &zone->rule))
        return 0;
    return 1;
}

static const char *folder(void)
{
    const char *told = getenv("TZDIR");
    return told && *told ? told : "/usr/share/zoneinfo";
}

static int load(struct dr_zone *zone)
{
    char path[PATH_MAX];
    unsigned char *bytes = NULL;
    struct stat st;
    int loaded = 0;
    snprintf(path, sizeof path, "%s/%s", folder(), zone->name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < MOST_BYTES &&
        (bytes = malloc((size_t)st.st_size + 1)) && pread(fd, bytes, (size_t)st.st_size, 0) == st.st_size)
        loaded = parse(zone, bytes, (size_t)st.st_size);
    free(bytes);
    if (fd >= 0)
        close(fd);
    return loaded;
}

/* ---- names ---- */

static int is_utc(const char *name)
{
    static const char *const names[] = {"UTC",           "Etc/UTC", "UCT",      "Etc/UCT",   "Universal",
                                        "Etc/Universal", "Zulu",    "Etc/Zulu", "Z",         "GMT",
                                        "Etc/GMT",       "GMT0",    "Etc/GMT0", "Greenwich", "Etc/Greenwich"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return 1;
    return 0;
}

/* Whole hours, as they are said without tzdata: -7 as Etc/GMT+7. Etc/GMT+7 is one too. 0: it is something else. */
static int find_hours(const char *name, struct dr_zone *zone)
{
    static const char etc[] = "Etc/GMT";
    char *end;
    int is_etc = strncasecmp(name, etc, sizeof etc - 1) == 0;
    const char *number = is_etc ? name + sizeof etc - 1 : name;
    double hours = strtod(number, &end);
    if (end == number || *end || hours != (int)hours || (is_etc && !strchr("+-", *number)))
        return 0;
    hours = is_etc ? -hours : hours;
    if (hours < -12 || hours > 14)
        return 0;
    snprintf(zone->name, sizeof zone->name, "%s%+d", etc, -(int)hours);
    zone->rule.standard = (int32_t)hours * 3600;
    zone->before = zone->rule.standard;
    return 1;
}

/* Letters, digits and _+- in parts that aren't hidden; not the folders that have the zones once more in other ways. */
static int is_plain(const char *name)
{
    if (!*name || strlen(name) >= NAME || strncasecmp(name, "posix/", 6) == 0 || strncasecmp(name, "right/", 6) == 0)
        return 0;
    for (const char *at = name; *at; at++)
        if (!(isalnum((unsigned char)*at) || strchr("_+-", *at) || (*at == '/' && at > name && at[-1] != '/' && at[1])))
            return 0;
    return 1;
}

/* The name as files have it: each part of it in any case. 0: there is none. */
static int find_file(const char *wanted, char name[NAME])
{
    char path[PATH_MAX];
    *name = 0;
    while (*wanted) {
        size_t length = strcspn(wanted, "/"), used = strlen(name);
        snprintf(path, sizeof path, "%s/%s", folder(), name);
        DIR *entries = opendir(path);
        struct dirent *entry = NULL;
        while (entries && (entry = readdir(entries)))
            if (strlen(entry->d_name) == length && strncasecmp(entry->d_name, wanted, length) == 0)
                break;
        int found = entry && used + length + 2 <= NAME;
        if (found)
            snprintf(name + used, NAME - used, "%s%s", entry->d_name, wanted[length] ? "/" : "");
        if (entries)
            closedir(entries);
        if (!found)
            return 0;
        wanted += length + (wanted[length] == '/');
    }
    return *name != 0;
}

static struct dr_zone *known(const char *name)
{
    struct dr_zone *zone = zones;
    while (zone && strcasecmp(zone->name, name) != 0)
        zone = zone->next;
    return zone;
}

static void drop(struct dr_zone *zone)
{
    free(zone->at);
    free(zone->offset);
    free(zone);
}

static struct dr_zone *make(const char *name)
{
    struct dr_zone *zone = calloc(1, sizeof *zone);
    if (!zone)
        return NULL;
    int found = find_hours(name, zone);
    struct dr_zone *same = found ? known(zone->name) : NULL;
    if (same || (!found && !(is_plain(name) && find_file(name, zone->name) && load(zone)))) {
        drop(zone);
        return same;
    }
    zone->next = zones;
    return zones = zone;
}

const struct dr_zone *dr_zone_find(const char *name)
{
    while (*name == ' ')
        name++;
    if (is_utc(name) || strcmp(name, "0") == 0)
        return &utc;
    pthread_mutex_lock(&mutex);
    struct dr_zone *zone = known(name);
    if (!zone)
        zone = make(name);
    pthread_mutex_unlock(&mutex);
    return zone;
}
