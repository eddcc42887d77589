/* duckrow publish: makes the snapshot, or makes it new. */
#include <stdio.h>

#include "core/json.h"
#include "work.h"

static int print_json(const struct dr_outcome *outcome)
{
    const duckrow_published *published = &outcome->published;
    struct dr_json json = {0};
    dr_json_open(&json, NULL, '{');
    dr_json_number(&json, "generation", published->generation);
    dr_json_number(&json, "sequence", published->sequence);
    dr_json_bool(&json, "rotated", published->rotated);
    dr_json_bool(&json, "checkpoint", outcome->plan.checkpoint);
    if (outcome->plan.checkpoint && outcome->plan.reason)
        dr_json_string(&json, "reason", outcome->plan.reason);
    else
        dr_json_null(&json, "reason");
    dr_json_number(&json, "bytes", published->bytes);
    dr_json_number(&json, "compared", published->compared);
    dr_json_number(&json, "copied", published->copied);
    dr_json_close(&json, '}');
    return dr_print_json(&json);
}

static int print(const struct dr_outcome *outcome)
{
    const duckrow_published *published = &outcome->published;
    printf("generation %lld, sequence %lld: ", (long long)published->generation, (long long)published->sequence);
    if (outcome->plan.checkpoint)
        printf("checkpoint (%s), ", outcome->plan.reason ? outcome->plan.reason : "asked for");
    if (published->rotated)
        printf("new slot, ");
    if (published->bytes)
        printf("%lld bytes written, %lld of %lld blocks copied\n", (long long)published->bytes, (long long)published->copied,
               (long long)published->compared);
    else
        printf("nothing to write\n");
    return dr_end_printing();
}

static int run_publish(const struct dr_options *options)
{
    struct dr_work work;
    struct dr_outcome outcome;
    duckrow_error error = {0};
    duckrow_code code = dr_work_open(&work, options, DUCKROW_MUST_EXIST, &error);
    if (!code)
        code = dr_work_refresh(&work, &outcome, &error);
    dr_work_close(&work);
    if (code)
        return dr_report(&error);
    return options->json ? print_json(&outcome) : print(&outcome);
}

const struct dr_command dr_command_publish = {
    "publish",
    "publish [--json] [--timeout 10s] [--engine FILE] DB",
    "make the snapshot, or make it new",
    "Takes the turn, opens the database, and makes the snapshot as new as it. Writers that use duckrow do this themselves; it "
    "is\n"
    "of use after others have written.\n"
    "\n"
    "  --json          one object: generation, sequence, rotated, checkpoint, reason, bytes, compared, copied\n"
    "  --timeout TIME  how long to wait: 10s, 500ms, 2m, 1.5 (seconds); default 10s\n"
    "  --engine FILE   the libduckdb.so to use; default: DUCKROW_ENGINE, then the loader's path\n",
    DR_TAKES_JSON | DR_TAKES_TIMEOUT | DR_TAKES_ENGINE | DR_TAKES_DATABASE,
    run_publish,
};
