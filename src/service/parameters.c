#include "parameters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/tokens.h"
#include "wire.h"

/* What is shown and can't be changed to anything else that would mean something; the first are told at the start. */
static const struct {
    const char *name, *value, *others; /* others: values that mean the same, between spaces */
} fixed[] = {
    {"server_encoding", "UTF8", ""},
    {"client_encoding", "UTF8", " utf8 utf-8 unicode sql_ascii "},
    {"DateStyle", "ISO, MDY", " iso iso,mdy iso,ymd iso,dmy "},
    {"IntervalStyle", "postgres", " "},
    {"integer_datetimes", "on", " "},
    {"standard_conforming_strings", "on", " true 1 yes "},
    {"is_superuser", "off", " "},
    {"default_transaction_read_only", "off", " false 0 no "},
    {"in_hot_standby", "off", " "},
    {"transaction_isolation", "repeatable read", " "},
    {"default_transaction_isolation", "repeatable read", " readcommitted serializable "},
    {"server_version_num", "150000", " "},
    {"max_identifier_length", "63", " "},
    {"block_size", "8192", " "},
    {"bytea_output", "hex", " "},
    {"row_security", "off", " on "},
    {"escape_string_warning", "on", " off "},
    {"synchronous_commit", "on", " "},
};
enum { FIXED = sizeof fixed / sizeof *fixed, TOLD = 9 };

/* Taken without a word: they change how PostgreSQL works inside, or how it says numbers, which is as with the highest here. */
static const char *const ignored[] = {
    "extra_float_digits", "jit",  "client_min_messages",   "enable_seqscan", "enable_nestloop",      "work_mem", "statement_log",
    "log_statement",      "geqo", "cursor_tuple_fraction", "xmloption",      "check_function_bodies"};

static const struct timeout {
    const char *name;
    size_t offset;
} timeouts[] = {
    {"busy_timeout", offsetof(struct dr_parameters, busy_timeout)},
    {"lock_timeout", offsetof(struct dr_parameters, busy_timeout)},
    {"statement_timeout", offsetof(struct dr_parameters, statement_timeout)},
    {"transaction_timeout", offsetof(struct dr_parameters, transaction_timeout)},
    {"idle_in_transaction_session_timeout", offsetof(struct dr_parameters, idle_timeout)},
};
enum { TIMEOUTS = sizeof timeouts / sizeof *timeouts };

void dr_parameters_init(struct dr_parameters *parameters, const struct dr_settings *settings)
{
    *parameters = (struct dr_parameters){.settings = settings,
                                         .busy_timeout = settings->busy_timeout,
                                         .statement_timeout = settings->statement_timeout,
                                         .transaction_timeout = settings->transaction_timeout,
                                         .idle_timeout = settings->idle_in_transaction_session_timeout,
                                         .time_zone = "UTC"};
}

/* PostgreSQL's: a number is milliseconds, or has a unit; 0 is none. */
static int read_timeout(const char *text, int64_t *milliseconds)
{
    static const struct {
        const char *unit;
        double factor;
    } units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}, {"us", 0.001}};
    char *end;
    double number = strtod(text, &end);
    if (end == text || !(number >= 0 && number <= 1e12))
        return 0;
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].unit) == 0) {
            *milliseconds = (int64_t)(number * units[i].factor + 0.5);
            return 1;
        }
    return 0;
}

static duckrow_code set_timeout(struct dr_parameters *parameters, const struct timeout *timeout, const char *value,
                                duckrow_error *error)
{
    int64_t milliseconds, ceiling = parameters->settings->timeout_ceiling;
    if (!read_timeout(value, &milliseconds))
        return dr_fail(error, DUCKROW_USAGE, "invalid value for parameter \"%s\": \"%.100s\"", timeout->name, value);
    struct dr_parameters fresh;
    dr_parameters_init(&fresh, parameters->settings);
    int waits = timeout->offset == offsetof(struct dr_parameters, busy_timeout);
    /* None is what a session may have where it is what the service gives. */
    int none = !milliseconds && !*(const int64_t *)((const char *)&fresh + timeout->offset);
    if (ceiling && !none && (milliseconds > ceiling || (!milliseconds && !waits)))
        milliseconds = ceiling;
    *(int64_t *)((char *)parameters + timeout->offset) = milliseconds;
    return DUCKROW_OK;
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

static void tell(struct dr_buffer *out, const char *name, const char *value)
{
    if (out)
        dr_message_parameter(out, name, value);
}

duckrow_code dr_parameters_set(struct dr_parameters *parameters, const char *name, const char *value, struct dr_buffer *out,
                               duckrow_error *error)
{
    for (size_t i = 0; i < TIMEOUTS; i++)
        if (strcasecmp(name, timeouts[i].name) == 0)
            return set_timeout(parameters, &timeouts[i], value, error);
    for (size_t i = 0; i < FIXED; i++)
        if (strcasecmp(name, fixed[i].name) == 0) {
            /* asyncpg sends client_encoding with quotes. */
            size_t length = strlen(value), quoted = length > 1 && value[0] == '\'' && value[length - 1] == '\'';
            char plain[128];
            snprintf(plain, sizeof plain, "%.*s", (int)(length - 2 * quoted), value + quoted);
            value = plain;
            if (strcasecmp(value, fixed[i].value) == 0 || is_among(value, fixed[i].others))
                return DUCKROW_OK;
            return dr_fail(error, DUCKROW_UNSUPPORTED, "parameter \"%s\" can only be %s here, not \"%.100s\"", fixed[i].name,
                           fixed[i].value, value);
        }
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        if (strcasecmp(name, ignored[i]) == 0)
            return DUCKROW_OK;
    if (strcasecmp(name, "TimeZone") == 0) {
        if (is_among(value, " UTC Etc/UTC GMT UCT Zulu Z 0 "))
            return DUCKROW_OK;
        return dr_fail(error, DUCKROW_UNSUPPORTED, "parameter \"TimeZone\" can only be UTC here, not \"%.100s\"", value);
    }
    if (strcasecmp(name, "application_name") == 0) {
        snprintf(parameters->application_name, sizeof parameters->application_name, "%s", value);
        tell(out, "application_name", parameters->application_name);
        return DUCKROW_OK;
    }
    return DUCKROW_NOT_FOUND;
}

int dr_parameters_show(const struct dr_parameters *parameters, const char *name, char value[256])
{
    for (size_t i = 0; i < TIMEOUTS; i++)
        if (strcasecmp(name, timeouts[i].name) == 0) {
            snprintf(value, 256, "%lldms", (long long)*(const int64_t *)((const char *)parameters + timeouts[i].offset));
            return 1;
        }
    for (size_t i = 0; i < FIXED; i++)
        if (strcasecmp(name, fixed[i].name) == 0) {
            snprintf(value, 256, "%s", fixed[i].value);
            return 1;
        }
    if (strcasecmp(name, "application_name") == 0)
        snprintf(value, 256, "%s", parameters->application_name);
    else if (strcasecmp(name, "TimeZone") == 0)
        snprintf(value, 256, "%s", parameters->time_zone);
    else if (strcasecmp(name, "session_authorization") == 0)
        snprintf(value, 256, "%s", parameters->user);
    else if (strcasecmp(name, "server_version") == 0)
        snprintf(value, 256, "15.0");
    else if (strcasecmp(name, "search_path") == 0)
        snprintf(value, 256, "main");
    else if (strcasecmp(name, "extra_float_digits") == 0)
        snprintf(value, 256, "1");
    else
        return 0;
    return 1;
}

void dr_parameters_tell(const struct dr_parameters *parameters, const char *server_version, struct dr_buffer *out)
{
    dr_message_parameter(out, "server_version", server_version);
    for (size_t i = 0; i < TOLD; i++)
        dr_message_parameter(out, fixed[i].name, fixed[i].value);
    dr_message_parameter(out, "TimeZone", parameters->time_zone);
    dr_message_parameter(out, "application_name", parameters->application_name);
    dr_message_parameter(out, "session_authorization", parameters->user);
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

static void parse_set(struct dr_tokens *tokens, struct dr_set_statement *set)
{
    if (!dr_tokens_take_word(tokens, "SESSION"))
        dr_tokens_take_word(tokens, "LOCAL");
    if (dr_tokens_is_word(tokens, "TRANSACTION") || dr_tokens_is_word(tokens, "CHARACTERISTICS")) {
        set->what = DR_SET_TRANSACTION;
        return;
    }
    if (dr_tokens_take_word(tokens, "TIME")) {
        if (!dr_tokens_take_word(tokens, "ZONE"))
            return;
        strcpy(set->name, "TimeZone");
    } else {
        if ((tokens->kind != DR_TOKEN_WORD && tokens->kind != DR_TOKEN_NAME) || !take_text(tokens, set->name, sizeof set->name))
            return;
        if (!dr_tokens_take_sign(tokens, '=') && !dr_tokens_take_word(tokens, "TO"))
            return;
    }
    /* A list is its parts with commas: DateStyle = ISO, MDY. */
    while (take_text(tokens, set->value, sizeof set->value)) {
    }
    set->what = tokens->kind == DR_TOKEN_END ? DR_SET_ONE : DR_SET_OTHER;
}

void dr_set_parse(const char *sql, struct dr_set_statement *set)
{
    struct dr_tokens tokens;
    char *memory = malloc(2 * strlen(sql) + 64);
    *set = (struct dr_set_statement){.what = DR_SET_OTHER};
    if (!memory)
        return;
    dr_tokens_begin(&tokens, sql, memory);
    if (dr_tokens_take_word(&tokens, "SET")) {
        parse_set(&tokens, set);
    } else if (dr_tokens_take_word(&tokens, "RESET")) {
        take_text(&tokens, set->name, sizeof set->name);
        set->what = strcasecmp(set->name, "ALL") == 0 ? DR_SET_RESET_ALL : DR_SET_RESET;
    } else if (dr_tokens_take_word(&tokens, "PRAGMA") && take_text(&tokens, set->name, sizeof set->name) &&
               dr_tokens_take_sign(&tokens, '=') && take_text(&tokens, set->value, sizeof set->value)) {
        set->what = DR_SET_ONE;
    }
    free(memory);
}

int dr_show_parse(const char *sql, char name[64])
{
    struct dr_tokens tokens;
    char *memory = malloc(2 * strlen(sql) + 64);
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
