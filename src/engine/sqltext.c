#include "sqltext.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *dr_sql_quote(const char *text, char quote)
{
    char *quoted = malloc(2 * strlen(text) + 3), *to = quoted;
    if (!quoted)
        return NULL;
    *to++ = quote;
    for (; *text; *to++ = *text++)
        if (*text == quote)
            *to++ = quote;
    *to++ = quote;
    *to = 0;
    return quoted;
}

char *dr_sql_format(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return length < 0 ? NULL : text;
}
