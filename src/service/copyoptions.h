/* Within the parser of COPY: its options, in whichever syntax they came. */
#ifndef DR_COPYOPTIONS_H
#define DR_COPYOPTIONS_H

#include "copyrows.h"

#define DR_COPY_OPTIONS(X)                                                                                                       \
    X(FORMAT, "format")                                                                                                          \
    X(FREEZE, "freeze")                                                                                                          \
    X(DELIMITER, "delimiter")                                                                                                    \
    X(NULL, "null")                                                                                                              \
    X(HEADER, "header")                                                                                                          \
    X(QUOTE, "quote")                                                                                                            \
    X(ESCAPE, "escape")                                                                                                          \
    X(FORCE_QUOTE, "force_quote")                                                                                                \
    X(FORCE_NOT_NULL, "force_not_null")                                                                                          \
    X(FORCE_NULL, "force_null")                                                                                                  \
    X(ENCODING, "encoding")

enum dr_copy_option {
#define DR_COPY_OPTION(name, text) DR_COPY_OPTION_##name,
    DR_COPY_OPTIONS(DR_COPY_OPTION)
#undef DR_COPY_OPTION
        DR_COPY_OPTION_COUNT
};

enum dr_copy_value_kind { DR_COPY_NOT_GIVEN, DR_COPY_NO_VALUE, DR_COPY_VALUE, DR_COPY_STAR, DR_COPY_LIST };
struct dr_copy_value {
    enum dr_copy_value_kind kind;
    const char *text; /* of VALUE */
};

/* By name, in any case; DR_COPY_OPTION_COUNT: there is none. */
enum dr_copy_option dr_copy_option_find(const char *name);
/* From what was given to what it means, or why it can't be, as PostgreSQL says it. */
duckrow_code dr_copy_options_set(const struct dr_copy_value values[DR_COPY_OPTION_COUNT], int in, struct dr_copy_options *options,
                                 duckrow_error *error);

#endif
