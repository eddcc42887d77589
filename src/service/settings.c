#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <ini.h>

#include "buffer.h"
#include "core/units.h"
#include "engine/attach.h"

enum kind { TEXT, PATH, ADDRESS, NUMBER, SIZE, TIME };

static const struct setting {
    enum kind kind;
    const char *name;
    size_t offset;
    const char *initial;
    int64_t least, most;
    const char *help;
} table[] = {
#define ROW(kind, name, value, least, most, help) {kind, #name, offsetof(struct dr_settings, name), value, least, most, help},
    DR_SETTINGS(ROW)
#undef ROW
};
/* LINE: what inih has where nobody chose otherwise, and so what files can rely on. */
enum { SETTINGS = sizeof table / sizeof *table, NAME_SIZE = 64, LINE = 198 };

static int is_text(const struct setting *setting)
{
    return setting->kind <= ADDRESS;
}

static char **text_of(const struct dr_settings *settings, const struct setting *setting)
{
    return (char **)((char *)settings + setting->offset);
}

static int64_t *number_of(const struct dr_settings *settings, const struct setting *setting)
{
    return (int64_t *)((char *)settings + setting->offset);
}

static duckrow_code no_memory(duckrow_error *error)
{
    return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
}

/* ---- names ------------------------------------------------------------------------------------------------------------- */

static int same_name(const char *name, const char *given)
{
    for (; *name && (*name == *given || (*name == '_' && *given == '-')); name++)
        given++;
    return !*name && !*given;
}

static const struct setting *find(const char *name)
{
    for (size_t i = 0; i < SETTINGS; i++)
        if (same_name(table[i].name, name))
            return &table[i];
    return NULL;
}

static const char *as_flag(const char *name, char flag[NAME_SIZE])
{
    snprintf(flag, NAME_SIZE, "%s", name);
    for (char *c = flag; *c; c++)
        if (*c == '_')
            *c = '-';
    return flag;
}

/* How many letters must be changed, put in or left out to make one of the other. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_SIZE + 1], n = strlen(b);
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t before = row[0]++;
        for (size_t j = 0; j < n; j++) {
            size_t changed = before + (a[i] != b[j]), best = row[j] < row[j + 1] ? row[j] + 1 : row[j + 1] + 1;
            before = row[j + 1];
            row[j + 1] = changed < best ? changed : best;
        }
    }
    return row[n];
}

struct nearest {
    const char *name;
    size_t distance;
};

static void consider(struct nearest *nearest, const char *given, const char *name)
{
    size_t n = strlen(given) < NAME_SIZE ? distance(given, name) : NAME_SIZE;
    if (!nearest->name || n < nearest->distance)
        *nearest = (struct nearest){name, n};
}

/* What is too far off helps nobody. */
static int is_near(const struct nearest *nearest, const char *given)
{
    return nearest->distance <= 2 || nearest->distance <= strlen(given) / 3;
}

static duckrow_code fail_unknown_setting(const char *name, const char *where, duckrow_error *error)
{
    struct nearest nearest = {0};
    for (size_t i = 0; i < SETTINGS; i++)
        consider(&nearest, name, table[i].name);
    if (is_near(&nearest, name))
        return dr_fail(error, DUCKROW_USAGE, "%s: unknown setting %.60s; did you mean %s?", where, name, nearest.name);
    return dr_fail(error, DUCKROW_USAGE, "%s: unknown setting %.60s; see duckrow serve --help", where, name);
}

static duckrow_code fail_unknown_flag(const char *argument, size_t length, duckrow_error *error)
{
    static const char *const others[] = {"config", "check", "help"};
    char given[NAME_SIZE] = "", names[SETTINGS][NAME_SIZE];
    struct nearest nearest = {0};
    if (length > 2 && length - 2 < sizeof given)
        memcpy(given, argument + 2, length - 2);
    for (size_t i = 0; i < SETTINGS; i++)
        consider(&nearest, given, as_flag(table[i].name, names[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        consider(&nearest, given, others[i]);
    if (length > 60)
        length = 60;
    if (*given && is_near(&nearest, given))
        return dr_fail(error, DUCKROW_USAGE, "unknown option %.*s; did you mean --%s?", (int)length, argument, nearest.name);
    return dr_fail(error, DUCKROW_USAGE, "unknown option %.*s; see duckrow serve --help", (int)length, argument);
}

/* ---- values ------------------------------------------------------------------------------------------------------------ */

static const char *refuse_number(const struct setting *setting, const char *value, int64_t *number)
{
    if (setting->kind == TIME)
        return dr_parse_duration(value, number) ? DR_GIVE_A_TIME : NULL;
    if (setting->kind == SIZE)
        return dr_parse_size(value, number) ? DR_GIVE_A_SIZE : NULL;
    char *end;
    errno = 0;
    *number = strtoll(value, &end, 10);
    return *value < '0' || *value > '9' || *end || errno ? "a whole number is needed" : NULL;
}

/* What must be given in place of this text; NULL: it is good. */
static const char *refuse_text(const struct setting *setting, const char *value)
{
    static const struct {
        const char *name, *choice;
    } choices[] = {{"log_format", "text"}, {"log_format", "json"},   {"log_level", "debug"},
                   {"log_level", "info"},  {"log_level", "warning"}, {"log_level", "error"}};
    if (setting->kind == ADDRESS) {
        int port = *value && !value[strspn(value, "0123456789")];
        return port && (strlen(value) > 5 || atoi(value) < 1 || atoi(value) > 65535) ? "a port is from 1 to 65535" : NULL;
    }
    int has_choices = 0;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        if (strcmp(choices[i].name, setting->name) != 0)
            continue;
        if (strcmp(choices[i].choice, value) == 0)
            return NULL;
        has_choices = 1;
    }
    return has_choices ? setting->help : NULL;
}

static const char *write_number(enum kind kind, int64_t number, char text[32])
{
    if (kind == TIME)
        return dr_write_duration(number, text);
    if (kind == SIZE)
        return dr_write_size(number, text);
    snprintf(text, 32, "%lld", (long long)number);
    return text;
}

/* "duckrow.conf:7: busy_timeout", "--busy-timeout" */
static const char *place(const struct setting *setting, const char *where, char *text, size_t size)
{
    char flag[NAME_SIZE];
    if (where)
        snprintf(text, size, "%s: %s", where, setting->name);
    else
        snprintf(text, size, "--%s", as_flag(setting->name, flag));
    return text;
}

static duckrow_code set_number(struct dr_settings *settings, const struct setting *setting, const char *value, const char *where,
                               duckrow_error *error)
{
    char at[512], least[32], most[32];
    int64_t number;
    const char *needed = refuse_number(setting, value, &number);
    if (needed)
        return dr_fail(error, DUCKROW_USAGE, "%s %.60s is not understood: %s", place(setting, where, at, sizeof at), value,
                       needed);
    if (number < setting->least || (setting->most && number > setting->most))
        return dr_fail(error, DUCKROW_USAGE, "%s %.60s is out of range: from %s to %s", place(setting, where, at, sizeof at),
                       value, write_number(setting->kind, setting->least, least),
                       write_number(setting->kind, setting->most, most));
    *number_of(settings, setting) = number;
    return DUCKROW_OK;
}

static duckrow_code set_text(struct dr_settings *settings, const struct setting *setting, const char *value, const char *where,
                             duckrow_error *error)
{
    char at[512];
    const char *needed = refuse_text(setting, value);
    if (needed)
        return dr_fail(error, DUCKROW_USAGE, "%s %.60s is not understood: %s", place(setting, where, at, sizeof at), value,
                       needed);
    char *copy = strdup(value), **text = text_of(settings, setting);
    if (!copy)
        return no_memory(error);
    free(*text);
    *text = copy;
    return DUCKROW_OK;
}

static duckrow_code set(struct dr_settings *settings, const struct setting *setting, const char *value, const char *where,
                        duckrow_error *error)
{
    return is_text(setting) ? set_text(settings, setting, value, where, error)
                            : set_number(settings, setting, value, where, error);
}

duckrow_code dr_settings_set(struct dr_settings *settings, const char *name, const char *value, const char *where,
                             duckrow_error *error)
{
    const struct setting *setting = find(name);
    if (setting)
        return set(settings, setting, value, where, error);
    if (where)
        return fail_unknown_setting(name, where, error);
    char flag[NAME_SIZE + 2];
    snprintf(flag, sizeof flag, "--%s", name);
    return fail_unknown_flag(flag, strlen(flag), error);
}

duckrow_code dr_settings_begin(struct dr_settings *settings, duckrow_error *error)
{
    duckrow_code code = DUCKROW_OK;
    memset(settings, 0, sizeof *settings);
    for (size_t i = 0; i < SETTINGS && !code; i++)
        code = set(settings, &table[i], table[i].initial, NULL, error);
    return code;
}

static void drop_databases(struct dr_settings *settings)
{
    for (int i = 0; i < settings->databases; i++) {
        free(settings->database[i].name);
        free(settings->database[i].path);
    }
    settings->databases = 0;
}

void dr_settings_free(struct dr_settings *settings)
{
    for (size_t i = 0; i < SETTINGS; i++)
        if (is_text(&table[i]))
            free(*text_of(settings, &table[i]));
    drop_databases(settings);
    memset(settings, 0, sizeof *settings);
}

/* Takes over name and path, which may be NULL where memory has ended. */
static duckrow_code add_database(struct dr_settings *settings, char *name, char *path, const char *where, duckrow_error *error)
{
    duckrow_code code = DUCKROW_OK;
    if (!path)
        code = no_memory(error);
    else if (!*path)
        code = dr_fail(error, DUCKROW_USAGE, "%s: a database has no path", where);
    else if (settings->databases == DR_DATABASES)
        code = dr_fail(error, DUCKROW_USAGE, "%s: one service has %d databases at most", where, DR_DATABASES);
    if (code) {
        free(name);
        free(path);
        return code;
    }
    settings->database[settings->databases].name = name;
    settings->database[settings->databases++].path = path;
    return DUCKROW_OK;
}

/* ---- file -------------------------------------------------------------------------------------------------------------- */

/* What inih's two callbacks share. */
struct file {
    const char *path;
    FILE *stream;
    int line, failed_line;
    struct dr_settings *settings;
    duckrow_error *error;
    duckrow_code code; /* of the first thing that went wrong */
    int given[SETTINGS];
};

static int fail_at(struct file *file, duckrow_code code)
{
    file->code = code;
    file->failed_line = file->line;
    return 0;
}

static void skip_line(FILE *stream)
{
    for (int c = 0; c != EOF && c != '\n';)
        c = getc(stream);
}

/* As fgets, for inih, which knows neither long lines nor bytes of 0, and takes indented lines for the rest of the line before. */
static char *read_line(char *line, int size, void *context)
{
    struct file *file = context;
    int used = 0, c;
    file->line++;
    while ((c = getc(file->stream)) == ' ' || c == '\t')
        ;
    if (c == EOF || file->code)
        return NULL;
    if (c == ';' || c == '#') {
        skip_line(file->stream);
        c = '\n';
    }
    for (; c != EOF && c != '\n'; c = getc(file->stream)) {
        if (c == 0 || used == LINE || used + 2 >= size) {
            fail_at(file, dr_fail(file->error, DUCKROW_USAGE, c ? "%s:%d: a line has more than %d bytes" : "%s:%d: a byte is 0",
                                  file->path, file->line, used));
            return NULL;
        }
        line[used++] = (char)c;
    }
    line[used++] = '\n';
    line[used] = 0;
    return line;
}

/* A path out of the file, allocated. */
static char *resolve(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    char *resolved;
    if (!*path || *path == '/' || !slash)
        return strdup(path);
    return asprintf(&resolved, "%.*s%s", (int)(slash - file) + 1, file, path) < 0 ? NULL : resolved;
}

static int is_relative(const struct setting *setting, const char *value)
{
    return setting->kind == PATH || (setting->kind == ADDRESS && value[strspn(value, "0123456789")]);
}

static duckrow_code take_setting(struct file *file, const char *name, const char *value, const char *where)
{
    const struct setting *setting = find(name);
    if (!setting)
        return fail_unknown_setting(name, where, file->error);
    if (file->given[setting - table])
        return dr_fail(file->error, DUCKROW_USAGE, "%s: %s is set already, in line %d", where, setting->name,
                       file->given[setting - table]);
    file->given[setting - table] = file->line;
    if (!is_relative(setting, value))
        return set(file->settings, setting, value, where, file->error);
    char *resolved = resolve(file->path, value);
    duckrow_code code = resolved ? set(file->settings, setting, resolved, where, file->error) : no_memory(file->error);
    free(resolved);
    return code;
}

static duckrow_code take_database(struct file *file, const char *name, const char *value, const char *where)
{
    if (!*name)
        return dr_fail(file->error, DUCKROW_USAGE, "%s: a database has no name: write name = path", where);
    for (int i = 0; i < file->settings->databases; i++)
        if (strcasecmp(name, file->settings->database[i].name) == 0)
            return dr_fail(file->error, DUCKROW_USAGE, "%s: there is a database %.60s already", where, name);
    char *copy = strdup(name);
    return add_database(file->settings, copy,
                        copy && *value ? resolve(file->path, value)
                        : copy         ? strdup("")
                                       : NULL,
                        where, file->error);
}

static duckrow_code fail_unknown_section(const char *section, const char *where, duckrow_error *error)
{
    struct nearest nearest = {0};
    if (!*section)
        return dr_fail(error, DUCKROW_USAGE, "%s: a line stands before the first section: begin with [service]", where);
    consider(&nearest, section, "service");
    consider(&nearest, section, "databases");
    if (is_near(&nearest, section))
        return dr_fail(error, DUCKROW_USAGE, "%s: unknown section [%.60s]; did you mean [%s]?", where, section, nearest.name);
    return dr_fail(error, DUCKROW_USAGE, "%s: unknown section [%.60s]: there are [service] and [databases]", where, section);
}

static int take_line(void *context, const char *section, const char *name, const char *value)
{
    struct file *file = context;
    char where[DUCKROW_MESSAGE_SIZE / 2];
    snprintf(where, sizeof where, "%.400s:%d", file->path, file->line);
    if (file->code)
        return 0;
    duckrow_code code;
    if (strstr(value, " #"))
        code = dr_fail(file->error, DUCKROW_USAGE, "%s: a comment behind a value begins with a semicolon, not with #", where);
    else if (strcmp(section, "service") == 0)
        code = take_setting(file, name, value, where);
    else if (strcmp(section, "databases") == 0)
        code = take_database(file, name, value, where);
    else
        code = fail_unknown_section(section, where, file->error);
    return code ? fail_at(file, code) : 1;
}

static duckrow_code parse(struct file *file)
{
    int line = ini_parse_stream(read_line, file, take_line, file);
    if (ferror(file->stream))
        return dr_fail_os(file->error, errno, "cannot read %.400s", file->path);
    /* inih counts lines as we do, goes on behind a line that it doesn't understand, and names the first bad one. */
    if (line > 0 && (!file->code || line < file->failed_line))
        return dr_fail(file->error, DUCKROW_USAGE, "%.400s:%d: neither [section] nor name = value", file->path, line);
    return line < 0 && !file->code ? no_memory(file->error) : file->code;
}

duckrow_code dr_settings_read(struct dr_settings *settings, const char *path, duckrow_error *error)
{
    struct file file = {.path = path, .settings = settings, .error = error, .stream = fopen(path, "re")};
    if (!file.stream)
        return dr_fail_os(error, errno, "cannot open %.400s", path);
    drop_databases(settings);
    errno = 0;
    duckrow_code code = parse(&file);
    fclose(file.stream);
    return code;
}

/* ---- command line ------------------------------------------------------------------------------------------------------ */

enum what { DATABASE, SETTING, CONFIG, CHECK, HELP };

struct arguments {
    int count, at, plain; /* plain: behind -- */
    char **list;
};

struct argument {
    enum what what;
    const struct setting *setting;
    const char *value; /* of a flag, or the argument itself */
};

static duckrow_code recognize(const char *flag, size_t length, struct argument *argument, duckrow_error *error)
{
    static const struct {
        const char *flag;
        enum what what;
    } others[] = {{"--config", CONFIG}, {"--check", CHECK}, {"--help", HELP}, {"-h", HELP}};
    char name[NAME_SIZE] = "";
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strlen(others[i].flag) == length && memcmp(others[i].flag, flag, length) == 0) {
            argument->what = others[i].what;
            return DUCKROW_OK;
        }
    }
    if (length > 2 && flag[1] == '-' && length - 2 < sizeof name)
        memcpy(name, flag + 2, length - 2);
    argument->what = SETTING;
    argument->setting = find(name);
    return argument->setting ? DUCKROW_OK : fail_unknown_flag(flag, length, error);
}

/* Takes the next argument, with its value. */
static duckrow_code next_argument(struct arguments *all, struct argument *argument, duckrow_error *error)
{
    const char *text = all->list[all->at++], *equals = strchr(text, '=');
    *argument = (struct argument){.what = DATABASE, .value = text};
    if (all->plain || text[0] != '-' || !text[1])
        return DUCKROW_OK;
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    duckrow_code code = recognize(text, length, argument, error);
    if (code)
        return code;
    argument->value = equals ? equals + 1 : NULL;
    int wants_value = argument->what == SETTING || argument->what == CONFIG;
    if (!wants_value && equals)
        return dr_fail(error, DUCKROW_USAGE, "%.*s takes no value; see duckrow serve --help", (int)length, text);
    if (wants_value && !equals) {
        if (all->at == all->count)
            return dr_fail(error, DUCKROW_USAGE, "%s needs a value; see duckrow serve --help", text);
        argument->value = all->list[all->at++];
    }
    return DUCKROW_OK;
}

static int has_next(struct arguments *all)
{
    if (!all->plain && all->at < all->count && strcmp(all->list[all->at], "--") == 0) {
        all->plain = 1;
        all->at++;
    }
    return all->at < all->count;
}

static duckrow_code database_argument(struct dr_settings *settings, const char *text, duckrow_error *error)
{
    size_t length = strcspn(text, "=/");
    if (length == 0 || text[length] != '=')
        return add_database(settings, NULL, strdup(text), text, error);
    char *name = strndup(text, length);
    return add_database(settings, name, name ? strdup(text + length + 1) : NULL, text, error);
}

/* Before all else, for these decide about the rest: --config, --check, --help. */
static duckrow_code look_ahead(struct arguments all, const char **config, struct dr_serve_arguments *found, duckrow_error *error)
{
    struct argument argument;
    while (has_next(&all)) {
        duckrow_code code = next_argument(&all, &argument, error);
        if (code)
            return code;
        if (argument.what == CONFIG && *config)
            return dr_fail(error, DUCKROW_USAGE, "--config is given twice");
        if (argument.what == CONFIG)
            *config = argument.value;
        found->check |= argument.what == CHECK;
        found->help |= argument.what == HELP;
    }
    return DUCKROW_OK;
}

duckrow_code dr_settings_arguments(struct dr_settings *settings, int count, char **arguments, struct dr_serve_arguments *found,
                                   duckrow_error *error)
{
    struct arguments all = {.count = count, .list = arguments};
    struct argument argument;
    const char *config = NULL;
    *found = (struct dr_serve_arguments){0};
    duckrow_code code = look_ahead(all, &config, found, error);
    if (found->help)
        return DUCKROW_OK;
    if (!code && config)
        code = dr_settings_read(settings, config, error);
    for (int first = 1; !code && has_next(&all);) {
        code = next_argument(&all, &argument, error);
        if (!code && argument.what == SETTING)
            code = set(settings, argument.setting, argument.value, NULL, error);
        if (code || argument.what != DATABASE)
            continue;
        if (first)
            drop_databases(settings);
        first = 0;
        code = database_argument(settings, argument.value, error);
    }
    return code;
}

/* ---- the whole --------------------------------------------------------------------------------------------------------- */

static int same_file(const char *a, const char *b)
{
    struct stat one, other;
    if (strcmp(a, b) == 0)
        return 1;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static duckrow_code check_database(struct dr_settings *settings, int n, duckrow_error *error)
{
    static const char *const taken[] = {"system", "temp"};
    const char *path = settings->database[n].path, *name;
    if (!dr_attach_is_file(path, NULL))
        return dr_fail(error, DUCKROW_USAGE, "%.200s is no file of DuckDB's: the service opens local files only", path);
    if (!settings->database[n].name)
        settings->database[n].name = dr_attach_name(path);
    if (!(name = settings->database[n].name))
        return dr_fail(error, DUCKROW_USAGE, "DuckDB has no name for %.200s: give it one, as NAME=PATH", path);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcasecmp(name, taken[i]) == 0)
            return dr_fail(error, DUCKROW_USAGE, "%s is a name of DuckDB's own: call %.200s otherwise, as NAME=PATH", taken[i],
                           path);
    for (int i = 0; i < n; i++) {
        const char *other = settings->database[i].path;
        if (same_file(other, path))
            return dr_fail(error, DUCKROW_USAGE, "%.200s is given twice, as %.60s and as %.60s", path, settings->database[i].name,
                           name);
        if (strcasecmp(settings->database[i].name, name) == 0)
            return dr_fail(error, DUCKROW_USAGE, "two databases are called %.60s, %.200s and %.200s: name one, as NAME=PATH",
                           name, other, path);
    }
    return DUCKROW_OK;
}

duckrow_code dr_settings_check(struct dr_settings *settings, duckrow_error *error)
{
    duckrow_code code = DUCKROW_OK;
    if (!settings->databases)
        return dr_fail(error, DUCKROW_USAGE, "no database given: duckrow serve DATABASE…, or --config FILE with [databases]");
    for (int i = 0; i < settings->databases && !code; i++)
        code = check_database(settings, i, error);
    return code;
}

char *dr_settings_show(const struct dr_settings *settings, const char *name)
{
    char text[32];
    const struct setting *setting = find(name);
    if (!setting)
        return NULL;
    if (is_text(setting))
        return strdup(*text_of(settings, setting));
    return strdup(write_number(setting->kind, *number_of(settings, setting), text));
}

char *dr_settings_help(void)
{
    enum { COLUMN = 28 };
    static const char *const values[] = {[TEXT] = "TEXT", [PATH] = "PATH", [ADDRESS] = "PATH|PORT",
                                         [NUMBER] = "N",  [SIZE] = "SIZE", [TIME] = "TIME"};
    struct dr_buffer out = {0};
    for (size_t i = 0; i < SETTINGS; i++) {
        const struct setting *setting = &table[i];
        char flag[NAME_SIZE], head[2 * NAME_SIZE];
        int n = snprintf(head, sizeof head, "  --%s %s", as_flag(setting->name, flag), values[setting->kind]);
        dr_buffer_format(&out, n + 2 > COLUMN ? "%s\n%*s" : "%s%*s", head, n + 2 > COLUMN ? COLUMN : COLUMN - n, "");
        dr_buffer_text(&out, setting->help);
        if (*setting->initial)
            dr_buffer_format(&out, " (default: %s)", setting->initial);
        dr_buffer_text(&out, "\n");
    }
    dr_buffer_add(&out, "", 1);
    if (!out.failed)
        return (char *)out.bytes;
    dr_buffer_free(&out);
    return NULL;
}
