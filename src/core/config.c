#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "json.h"
#include "units.h"

enum { LARGEST = 65536 };

enum kind { NUMBER, SWITCH, TIME, SIZE, KEEP };

static const struct setting {
    const char *name, *values;
    enum kind kind;
    size_t offset; /* of its int64_t */
    int64_t standard, least, most;
} settings[DR_SETTINGS] = {
#define AT(field) offsetof(struct dr_config, field)
    {"max_slots", "a number from 2 to 32", NUMBER, AT(max_slots), 3, 2, 32},
    {"snapshots", "on or off", SWITCH, AT(snapshots), 1, 0, 1},
    {"ingest", "on or off", SWITCH, AT(ingest), 1, 0, 1},
    {"ingest_interval", "a time of 10ms or more, such as 1s", TIME, AT(ingest_interval_ms), 1000, 10, INT64_MAX},
    {"ingest_files", "a number from 1 to 100000", NUMBER, AT(ingest_files), 4096, 1, 100000},
    {"ingest_bytes", "a size, such as 1GiB or 64MiB", SIZE, AT(ingest_bytes), 1 << 30, 1, INT64_MAX},
    {"ingest_create", "on or off", SWITCH, AT(ingest_create), 0, 0, 1},
    {"ingest_add_columns", "on or off", SWITCH, AT(ingest_add_columns), 0, 0, 1},
    {"ingest_keep", "on, off or a time, such as 7d", KEEP, AT(ingest_keep), 0, 0, DR_KEEP},
#undef AT
};

static int64_t *place(struct dr_config *config, int setting)
{
    return (int64_t *)((char *)config + settings[setting].offset);
}

static int64_t value_of(const struct dr_config *config, int setting)
{
    return *(const int64_t *)((const char *)config + settings[setting].offset);
}

/* ingest_keep is a switch otherwise. */
static int is_time(int setting, int64_t value)
{
    enum kind kind = settings[setting].kind;
    return kind == TIME || (kind == KEEP && value && value != DR_KEEP);
}

const char *dr_config_name(int setting)
{
    return settings[setting].name;
}

const char *dr_config_value(const struct dr_config *config, int setting, char text[32])
{
    int64_t value = value_of(config, setting);
    enum kind kind = settings[setting].kind;
    if (is_time(setting, value))
        return dr_write_duration(value, text);
    if (kind == SIZE)
        return dr_write_size(value, text);
    if (kind == NUMBER)
        snprintf(text, 32, "%lld", (long long)value);
    else
        snprintf(text, 32, "%s", value ? "on" : "off");
    return text;
}

void dr_config_json(const struct dr_config *config, struct dr_json *json)
{
    char text[32];
    for (int i = 0; i < DR_SETTINGS; i++) {
        int64_t value = value_of(config, i);
        enum kind kind = settings[i].kind;
        if (is_time(i, value))
            dr_json_string(json, settings[i].name, dr_write_duration(value, text));
        else if (kind == NUMBER || kind == SIZE)
            dr_json_number(json, settings[i].name, value);
        else
            dr_json_bool(json, settings[i].name, value != 0);
    }
}

int dr_config_find(const char *name)
{
    for (int i = 0; i < DR_SETTINGS; i++)
        if (!strcmp(settings[i].name, name))
            return i;
    return -1;
}

static int read_value(enum kind kind, const char *text, int64_t *value)
{
    char *end;
    int on = strcmp(text, "on") == 0, off = strcmp(text, "off") == 0;
    switch (kind) {
    case NUMBER:
        *value = strtoll(text, &end, 10);
        return *text && !*end ? 0 : -1;
    case SIZE:
        return dr_parse_size(text, value);
    case KEEP:
    case SWITCH:
        *value = !on ? 0 : kind == KEEP ? DR_KEEP : 1;
        if (on || off || kind == SWITCH)
            return on || off ? 0 : -1;
        return dr_parse_duration(text, value);
    case TIME:
        return dr_parse_duration(text, value);
    }
    return -1;
}

/* 0, or -1 where the value is none of the setting's. */
static int set(struct dr_config *config, int setting, const char *text)
{
    int64_t value;
    if (read_value(settings[setting].kind, text, &value) || value < settings[setting].least || value > settings[setting].most)
        return -1;
    *place(config, setting) = value;
    config->holds |= place(config, setting) == &config->max_slots;
    return 0;
}

static duckrow_code fail_unknown(duckrow_error *error, const char *where, const char *name)
{
    char names[256] = "";
    size_t n = 0;
    for (int i = 0; i < DR_SETTINGS; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s",
                              !i                    ? ""
                              : i + 1 < DR_SETTINGS ? ", "
                                                    : " or ",
                              settings[i].name);
    return dr_fail(error, DUCKROW_USAGE, "%sthere is no setting %.60s: choose %s", where, name, names);
}

static duckrow_code fail_value(duckrow_error *error, const char *where, int setting, const char *value)
{
    return dr_fail(error, DUCKROW_USAGE, "%s%s is %s, not %.60s", where, settings[setting].name, settings[setting].values,
                   *value ? value : "empty");
}

/* Cuts blanks off both ends. */
static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r", text[n - 1]))
        n--;
    text[n] = 0;
    return text;
}

/* Takes a line apart, in place. The setting; -1: it has none; -2: it is not understood. */
static int split(char *line, char **name, char **value)
{
    line[strcspn(line, "#")] = 0;
    *name = trim(line);
    *value = NULL;
    if (!**name)
        return -1;
    char *equals = strchr(*name, '=');
    if (!equals)
        return -2;
    *equals = 0;
    *value = trim(equals + 1);
    *name = trim(*name);
    int setting = dr_config_find(*name);
    return setting < 0 ? -2 : setting;
}

/* The file's text, to be freed; *text is NULL where there is no file. */
static duckrow_code load(const duckrow_db *db, const char *path, char **text, duckrow_error *error)
{
    struct stat st;
    *text = NULL;
    int fd = dr_open(path, O_RDONLY, 0);
    if (fd < 0)
        return errno == ENOENT ? DUCKROW_OK : dr_fail_access(db, errno, path, error);
    duckrow_code code = DUCKROW_OK;
    if (dr_os.fstat(fd, &st) < 0)
        code = dr_fail_os(error, errno, "cannot read %s", path);
    else if (st.st_size > LARGEST)
        code = dr_fail(error, DUCKROW_USAGE, "%s is too long to hold settings: move it away", path);
    else if (!(*text = calloc(1, (size_t)st.st_size + 1)))
        code = dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    else if (dr_read_at(fd, *text, (size_t)st.st_size, 0) < 0)
        code = dr_fail_os(error, errno, "cannot read %s", path);
    dr_close(fd);
    if (code) {
        free(*text);
        *text = NULL;
    }
    return code;
}

static duckrow_code parse(const char *path, char *text, struct dr_config *config, duckrow_error *error)
{
    int number = 1;
    for (char *line = text, *next; line; line = next, number++) {
        char *name, *value, where[PATH_MAX + 16];
        snprintf(where, sizeof where, "%s:%d: ", path, number);
        if ((next = strchr(line, '\n')))
            *next++ = 0;
        int setting = split(line, &name, &value);
        if (setting == -2 && !value)
            return dr_fail(error, DUCKROW_USAGE, "%s%.60s is not understood: write name = value", where, name);
        if (setting == -2)
            return fail_unknown(error, where, name);
        if (setting >= 0 && set(config, setting, value) < 0)
            return fail_value(error, where, setting, value);
    }
    return DUCKROW_OK;
}

duckrow_code dr_config_read(const duckrow_db *db, struct dr_config *config, duckrow_error *error)
{
    char path[PATH_MAX], *text;
    *config = (struct dr_config){0};
    for (int i = 0; i < DR_SETTINGS; i++)
        *place(config, i) = settings[i].standard;
    duckrow_code code = dr_db_path(db, path, error, "config");
    if (code == DUCKROW_OK)
        code = load(db, path, &text, error);
    if (code == DUCKROW_OK && text) {
        code = parse(path, text, config, error);
        free(text);
    }
    if (db->options.max_slots) {
        config->max_slots = db->options.max_slots;
        config->holds = 1;
    }
    return code;
}

/* The text with the setting's lines replaced by one, or that one at its end. NULL: out of memory. */
static char *replace(const char *text, int setting, const char *value)
{
    char *replaced = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&replaced, &length);
    if (!stream)
        return NULL;
    int written = 0;
    for (const char *line = text; line && *line;) {
        size_t n = strcspn(line, "\n");
        char *copy = strndup(line, n), *name, *was;
        int found = copy ? split(copy, &name, &was) : -1;
        free(copy);
        if (found != setting)
            fprintf(stream, "%.*s\n", (int)n, line);
        else if (!written++)
            fprintf(stream, "%s = %s\n", settings[setting].name, value);
        line += n + (line[n] == '\n');
    }
    if (!written)
        fprintf(stream, "%s = %s\n", settings[setting].name, value);
    int failed = ferror(stream);
    if (fclose(stream) != 0 || failed) {
        free(replaced);
        return NULL;
    }
    return replaced;
}

static duckrow_code save(const duckrow_db *db, const char *path, const char *text, duckrow_error *error)
{
    char next[PATH_MAX];
    duckrow_code code = dr_db_path(db, next, error, ".config");
    if (code)
        return code;
    dr_os.unlink(next);
    int fd = dr_db_open_own(db, next);
    if (fd < 0)
        return dr_fail_access(db, errno, next, error);
    if (dr_write_at(fd, text, strlen(text), 0) < 0 || dr_os.sync(fd) < 0 || dr_os.rename(next, path) < 0) {
        code = dr_fail_os(error, errno, "cannot write %s", path);
        dr_os.unlink(next);
    }
    dr_close(fd);
    return code;
}

duckrow_code dr_config_write(const duckrow_db *db, const char *name, const char *value, duckrow_error *error)
{
    struct dr_config config = {0};
    char path[PATH_MAX], *text, *replaced;
    int setting = dr_config_find(name);
    if (setting < 0)
        return fail_unknown(error, "", name);
    if (set(&config, setting, value) < 0)
        return fail_value(error, "", setting, value);
    duckrow_code code = dr_db_path(db, path, error, "config");
    if (code || (code = load(db, path, &text, error)))
        return code;
    replaced = replace(text ? text : "", setting, value);
    code = replaced ? save(db, path, replaced, error) : dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    free(replaced);
    free(text);
    return code;
}

duckrow_code dr_config_no_snapshots(const duckrow_db *db, duckrow_error *error)
{
    return dr_fail(error, DUCKROW_NO_SNAPSHOT,
                   "%s has its snapshots switched off, so readers share turns; to have them: duckrow config %s snapshots on",
                   db->path, db->path);
}
