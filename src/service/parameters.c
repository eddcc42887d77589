#include "parameters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/tokens.h"
#include "wire.h"

enum kind {
    TIMEOUT,
    TEXT,
    FIXED,   /* can't be changed to anything that would mean something else */
    IGNORED, /* taken without a word: how PostgreSQL works inside, or says numbers, which is as with the highest here */
    SHOWN,
    SWITCH, /* on or off */
    ZONE,
};

/* In the order of their names, as SHOW ALL tells them. */
static const struct known {
    const char *name;
    enum kind kind;
    int told;           /* at the start, and when it changes */
    size_t at;          /* in the structure */
    const char *value;  /* FIXED, SHOWN: the one that it has; IGNORED: the one that it begins with */
    const char *others; /* FIXED: values that mean the same, between spaces */
    const char *about;
} known[] = {
#define TIME(name, field, about) {name, TIMEOUT, 0, offsetof(struct dr_parameters, field), NULL, NULL, about}
#define TEXT(name, field, about) {name, TEXT, 1, offsetof(struct dr_parameters, field), NULL, NULL, about}
#define FIXED(name, told, value, others) {name, FIXED, told, 0, value, others, "Has one value here."}
#define IGNORED(name, number, value)                                                                                             \
    {name, IGNORED, 0, offsetof(struct dr_parameters, kept[number]), value, NULL, "Changes nothing."}
    TEXT("application_name", application_name, "The program's name, for log lines and SHOW duckrow_sessions."),
    FIXED("block_size", 0, "8192", " "),
    TIME("busy_timeout", busy_timeout, "How long a statement waits for others."),
    FIXED("bytea_output", 0, "hex", " "),
    IGNORED("check_function_bodies", 0, "on"),
    FIXED("client_encoding", 1, "UTF8", " utf8 utf-8 unicode sql_ascii "),
    IGNORED("client_min_messages", 1, "notice"),
    IGNORED("cursor_tuple_fraction", 2, "0.1"),
    FIXED("DateStyle", 1, "ISO, MDY", " iso iso,mdy iso,ymd iso,dmy "),
    FIXED("default_transaction_isolation", 0, "repeatable read", " readcommitted serializable "),
    FIXED("default_transaction_read_only", 1, "off", " false 0 no "),
    IGNORED("enable_nestloop", 3, "on"),
    IGNORED("enable_seqscan", 4, "on"),
    FIXED("escape_string_warning", 0, "on", " off "),
    IGNORED("extra_float_digits", 5, "1"),
    IGNORED("geqo", 6, "on"),
    TIME("idle_in_transaction_session_timeout", idle_timeout, "The longest pause within a transaction."),
    FIXED("in_hot_standby", 1, "off", " "),
    FIXED("integer_datetimes", 1, "on", " "),
    FIXED("IntervalStyle", 1, "postgres", " "),
    FIXED("is_superuser", 1, "off", " "),
    IGNORED("jit", 7, "off"),
    TIME("lock_timeout", busy_timeout, "The same as busy_timeout."),
    IGNORED("log_statement", 8, "none"),
    FIXED("max_identifier_length", 0, "63", " "),
    FIXED("role", 0, "none", " "),
    FIXED("row_security", 0, "off", " on "),
    FIXED("search_path", 0, "main", " public main,public $user,public "),
    FIXED("server_encoding", 1, "UTF8", " "),
    {"server_version", SHOWN, 0, 0, "15.0", NULL, "The PostgreSQL that it behaves as."},
    FIXED("server_version_num", 0, "150000", " "),
    {"session_authorization", SHOWN, 1, offsetof(struct dr_parameters, user), NULL, NULL, "The name that the client gave."},
    {"staged", SWITCH, 0, offsetof(struct dr_parameters, staged), NULL, NULL,
     "Reads see what is staged, which is taken in first."},
    FIXED("standard_conforming_strings", 1, "on", " true 1 yes "),
    IGNORED("statement_log", 9, ""),
    TIME("statement_timeout", statement_timeout, "The longest run of a statement."),
    FIXED("synchronous_commit", 0, "on", " "),
    {"TimeZone", ZONE, 1, 0, NULL, NULL, "The zone in which moments are shown and read."},
    FIXED("transaction_isolation", 0, "repeatable read", " "),
    TIME("transaction_timeout", transaction_timeout, "The longest transaction, from its first write on."),
    IGNORED("work_mem", 10, "4MB"),
    IGNORED("xmloption", 11, "content"),
#undef TIME
#undef TEXT
#undef FIXED
#undef IGNORED
};
enum { KNOWN = sizeof known / sizeof *known, VALUE = 256 };

static const struct known *find(const char *name)
{
    for (int i = 0; i < KNOWN; i++)
        if (strcasecmp(name, known[i].name) == 0)
            return &known[i];
    return NULL;
}

static int64_t *timeout_of(struct dr_parameters *parameters, const struct known *one)
{
    return (int64_t *)((char *)parameters + one->at);
}

static size_t room_of(const struct known *one)
{
    const struct dr_parameters *any = NULL;
    return one->kind == IGNORED ? sizeof any->kept[0] : sizeof any->application_name;
}

static void set_text(struct dr_parameters *parameters, const struct known *one, const char *value)
{
    snprintf((char *)parameters + one->at, room_of(one), "%s", value);
}

void dr_parameters_init(struct dr_parameters *parameters, const struct dr_settings *settings)
{
    *parameters = (struct dr_parameters){.settings = settings,
                                         .busy_timeout = settings->busy_timeout,
                                         .statement_timeout = settings->statement_timeout,
                                         .transaction_timeout = settings->transaction_timeout,
                                         .idle_timeout = settings->idle_in_transaction_session_timeout,
                                         .staged = "off",
                                         .zone = dr_zone_utc()};
    for (int i = 0; i < KNOWN; i++)
        if (known[i].kind == IGNORED)
            set_text(parameters, &known[i], known[i].value);
}

/* PostgreSQL's: a number is milliseconds, or has a unit; 0 is none. */
static const struct {
    const char *unit;
    double factor;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}, {"", 1}, {"us", 0.001}};
enum { UNITS = sizeof units / sizeof *units };

static int read_timeout(const char *text, int64_t *milliseconds)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || !(number >= 0 && number <= 1e12))
        return 0;
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < UNITS; i++)
        if (strcmp(end, units[i].unit) == 0) {
            *milliseconds = (int64_t)(number * units[i].factor + 0.5);
            return 1;
        }
    return 0;
}

/* In the largest unit of which it is a whole number; none has no unit (guc.c: convert_int_from_base_unit). */
static void write_timeout(int64_t milliseconds, char value[VALUE])
{
    size_t i = 0;
    while (milliseconds % (int64_t)units[i].factor)
        i++;
    snprintf(value, VALUE, "%lld%s", (long long)(milliseconds / (int64_t)units[i].factor), milliseconds ? units[i].unit : "");
}

static duckrow_code set_timeout(struct dr_parameters *parameters, const struct known *one, const char *value,
                                duckrow_error *error)
{
    int64_t milliseconds, ceiling = parameters->settings->timeout_ceiling;
    if (!read_timeout(value, &milliseconds))
        return dr_fail(error, DUCKROW_USAGE, "invalid value for parameter \"%s\": \"%.100s\"", one->name, value);
    struct dr_parameters fresh;
    dr_parameters_init(&fresh, parameters->settings);
    int waits = one->at == offsetof(struct dr_parameters, busy_timeout);
    /* None is what a session may have where it is what the service gives. */
    int none = !milliseconds && !*timeout_of(&fresh, one);
    if (ceiling && !none && (milliseconds > ceiling || (!milliseconds && !waits)))
        milliseconds = ceiling;
    *timeout_of(parameters, one) = milliseconds;
    return DUCKROW_OK;
}

static duckrow_code set_zone(struct dr_parameters *parameters, const char *value, duckrow_error *error)
{
    const struct dr_zone *zone = dr_zone_find(value);
    if (!zone)
        return dr_fail(error, DUCKROW_USAGE, "invalid value for parameter \"TimeZone\": \"%.100s\"", value);
    parameters->zone = zone;
    return DUCKROW_OK;
}

static duckrow_code set_switch(struct dr_parameters *parameters, const struct known *one, const char *value, duckrow_error *error)
{
    static const char *const words[][2] = {{"on", "off"}, {"true", "false"}, {"yes", "no"}, {"1", "0"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (int k = 0; k < 2; k++)
            if (strcasecmp(value, words[i][k]) == 0) {
                set_text(parameters, one, words[0][k]);
                return DUCKROW_OK;
            }
    return dr_fail(error, DUCKROW_USAGE, "parameter \"%s\" requires a Boolean value", one->name);
}

static int is_among(const char *value, const char *others)
{
    char word[128];
    snprintf(word, sizeof word, " %s ", value);
    for (char *at = word + 1, *to = at; *at; at++) {
        if (*at != ' ' || !at[1])
            *to++ = *at;
        if (!at[1])
            *to = 0;
    }
    return strcasestr(others, word) != NULL;
}

static duckrow_code check_fixed(const struct known *one, const char *value, duckrow_error *error)
{
    /* asyncpg sends client_encoding with quotes. */
    size_t length = strlen(value), quoted = length > 1 && value[0] == '\'' && value[length - 1] == '\'';
    char plain[128];
    snprintf(plain, sizeof plain, "%.*s", (int)(length - 2 * quoted), value + quoted);
    if (strcasecmp(plain, one->value) == 0 || is_among(plain, one->others))
        return DUCKROW_OK;
    return dr_fail(error, DUCKROW_UNSUPPORTED, "parameter \"%s\" can only be %s here, not \"%.100s\"", one->name, one->value,
                   plain);
}

static void tell(const struct dr_parameters *parameters, const struct known *one, struct dr_buffer *out)
{
    char value[VALUE];
    if (!out || !one->told)
        return;
    dr_parameters_show(parameters, one->name, value);
    dr_message_parameter(out, one->name, value);
}

duckrow_code dr_parameters_set(struct dr_parameters *parameters, const char *name, const char *value, struct dr_buffer *out,
                               duckrow_error *error)
{
    const struct known *one = find(name);
    if (!one || one->kind == SHOWN)
        return DUCKROW_NOT_FOUND;
    if (one->kind == TIMEOUT)
        return set_timeout(parameters, one, value, error);
    if (one->kind == SWITCH)
        return set_switch(parameters, one, value, error);
    if (one->kind == FIXED)
        return check_fixed(one, value, error);
    if (one->kind == ZONE) {
        duckrow_code code = set_zone(parameters, value, error);
        if (code)
            return code;
    } else {
        set_text(parameters, one, value);
    }
    tell(parameters, one, out);
    return DUCKROW_OK;
}

int dr_parameters_reset(struct dr_parameters *parameters, const struct dr_parameters *start, const char *name,
                        struct dr_buffer *out)
{
    char now[VALUE], then[VALUE];
    int found = 0;
    for (int i = 0; i < KNOWN; i++) {
        const struct known *one = &known[i];
        if (name && strcasecmp(name, one->name) != 0)
            continue;
        found = 1;
        dr_parameters_show(parameters, one->name, now);
        dr_parameters_show(start, one->name, then);
        if (one->kind == TIMEOUT)
            *timeout_of(parameters, one) = *(const int64_t *)((const char *)start + one->at);
        else if (one->kind == ZONE)
            parameters->zone = start->zone;
        else if (one->kind == TEXT || one->kind == IGNORED || one->kind == SWITCH)
            set_text(parameters, one, then);
        if (strcmp(now, then) != 0)
            tell(parameters, one, out);
    }
    return found;
}

int dr_parameters_show(const struct dr_parameters *parameters, const char *name, char value[VALUE])
{
    const struct known *one = find(name);
    if (!one)
        return 0;
    if (one->kind == TIMEOUT)
        write_timeout(*(const int64_t *)((const char *)parameters + one->at), value);
    else if (one->kind == ZONE)
        snprintf(value, VALUE, "%s", dr_zone_name(parameters->zone));
    else
        snprintf(value, VALUE, "%s", one->at ? (const char *)parameters + one->at : one->value);
    return 1;
}

const char *dr_parameters_name(int i, const char **about)
{
    if (i >= KNOWN)
        return NULL;
    *about = known[i].about;
    return known[i].name;
}

void dr_parameters_tell(const struct dr_parameters *parameters, const char *server_version, struct dr_buffer *out)
{
    dr_message_parameter(out, "server_version", server_version);
    for (int i = 0; i < KNOWN; i++)
        tell(parameters, &known[i], out);
}

/* ---- statements ---- */

static int take_text(struct dr_tokens *tokens, char *text, size_t size)
{
    if (tokens->kind == DR_TOKEN_END || tokens->kind == DR_TOKEN_BROKEN)
        return 0;
    size_t used = strlen(text);
    if (tokens->text && tokens->kind != DR_TOKEN_SIGN)
        snprintf(text + used, size - used, "%s", tokens->text);
    else
        snprintf(text + used, size - used, "%.*s", (int)(tokens->at - tokens->start), tokens->start);
    dr_tokens_next(tokens);
    return 1;
}

/* Names that PostgreSQL's grammar has in words. */
static int take_spelled_out(struct dr_tokens *tokens, char name[64])
{
    static const char *const words[][3] = {
        {"TIME", "ZONE", "TimeZone"}, {"AUTHORIZATION", NULL, "session_authorization"}, {"ROLE", NULL, "role"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct dr_tokens ahead = *tokens;
        if (!dr_tokens_take_word(&ahead, words[i][0]) || (words[i][1] && !dr_tokens_take_word(&ahead, words[i][1])) ||
            (ahead.kind == DR_TOKEN_SIGN && *ahead.start == '=') || dr_tokens_is_word(&ahead, "TO"))
            continue;
        *tokens = ahead;
        strcpy(name, words[i][2]);
        return 1;
    }
    return 0;
}

static int is_zone(const char *name)
{
    return strcasecmp(name, "TimeZone") == 0;
}

static void parse_set(struct dr_tokens *tokens, struct dr_set_statement *set)
{
    if (!dr_tokens_take_word(tokens, "SESSION"))
        dr_tokens_take_word(tokens, "LOCAL");
    if (dr_tokens_is_word(tokens, "TRANSACTION") || dr_tokens_is_word(tokens, "CHARACTERISTICS")) {
        set->what = DR_SET_TRANSACTION;
        return;
    }
    if (!take_spelled_out(tokens, set->name)) {
        if ((tokens->kind != DR_TOKEN_WORD && tokens->kind != DR_TOKEN_NAME) || !take_text(tokens, set->name, sizeof set->name))
            return;
        if (!dr_tokens_take_sign(tokens, '=') && !dr_tokens_take_word(tokens, "TO"))
            return;
    }
    struct dr_tokens value = *tokens;
    int is_default = dr_tokens_take_word(&value, "DEFAULT") || (is_zone(set->name) && dr_tokens_take_word(&value, "LOCAL"));
    if (is_default && value.kind == DR_TOKEN_END) {
        set->what = DR_SET_RESET;
        return;
    }
    /* A list is its parts with commas: DateStyle = ISO, MDY. */
    while (take_text(tokens, set->value, sizeof set->value)) {
    }
    set->what = tokens->kind == DR_TOKEN_END ? DR_SET_ONE : DR_SET_OTHER;
}

static void parse_reset(struct dr_tokens *tokens, struct dr_set_statement *set)
{
    dr_tokens_take_word(tokens, "SESSION");
    if (!take_spelled_out(tokens, set->name))
        take_text(tokens, set->name, sizeof set->name);
    set->what = strcasecmp(set->name, "ALL") == 0 ? DR_SET_RESET_ALL : DR_SET_RESET;
}

void dr_set_parse(const char *sql, struct dr_set_statement *set)
{
    struct dr_tokens tokens;
    char *memory = dr_tokens_memory(sql);
    *set = (struct dr_set_statement){.what = DR_SET_OTHER};
    if (!memory)
        return;
    dr_tokens_begin(&tokens, sql, memory);
    if (dr_tokens_take_word(&tokens, "SET")) {
        parse_set(&tokens, set);
    } else if (dr_tokens_take_word(&tokens, "RESET")) {
        parse_reset(&tokens, set);
    } else if (dr_tokens_take_word(&tokens, "PRAGMA") && take_text(&tokens, set->name, sizeof set->name) &&
               dr_tokens_take_sign(&tokens, '=') && take_text(&tokens, set->value, sizeof set->value)) {
        set->what = DR_SET_ONE;
    }
    free(memory);
}

int dr_show_parse(const char *sql, char name[64])
{
    struct dr_tokens tokens;
    char *memory = dr_tokens_memory(sql);
    *name = 0;
    if (!memory)
        return 0;
    dr_tokens_begin(&tokens, sql, memory);
    int found = dr_tokens_take_word(&tokens, "SHOW");
    if (found && dr_tokens_take_word(&tokens, "TIME"))
        found = dr_tokens_take_word(&tokens, "ZONE") && snprintf(name, 64, "TimeZone") > 0;
    else if (found && dr_tokens_take_word(&tokens, "TRANSACTION"))
        found = snprintf(name, 64, "transaction_isolation") > 0;
    else
        found = found && take_text(&tokens, name, 64) && dr_tokens_at_end(&tokens);
    free(memory);
    return found;
}
