/* What SET, SHOW and RESET know of a session beside DuckDB's own settings: PostgreSQL's names that clients and drivers use.
 *
 * The timeouts and staged work; client_encoding must stay UTF8; DateStyle and IntervalStyle stay ISO and postgres; the others are kept and shown,
 * and change nothing. A name that is not here is for DuckDB. */
#ifndef DR_PARAMETERS_H
#define DR_PARAMETERS_H

#include "buffer.h"
#include "settings.h"
#include "timezone.h"

struct dr_parameters {
    const struct dr_settings *settings;
    int64_t busy_timeout, statement_timeout, transaction_timeout, idle_timeout; /* ms; 0: none, but for busy_timeout */
    char application_name[64], user[64];
    const struct dr_zone *zone;
    char staged[32]; /* on: reads wait until what is staged is in (ingester.h) */
    char kept[12][32]; /* what changes nothing, but is shown as it was set */
};

void dr_parameters_init(struct dr_parameters *parameters, const struct dr_settings *settings);
/* Sets one by name. Errors: NOT_FOUND: no such name here; USAGE; UNSUPPORTED. Adds ParameterStatus to out (may be NULL). */
duckrow_code dr_parameters_set(struct dr_parameters *parameters, const char *name, const char *value, struct dr_buffer *out,
                               duckrow_error *error);
/* Makes one what it was in `start`; name NULL: all. 0: no such name. */
int dr_parameters_reset(struct dr_parameters *parameters, const struct dr_parameters *start, const char *name,
                        struct dr_buffer *out);
/* The value as text, in memory of the caller; 0: no such name. */
int dr_parameters_show(const struct dr_parameters *parameters, const char *name, char value[256]);
/* The names in order, from 0 on, and what each is; NULL: no more. */
const char *dr_parameters_name(int i, const char **about);
/* The ParameterStatus messages of the start. */
void dr_parameters_tell(const struct dr_parameters *parameters, const char *server_version, struct dr_buffer *out);

/* SET [SESSION|LOCAL] name {=|TO} value, RESET name|ALL, PRAGMA name=value, SET TIME ZONE …, SET TRANSACTION …: what it does. A value of
 * DEFAULT means RESET. */
struct dr_set_statement {
    enum { DR_SET_OTHER, DR_SET_ONE, DR_SET_RESET, DR_SET_RESET_ALL, DR_SET_TRANSACTION } what;
    char name[64], value[256];
};
void dr_set_parse(const char *sql, struct dr_set_statement *set);
/* SHOW name; 0: not of that form. */
int dr_show_parse(const char *sql, char name[64]);

#endif
