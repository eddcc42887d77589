#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* NAME: what a name may take. REST: kept free for the fields behind a message. TAIL: for what ends a line: …"}\n */
enum { NAME = 256, REST = 1024, TAIL = 8 };

static const struct {
    const char *name;
    int priority; /* syslog(3) */
} levels[] = {
    [DR_LOG_DEBUG] = {"debug", 7}, [DR_LOG_INFO] = {"info", 6}, [DR_LOG_WARNING] = {"warning", 4}, [DR_LOG_ERROR] = {"error", 3}};

enum form { FORM_TEXT, FORM_JOURNAL, FORM_JSON };

static atomic_int least_level = DR_LOG_INFO, line_form = FORM_TEXT;

int dr_log_level_named(const char *name)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcmp(levels[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* Standard error may lead elsewhere than the stream that systemd gave, which the variable names. */
static int is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
           st.st_ino == inode;
}

void dr_log_begin(enum dr_log_level least, int json)
{
    atomic_store(&least_level, (int)least);
    atomic_store(&line_form, json ? FORM_JSON : is_journal() ? FORM_JOURNAL : FORM_TEXT);
}

int dr_log_wants(enum dr_log_level level)
{
    return (int)level >= atomic_load(&least_level);
}

/* ---- a line in the making ---------------------------------------------------------------------------------------------- */

struct line {
    char text[DR_LOG_LINE];
    size_t used;
    int json;
};

static void put(struct line *line, const char *text, size_t n)
{
    if (n > sizeof line->text - line->used)
        return;
    memcpy(line->text + line->used, text, n);
    line->used += n;
}

static void say(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void say_number(struct line *line, int64_t number)
{
    char text[24];
    put(line, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)number));
}

/* The bytes of the UTF-8 character there; 0: there is none. */
static size_t character(const unsigned char *at)
{
    static const struct {
        unsigned char lead_least, lead_most, next_least, next_most, size;
    } forms[] = {{0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                 {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                 {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (*at < forms[i].lead_least || *at > forms[i].lead_most)
            continue;
        if (forms[i].size > 1 && (at[1] < forms[i].next_least || at[1] > forms[i].next_most))
            return 0;
        for (size_t j = 2; j < forms[i].size; j++)
            if (at[j] < 0x80 || at[j] > 0xbf)
                return 0;
        return forms[i].size;
    }
    return 0;
}

/* How a character that must not go out as it is is written: its length in escaped; 0: it may go. */
static size_t escape(const unsigned char *at, size_t size, int json, char escaped[8])
{
    static const char named[] = {['\t'] = 't', ['\n'] = 'n', ['\r'] = 'r'};
    int n = 0;
    if (size == 0)
        n = json ? snprintf(escaped, 8, "\\ufffd") : snprintf(escaped, 8, "\\x%02x", *at);
    else if (*at < sizeof named && named[*at])
        n = snprintf(escaped, 8, "\\%c", named[*at]);
    else if (*at < ' ' || *at == 0x7f)
        n = snprintf(escaped, 8, json ? "\\u%04x" : "\\x%02x", *at);
    else if (*at == 0xc2 && at[1] < 0xa0)
        n = snprintf(escaped, 8, "\\u%04x", at[1]);
    else if (json && (*at == '"' || *at == '\\'))
        n = snprintf(escaped, 8, "\\%c", *at);
    return (size_t)n;
}

/* As far as the line goes to `end`, and "…" where that isn't all. */
static void say_safely(struct line *line, const char *text, size_t end)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        char escaped[8];
        size_t size = character(at), n = escape(at, size, line->json, escaped);
        if (line->used + (n ? n : size) > end) {
            say(line, "…");
            return;
        }
        put(line, n ? escaped : (const char *)at, n ? n : size);
        at += size ? size : 1;
    }
}

static void say_name(struct line *line, const char *name)
{
    say_safely(line, name, line->used + NAME);
}

/* Is there room for this field, whatever it says? */
static int has_room(const struct line *line, const struct dr_log_field *field)
{
    return line->used + strlen(field->name) + NAME + 4 * TAIL <= sizeof line->text;
}

static void say_time(struct line *line, const char *format)
{
    struct timespec now;
    struct tm day;
    char text[40], milliseconds[8];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &day);
    strftime(text, sizeof text, format, &day);
    snprintf(milliseconds, sizeof milliseconds, ".%03d", (int)(now.tv_nsec / 1000000));
    say(line, text);
    say(line, milliseconds);
}

static void say_message(struct line *line, const struct dr_log_field *fields, const char *message)
{
    say_safely(line, message, sizeof line->text - TAIL - (fields ? REST : 0));
}

/* ---- text -------------------------------------------------------------------------------------------------------------- */

static void text_begin(struct line *line, int journal, enum dr_log_level level)
{
    if (journal) {
        say(line, "<");
        say_number(line, levels[level].priority);
        say(line, ">");
    } else {
        say_time(line, "%Y-%m-%d %H:%M:%S");
        say(line, " UTC ");
    }
    say(line, levels[level].name);
    say(line, " ");
}

static void text_about(struct line *line, const struct dr_log_about *about)
{
    const char *names[] = {about->database, about->client}, *before = "[";
    if (about->session) {
        say(line, "[session ");
        say_number(line, about->session);
        before = ", ";
    }
    for (int i = 0; i < 2; i++) {
        if (!names[i])
            continue;
        say(line, before);
        say_name(line, names[i]);
        before = ", ";
    }
    if (*before == ',')
        say(line, "] ");
}

static void text_fields(struct line *line, const struct dr_log_field *field)
{
    const char *before = " (";
    for (; field->name && has_room(line, field); field++, before = ", ") {
        say(line, before);
        say(line, field->name);
        say(line, " ");
        if (field->text)
            say_name(line, field->text);
        else
            say_number(line, field->number);
    }
    if (*before == ',')
        say(line, ")");
}

static void write_text(struct line *line, int journal, enum dr_log_level level, const struct dr_log_about *about,
                       const char *message)
{
    text_begin(line, journal, level);
    text_about(line, about);
    say_message(line, about->fields, message);
    if (about->fields)
        text_fields(line, about->fields);
    say(line, "\n");
}

/* ---- json -------------------------------------------------------------------------------------------------------------- */

static void json_name(struct line *line, const char *name)
{
    say(line, ", \"");
    say(line, name);
    say(line, "\": ");
}

static void json_text(struct line *line, const char *name, const char *text)
{
    json_name(line, name);
    say(line, "\"");
    say_name(line, text);
    say(line, "\"");
}

static void json_number(struct line *line, const char *name, int64_t number)
{
    json_name(line, name);
    say_number(line, number);
}

static void json_about(struct line *line, const struct dr_log_about *about)
{
    if (about->session)
        json_number(line, "session", about->session);
    if (about->database)
        json_text(line, "database", about->database);
    if (about->client)
        json_text(line, "client", about->client);
}

static void json_fields(struct line *line, const struct dr_log_field *field)
{
    for (; field->name && has_room(line, field); field++) {
        if (field->text)
            json_text(line, field->name, field->text);
        else
            json_number(line, field->name, field->number);
    }
}

static void write_json(struct line *line, enum dr_log_level level, const struct dr_log_about *about, const char *message)
{
    line->json = 1;
    say(line, "{\"time\": \"");
    say_time(line, "%Y-%m-%dT%H:%M:%S");
    say(line, "Z\"");
    json_text(line, "level", levels[level].name);
    json_about(line, about);
    json_name(line, "message");
    say(line, "\"");
    say_message(line, about->fields, message);
    say(line, "\"");
    if (about->fields)
        json_fields(line, about->fields);
    say(line, "}\n");
}

/* ---- writing ----------------------------------------------------------------------------------------------------------- */

/* A pipe may take a part only; the rest must follow, or the next line would be joined to it. */
static void write_line(const struct line *line)
{
    for (size_t done = 0; done < line->used;) {
        ssize_t n = write(STDERR_FILENO, line->text + done, line->used - done);
        if (n < 0 && errno != EINTR)
            return;
        done += n > 0 ? (size_t)n : 0;
    }
}

void dr_log(enum dr_log_level level, const struct dr_log_about *about, const char *format, ...)
{
    static const struct dr_log_about nobody = {0};
    int saved = errno, form = atomic_load(&line_form);
    if (!dr_log_wants(level))
        return;
    char message[DR_LOG_LINE];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    struct line line;
    line.used = 0;
    line.json = 0;
    if (form == FORM_JSON)
        write_json(&line, level, about ? about : &nobody, n < 0 ? format : message);
    else
        write_text(&line, form == FORM_JOURNAL, level, about ? about : &nobody, n < 0 ? format : message);
    write_line(&line);
    errno = saved;
}
