/* duckrow path: what stock tools open to read. */
#include <stdio.h>
#include <unistd.h>

#include "work.h"

static int run_path(const struct dr_options *options)
{
    struct dr_work work;
    duckrow_error error = {0};
    duckrow_code code = dr_work_open_database(&work, options, DUCKROW_MUST_EXIST, &error);
    if (!code) {
        code = duckrow_snapshot_pin(work.db, dr_work_left(&work), &work.snapshot, &error);
        /* Somebody may have removed the link, or a writer was killed before it made it. */
        if (code == DUCKROW_STALE || (!code && access(duckrow_db_read_path(work.db), F_OK) < 0)) {
            code = dr_work_open_engine(&work, options, &error);
            if (!code)
                code = dr_work_refresh(&work, NULL, &error);
        }
    }
    if (!code)
        puts(duckrow_db_read_path(work.db));
    dr_work_close(&work);
    return code ? dr_report(&error) : dr_end_printing();
}

const struct dr_command dr_command_path = {
    "path",
    "path [--timeout 10s] [--engine FILE] DB",
    "print the path that stock tools open to read",
    "Prints the path under which any DuckDB program finds the current snapshot, to be opened read-only: it is as new as the\n"
    "last commit. Makes the snapshot first where there is none or it is out of date.\n"
    "\n"
    "  --timeout TIME  how long to wait: 10s, 500ms, 2m, 1.5 (seconds); default 10s\n"
    "  --engine FILE   the libduckdb.so to use; default: DUCKROW_ENGINE, then the loader's path\n",
    DR_TAKES_TIMEOUT | DR_TAKES_ENGINE | DR_TAKES_DATABASE,
    run_path,
};
