/* ATTACH and DETACH, recognized in the text of one SQL statement:
 *
 *     ATTACH [OR REPLACE | IF NOT EXISTS] [DATABASE] 'path' [AS name] [(OPTION [value], …)]
 *     DETACH [DATABASE] [IF EXISTS] name
 *
 * DATABASE may stand before IF NOT EXISTS too, as people write it. Comments nest. The path is a string, '…', E'…' or $tag$…$tag$,
 * or, as 2.0 takes it, a quoted name. A value is a string, a number, a word or a quoted name.
 *
 * What is not understood for certain is DR_ATTACH_NONE, and DuckDB answers itself: an expression for a path or a value, strings side
 * by side, a second statement, READ_ONLY and READ_WRITE together (1.5 takes the last, 2.0 the first). What only one line of DuckDB
 * takes is taken, and whether a name is a reserved word is not looked at: DuckDB's parser should see the statement first. */
#ifndef DR_ATTACH_H
#define DR_ATTACH_H

enum dr_attach_kind { DR_ATTACH_NONE, DR_ATTACH_ATTACH, DR_ATTACH_DETACH };

struct dr_attach {
    enum dr_attach_kind kind;
    int if_exists, if_not_exists, or_replace;
    char *path;    /* what DuckDB opens: without duckdb: and file:, ~ as HOME; NULL for DETACH */
    char *alias;   /* of ATTACH: NULL when absent; of DETACH: the name */
    int read_only; /* -1: not said, 0: READ_WRITE or READ_ONLY false, 1: READ_ONLY */
    char *type;    /* NULL when absent; in lower case */
    int encrypted; /* has an ENCRYPTION_KEY, which is in options */
    char *options; /* all but READ_ONLY, READ_WRITE and TYPE, as SQL: "BLOCK_SIZE 16384, ENCRYPTION_KEY 'x'"; NULL: none */
};

/* Fills in *attach; NONE where memory ends too. To be ended with dr_attach_free. */
void dr_attach_parse(const char *sql, struct dr_attach *attach);
void dr_attach_free(struct dr_attach *attach);

/* Does the statement begin with the word ATTACH, understood or not? */
int dr_attach_begins(const char *sql);

/* Can path be a local file that holds a DuckDB database? Not '', :memory:, a URL, another type's prefix (sqlite:), another type. */
int dr_attach_is_file(const char *path, const char *type);

/* What DuckDB calls the database of this file when nobody says (AttachedDatabase::ExtractDatabaseName), allocated; NULL: it has no
 * name for it (the file name begins with a dot), or out of memory. */
char *dr_attach_name(const char *path);

#endif
