#include "failif.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/os.h"
#include "core/space.h"
#include "core/units.h"
#include "file.h"

enum kind { TIME, COUNT, BYTES, TRUTH };

static double since(int64_t at)
{
    int64_t ms = at > 0 ? dr_calendar_ms() - at : 0;
    return ms > 0 ? (double)ms : 0;
}

static double age(const duckrow_status *status)
{
    return status->age_ms < 0 ? INFINITY : (double)status->age_ms;
}

static double stale(const duckrow_status *status)
{
    return status->fresh ? 0 : age(status);
}

static double held(const duckrow_status *status)
{
    return status->held && !status->shared ? since(status->holder.since_at) : 0;
}

static double waited(const duckrow_status *status)
{
    double longest = 0;
    for (int i = 0; i < status->waiting && i < (int)(sizeof status->waiter / sizeof *status->waiter); i++)
        if (since(status->waiter[i].since_at) > longest)
            longest = since(status->waiter[i].since_at);
    return longest;
}

static double waiting(const duckrow_status *status)
{
    return status->waiting;
}

static double strangers(const duckrow_status *status)
{
    return status->strangers;
}

static double slots(const duckrow_status *status)
{
    return status->slots;
}

static double readers(const duckrow_status *status)
{
    int count = 0;
    for (int i = 0; i < status->slots; i++)
        count += status->slot[i].readers;
    return count;
}

static double bytes(const duckrow_status *status)
{
    return (double)status->bytes;
}

static double staged(const duckrow_status *status)
{
    return status->staging.oldest_ms > 0 ? (double)status->staging.oldest_ms : 0;
}

static double backlog(const duckrow_status *status)
{
    return (double)status->staging.files;
}

static double quarantined(const duckrow_status *status)
{
    return (double)status->staging.quarantined;
}

static double is_fresh(const duckrow_status *status)
{
    return status->fresh != 0;
}

static double is_held(const duckrow_status *status)
{
    return status->held != 0;
}

static double exists(const duckrow_status *status)
{
    return status->exists != 0;
}

static const struct quantity {
    const char *name;
    enum kind kind;
    double (*value)(const duckrow_status *status);
} quantities[] = {
    {"age", TIME, age},         {"stale", TIME, stale},      {"held", TIME, held},
    {"waited", TIME, waited},   {"waiting", COUNT, waiting}, {"strangers", COUNT, strangers},
    {"slots", COUNT, slots},    {"readers", COUNT, readers}, {"bytes", BYTES, bytes},
    {"fresh", TRUTH, is_fresh}, {"held", TRUTH, is_held},    {"exists", TRUTH, exists},
    {"staged", TIME, staged},   {"backlog", COUNT, backlog}, {"quarantined", COUNT, quarantined},
};

static const char *const comparisons[] = {">=", "<=", "!=", ">", "<", "="};
enum { COMPARISONS = sizeof comparisons / sizeof *comparisons };

struct parsed {
    const struct quantity *quantity;
    int comparison;
    double value;
};

/* The values' forms tell two quantities of one name apart. */
static int read_value(enum kind kind, const char *text, double *value)
{
    int64_t number;
    char *end;
    if (kind == TRUTH) {
        *value = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;
        return *value != 0 || strcmp(text, "no") == 0 || strcmp(text, "false") == 0;
    }
    if (*text < '0' || *text > '9')
        return 0;
    if (kind == TIME || kind == BYTES) {
        if (kind == TIME ? dr_parse_duration(text, &number) : dr_parse_size(text, &number))
            return 0;
        *value = (double)number;
        return 1;
    }
    *value = (double)strtoll(text, &end, 10);
    return !*end;
}

static int parse(const char *text, struct parsed *parsed)
{
    size_t length = strcspn(text, "<>=! ");
    const char *at = text + length;
    at += strspn(at, " ");
    for (parsed->comparison = 0; parsed->comparison < COMPARISONS; parsed->comparison++)
        if (strncmp(at, comparisons[parsed->comparison], strlen(comparisons[parsed->comparison])) == 0)
            break;
    if (parsed->comparison == COMPARISONS)
        return 0;
    at += strlen(comparisons[parsed->comparison]);
    at += strspn(at, " ");
    for (size_t i = 0; i < sizeof quantities / sizeof *quantities; i++) {
        const struct quantity *quantity = parsed->quantity = &quantities[i];
        int ordered = comparisons[parsed->comparison][0] == '>' || comparisons[parsed->comparison][0] == '<';
        if (strlen(quantity->name) == length && strncmp(quantity->name, text, length) == 0 &&
            (quantity->kind != TRUTH || !ordered) && read_value(quantity->kind, at, &parsed->value))
            return 1;
    }
    return 0;
}

duckrow_code dr_fail_if_check(const char *expression, duckrow_error *error)
{
    struct parsed parsed;
    if (parse(expression, &parsed))
        return DUCKROW_OK;
    return dr_fail(error, DUCKROW_USAGE,
                   "--fail-if %.100s is not understood: one of age, stale, held, waited, staged > 60s; waiting, strangers, "
                   "slots, readers, backlog, quarantined > 5; "
                   "bytes > 10GB; fresh, held, exists = no",
                   expression);
}

static int compare(const char *comparison, double value, double limit)
{
    switch (comparison[0]) {
    case '>':
        return comparison[1] ? value >= limit : value > limit;
    case '<':
        return comparison[1] ? value <= limit : value < limit;
    case '!':
        return value != limit;
    default:
        return value == limit;
    }
}

int dr_fail_if_true(const char *expression, const duckrow_status *status, char *text)
{
    struct parsed parsed;
    char size[32];
    if (!parse(expression, &parsed))
        return 0;
    double value = parsed.quantity->value(status);
    const char *name = parsed.quantity->name;
    if (!compare(comparisons[parsed.comparison], value, parsed.value))
        return 0;
    if (parsed.quantity->kind == TIME && isinf(value))
        snprintf(text, 256, "there is no snapshot");
    else if (parsed.quantity->kind == TIME)
        snprintf(text, 256, "%s is %.1f s", name, value / 1000);
    else if (parsed.quantity->kind == BYTES)
        snprintf(text, 256, "%s is %s", name, dr_space_text((int64_t)value, size));
    else if (parsed.quantity->kind == TRUTH)
        snprintf(text, 256, "%s is %s", name, value != 0 ? "yes" : "no");
    else
        snprintf(text, 256, "%s is %.0f", name, value);
    return 1;
}
