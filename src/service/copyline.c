/* Where a line of text or CSV ends: PostgreSQL's rules, with its own ways of finding the end-of-data marker. */
#include "copyread.h"

enum step { GO_ON, NEEDS_MORE, LINE_ENDS, DATA_ENDS, IS_ERROR };

/* Where the scan is. */
struct scan {
    const unsigned char *at, *end; /* the byte that is looked at; behind the last that is there */
    const unsigned char *next;     /* LINE_ENDS, DATA_ENDS: where the next line begins */
    duckrow_error *error;
};

static int is_csv(const struct dr_copy_reader *reader)
{
    return reader->options.format == DR_COPY_CSV;
}

static enum step wrong_ending(const struct dr_copy_reader *reader, struct scan *scan, int newline)
{
    const char *what = newline ? "newline" : "carriage return";
    if (is_csv(reader))
        dr_copy_reader_fail(reader, scan->error, "unquoted %s found in data (use quoted CSV field to represent %s)", what, what);
    else
        dr_copy_reader_fail(reader, scan->error, "literal %s found in data (use \"\\%c\" to represent %s)", what,
                            newline ? 'n' : 'r', what);
    return IS_ERROR;
}

static enum step at_newline(struct dr_copy_reader *reader, struct scan *scan)
{
    if (reader->ending == DR_COPY_END_CR || reader->ending == DR_COPY_END_CRNL)
        return wrong_ending(reader, scan, 1);
    reader->ending = DR_COPY_END_NL;
    scan->next = scan->at + 1;
    return LINE_ENDS;
}

static enum step at_return(struct dr_copy_reader *reader, struct scan *scan)
{
    if (reader->ending == DR_COPY_END_NL)
        return wrong_ending(reader, scan, 0);
    scan->next = scan->at + 1;
    if (reader->ending == DR_COPY_END_CR)
        return LINE_ENDS;
    if (scan->next == scan->end && !reader->last)
        return NEEDS_MORE;
    if (scan->next < scan->end && *scan->next == '\n') {
        reader->ending = DR_COPY_END_CRNL;
        scan->next++;
    } else if (reader->ending == DR_COPY_END_CRNL) {
        return wrong_ending(reader, scan, 0);
    } else {
        reader->ending = DR_COPY_END_CR;
    }
    return LINE_ENDS;
}

/* What is not a marker is data in CSV, and wrong in text. */
static enum step no_marker(const struct dr_copy_reader *reader, struct scan *scan, const char *message)
{
    if (is_csv(reader))
        return GO_ON;
    dr_copy_reader_fail(reader, scan->error, "%s", message);
    return IS_ERROR;
}

/* At a backslash and a period: \. and the end of the line end the data. */
static enum step at_marker(const struct dr_copy_reader *reader, struct scan *scan)
{
    static const char other[] = "end-of-copy marker does not match previous newline style";
    const unsigned char *at = scan->at + 2;
    int crnl = reader->ending == DR_COPY_END_CRNL;
    if (scan->end - at < 1 + crnl && !reader->last && (at == scan->end || *at == '\r'))
        return NEEDS_MORE;
    unsigned char byte = at < scan->end ? *at : 0;
    if (crnl) {
        if (byte != '\r')
            return no_marker(reader, scan, byte == '\n' ? other : "end-of-copy marker corrupt");
        byte = at + 1 < scan->end ? at[1] : 0;
    }
    if (byte != '\r' && byte != '\n')
        return no_marker(reader, scan, "end-of-copy marker corrupt");
    if (reader->ending != DR_COPY_END_UNKNOWN && byte != (reader->ending == DR_COPY_END_CR ? '\r' : '\n')) {
        dr_copy_reader_fail(reader, scan->error, "%s", other);
        return IS_ERROR;
    }
    scan->next = scan->end;
    return DATA_ENDS;
}

/* Text: the byte behind a backslash is data, whatever it is. */
static enum step at_backslash(const struct dr_copy_reader *reader, struct scan *scan)
{
    if (scan->at + 1 == scan->end) {
        scan->at += reader->last;
        return reader->last ? GO_ON : NEEDS_MORE;
    }
    if (scan->at[1] == '.')
        return at_marker(reader, scan);
    scan->at += 2;
    return GO_ON;
}

/* CSV: only a whole line is a marker. */
static enum step at_start_of_csv(const struct dr_copy_reader *reader, struct scan *scan)
{
    if (*scan->at != '\\')
        return GO_ON;
    if (scan->at + 1 == scan->end)
        return reader->last ? GO_ON : NEEDS_MORE;
    return scan->at[1] == '.' ? at_marker(reader, scan) : GO_ON;
}

static enum step at_special(struct dr_copy_reader *reader, struct scan *scan)
{
    unsigned char class = reader->line_class[*scan->at];
    if (class == DR_COPY_BACKSLASH)
        return at_backslash(reader, scan);
    if ((class == DR_COPY_NEWLINE || class == DR_COPY_RETURN) && !reader->in_quote)
        return class == DR_COPY_NEWLINE ? at_newline(reader, scan) : at_return(reader, scan);
    scan->at++;
    if (class == DR_COPY_ESCAPE && reader->in_quote) {
        reader->after_escape = !reader->after_escape;
        return GO_ON;
    }
    if (class == DR_COPY_QUOTE && !reader->after_escape)
        reader->in_quote = !reader->in_quote;
    else if (class == (reader->ending == DR_COPY_END_CR ? DR_COPY_RETURN : DR_COPY_NEWLINE))
        reader->line++;
    reader->after_escape = 0;
    return GO_ON;
}

static enum step find_end(struct dr_copy_reader *reader, struct scan *scan)
{
    const unsigned char *at = scan->at, *end = scan->end;
    enum step step = GO_ON;
    while (step == GO_ON) {
        const unsigned char *run = at;
        while (at < end && !reader->line_class[*at])
            at++;
        if (at > run)
            reader->after_escape = 0;
        scan->at = at;
        if (at == end)
            return NEEDS_MORE;
        step = at_special(reader, scan);
        at = scan->at;
    }
    return step;
}

static int take_line(struct dr_copy_reader *reader, struct dr_copy_line *line, unsigned char *from, const struct scan *scan)
{
    *line = (struct dr_copy_line){.at = from, .end = from + (scan->at - from)};
    reader->used = (size_t)(scan->next - from);
    reader->scanned = 0;
    reader->in_line = reader->in_quote = reader->after_escape = 0;
    return 1;
}

int dr_copy_line_next(struct dr_copy_reader *reader, struct dr_copy_line *line, duckrow_error *error)
{
    size_t held = dr_buffer_size(&reader->in);
    if (!held || reader->ended)
        return 0;
    unsigned char *from = reader->in.bytes + reader->in.start;
    struct scan scan = {.at = from + reader->scanned, .end = from + held, .error = error};
    enum step step = GO_ON;
    reader->line += !reader->in_line;
    reader->in_line = 1;
    if (is_csv(reader) && !reader->scanned)
        step = at_start_of_csv(reader, &scan);
    if (step == GO_ON)
        step = find_end(reader, &scan);
    if (step == NEEDS_MORE && reader->last) {
        scan.next = scan.at;
        step = LINE_ENDS;
    }
    if (step == IS_ERROR)
        return -1;
    if (step == NEEDS_MORE) {
        reader->scanned = (size_t)(scan.at - from);
        return 0;
    }
    reader->ended = step == DATA_ENDS;
    /* Text may have a row before the marker, in its line. */
    return take_line(reader, line, from, &scan) && !(reader->ended && line->at == line->end);
}
