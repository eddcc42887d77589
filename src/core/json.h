/* Writing JSON into memory that grows. */
#ifndef DR_JSON_H
#define DR_JSON_H

#include <stddef.h>
#include <stdint.h>

struct dr_json {
    char *text;
    size_t length, room;
    int comma, failed; /* failed: out of memory; what is written after it is dropped */
};

/* key NULL: an element of an array, or the whole. */
void dr_json_open(struct dr_json *json, const char *key, char bracket);
void dr_json_close(struct dr_json *json, char bracket);
void dr_json_string(struct dr_json *json, const char *key, const char *value);
void dr_json_number(struct dr_json *json, const char *key, int64_t value);
void dr_json_bool(struct dr_json *json, const char *key, int value);
void dr_json_null(struct dr_json *json, const char *key);

#endif
