#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct dr_json *json, const char *text, size_t n)
{
    if (json->failed)
        return;
    if (json->length + n + 1 > json->room) {
        size_t room = (json->length + n + 1) * 2;
        char *grown = realloc(json->text, room);
        if (!grown) {
            json->failed = 1;
            return;
        }
        json->text = grown;
        json->room = room;
    }
    memcpy(json->text + json->length, text, n);
    json->length += n;
    json->text[json->length] = 0;
}

static void quote(struct dr_json *json, const char *text)
{
    add(json, "\"", 1);
    for (; *text; text++) {
        char escaped[8];
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            add(json, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\%c", c));
        else if (c < ' ')
            add(json, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", c));
        else
            add(json, text, 1);
    }
    add(json, "\"", 1);
}

static void begin(struct dr_json *json, const char *key)
{
    if (json->comma)
        add(json, ", ", 2);
    json->comma = 1;
    if (key) {
        quote(json, key);
        add(json, ": ", 2);
    }
}

void dr_json_open(struct dr_json *json, const char *key, char bracket)
{
    begin(json, key);
    add(json, &bracket, 1);
    json->comma = 0;
}

void dr_json_close(struct dr_json *json, char bracket)
{
    add(json, &bracket, 1);
    json->comma = 1;
}

void dr_json_string(struct dr_json *json, const char *key, const char *value)
{
    begin(json, key);
    quote(json, value);
}

void dr_json_number(struct dr_json *json, const char *key, int64_t value)
{
    char text[24];
    begin(json, key);
    add(json, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)value));
}

void dr_json_bool(struct dr_json *json, const char *key, int value)
{
    begin(json, key);
    add(json, value ? "true" : "false", value ? 4 : 5);
}

void dr_json_null(struct dr_json *json, const char *key)
{
    begin(json, key);
    add(json, "null", 4);
}
