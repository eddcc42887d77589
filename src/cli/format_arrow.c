/* Arrow, as an IPC stream: https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format
 *
 * DuckDB gives schema and arrays in the C data interface; here they are put into messages: the schema, a dictionary for each ENUM
 * (before the first batch; it follows from the type and never changes), a batch for each chunk, and the end.
 *
 *     message: 0xffffffff, length of the metadata (i32), metadata (a FlatBuffer, Message.fbs, filled up to 8 bytes), body
 *     body:    the buffers of all arrays, depth first, each filled up to 8 bytes */
#include <stdlib.h>
#include <string.h>

#include "arrow_type.h"
#include "format.h"

enum { VERSION_5 = 4, HEADER_SCHEMA = 1, HEADER_DICTIONARY = 2, HEADER_BATCH = 3 };

struct node {
    int64_t length, nulls;
};

struct span {
    int64_t offset, length;
};

/* A batch being put together: what its metadata lists, and the memory that its body is made of. */
struct batch {
    struct node *nodes;
    struct span *spans;
    const void **parts; /* of each span */
    int64_t *variadic;  /* for each array of views: how many buffers it has */
    size_t node_count, span_count, variadic_count, room;
    int64_t body;
    const char *problem;
    int no_memory;
};

struct stream {
    const struct dr_answer *answer;
    struct dr_output *output;
    duckrow_error *error;
    struct dr_flat flat;
    struct batch batch;
    int64_t dictionaries;
};

/* ---- putting a batch together ---- */

/* Room for what one array adds. */
static int make_room(struct batch *batch, size_t more)
{
    if (batch->span_count + more < batch->room)
        return 1;
    size_t room = 2 * batch->room + more + 64;
    struct node *nodes = realloc(batch->nodes, room * sizeof *nodes);
    if (nodes)
        batch->nodes = nodes;
    struct span *spans = realloc(batch->spans, room * sizeof *spans);
    if (spans)
        batch->spans = spans;
    const void **parts = realloc(batch->parts, room * sizeof *parts);
    if (parts)
        batch->parts = parts;
    int64_t *variadic = realloc(batch->variadic, room * sizeof *variadic);
    if (variadic)
        batch->variadic = variadic;
    if (!nodes || !spans || !parts || !variadic) {
        batch->no_memory = 1;
        return 0;
    }
    batch->room = room;
    return 1;
}

static void add_span(struct batch *batch, const void *part, int64_t length)
{
    if (!part)
        length = 0;
    batch->spans[batch->span_count] = (struct span){batch->body, length};
    batch->parts[batch->span_count++] = part;
    batch->body += (length + 7) / 8 * 8;
}

static int64_t count_nulls(const struct ArrowArray *array)
{
    const uint8_t *valid = array->n_buffers ? array->buffers[0] : NULL;
    int64_t nulls = 0;
    for (int64_t i = 0; valid && i < array->length; i++)
        nulls += !(valid[i / 8] >> (i % 8) & 1);
    return nulls;
}

/* The last of length + 1 offsets: how long what they point into is. */
static int64_t last_offset(const struct ArrowArray *array, size_t width)
{
    const void *offsets = array->buffers[1];
    if (!offsets)
        return 0;
    return width == 8 ? ((const int64_t *)offsets)[array->length] : ((const int32_t *)offsets)[array->length];
}

static void add_buffers(struct batch *batch, const struct dr_arrow_type *type, const struct ArrowArray *array, int64_t nulls)
{
    int64_t length = array->length, width = (int64_t)type->width;
    const void **buffers = array->buffers;
    if (type->layout == DR_ARROW_NONE || type->layout == DR_ARROW_RUNS)
        return;
    if (type->layout == DR_ARROW_SPARSE || type->layout == DR_ARROW_DENSE) {
        /* Up to Arrow 0.17 unions had a validity buffer before these. */
        add_span(batch, buffers[array->n_buffers - (type->layout == DR_ARROW_DENSE ? 2 : 1)], length);
        if (type->layout == DR_ARROW_DENSE)
            add_span(batch, buffers[array->n_buffers - 1], 4 * length);
        return;
    }
    add_span(batch, nulls ? buffers[0] : NULL, (length + 7) / 8);
    switch (type->layout) {
    case DR_ARROW_FIXED:
        add_span(batch, buffers[1], width * length);
        break;
    case DR_ARROW_BITS:
        add_span(batch, buffers[1], (length + 7) / 8);
        break;
    case DR_ARROW_BINARY:
        add_span(batch, buffers[1], width * (length + 1));
        add_span(batch, buffers[2], last_offset(array, type->width));
        break;
    case DR_ARROW_VIEW:
        add_span(batch, buffers[1], 16 * length);
        batch->variadic[batch->variadic_count++] = array->n_buffers - 3;
        for (int64_t i = 0; i < array->n_buffers - 3; i++)
            add_span(batch, buffers[2 + i], ((const int64_t *)buffers[array->n_buffers - 1])[i]);
        break;
    case DR_ARROW_LIST:
        add_span(batch, buffers[1], width * (length + 1));
        break;
    case DR_ARROW_LIST_VIEW:
        add_span(batch, buffers[1], width * length);
        add_span(batch, buffers[2], width * length);
        break;
    default:
        break;
    }
}

static void add_array(struct batch *batch, const struct ArrowSchema *schema, const struct ArrowArray *array)
{
    struct dr_arrow_type type;
    if (dr_arrow_type_of(schema->format, &type) < 0 || array->n_children != schema->n_children)
        batch->problem = schema->format;
    else if (array->offset)
        batch->problem = "an array that starts in the middle";
    if (batch->problem || !make_room(batch, (size_t)array->n_buffers + 4))
        return;
    int64_t nulls = type.layout == DR_ARROW_NONE     ? array->length
                    : type.layout >= DR_ARROW_SPARSE ? 0
                    : array->null_count < 0          ? count_nulls(array)
                                                     : array->null_count;
    batch->nodes[batch->node_count++] = (struct node){array->length, nulls};
    add_buffers(batch, &type, array, nulls);
    for (int64_t i = 0; i < array->n_children; i++)
        add_array(batch, schema->children[i], array->children[i]);
}

/* ---- messages ---- */

static duckrow_code write_message(struct stream *stream, int kind, dr_flat_place header, int64_t body)
{
    static const uint8_t nothing[8];
    struct dr_flat *flat = &stream->flat;
    dr_flat_open(flat);
    dr_flat_scalar(flat, 3, body, 8);
    dr_flat_reference(flat, 2, header);
    dr_flat_scalar(flat, 0, VERSION_5, 2);
    dr_flat_scalar(flat, 1, kind, 1);
    dr_flat_place root = dr_flat_close(flat);
    size_t size;
    const uint8_t *bytes = dr_flat_finish(flat, root, &size);
    if (!bytes)
        return dr_fail(stream->error, DUCKROW_NO_MEMORY, "out of memory");
    uint32_t prefix[2] = {0xffffffff, (uint32_t)(size + 7) / 8 * 8};
    duckrow_code code = dr_output_write(stream->output, prefix, sizeof prefix, stream->error);
    if (!code)
        code = dr_output_write(stream->output, bytes, size, stream->error);
    if (!code)
        code = dr_output_write(stream->output, nothing, prefix[1] - size, stream->error);
    dr_flat_reset(flat);
    return code;
}

static duckrow_code write_body(struct stream *stream)
{
    static const uint8_t nothing[8];
    const struct batch *batch = &stream->batch;
    duckrow_code code = DUCKROW_OK;
    for (size_t i = 0; !code && i < batch->span_count; i++) {
        size_t length = (size_t)batch->spans[i].length;
        if (length)
            code = dr_output_write(stream->output, batch->parts[i], length, stream->error);
        if (!code && length % 8)
            code = dr_output_write(stream->output, nothing, 8 - length % 8, stream->error);
    }
    return code;
}

/* The metadata of what the batch holds. */
static dr_flat_place describe_batch(struct stream *stream, int64_t rows)
{
    struct dr_flat *flat = &stream->flat;
    const struct batch *batch = &stream->batch;
    dr_flat_place variadic =
        batch->variadic_count ? dr_flat_vector(flat, batch->variadic, sizeof *batch->variadic, batch->variadic_count, 8) : 0;
    dr_flat_place spans = dr_flat_vector(flat, batch->spans, sizeof *batch->spans, batch->span_count, 8);
    dr_flat_place nodes = dr_flat_vector(flat, batch->nodes, sizeof *batch->nodes, batch->node_count, 8);
    dr_flat_open(flat);
    dr_flat_scalar(flat, 0, rows, 8);
    dr_flat_reference(flat, 1, nodes);
    dr_flat_reference(flat, 2, spans);
    dr_flat_reference(flat, 4, variadic);
    return dr_flat_close(flat);
}

/* dictionary: its id, or -1 for the rows of the result. The batch holds what goes into the body. */
static duckrow_code write_batch(struct stream *stream, int64_t rows, int64_t dictionary)
{
    struct dr_flat *flat = &stream->flat;
    struct batch *batch = &stream->batch;
    if (batch->no_memory)
        return dr_fail(stream->error, DUCKROW_NO_MEMORY, "out of memory");
    if (batch->problem)
        return dr_fail(stream->error, DUCKROW_UNSUPPORTED, "Arrow can't hold this result: DuckDB made %s of it", batch->problem);
    dr_flat_place header = describe_batch(stream, rows);
    if (dictionary >= 0) {
        dr_flat_open(flat);
        dr_flat_scalar(flat, 0, dictionary, 8);
        dr_flat_reference(flat, 1, header);
        header = dr_flat_close(flat);
    }
    duckrow_code code = write_message(stream, dictionary >= 0 ? HEADER_DICTIONARY : HEADER_BATCH, header, batch->body);
    if (!code)
        code = write_body(stream);
    batch->node_count = batch->span_count = batch->variadic_count = 0;
    batch->body = 0;
    return code;
}

/* Walks as dr_arrow_write_schema does, so that the numbers are the same. */
static duckrow_code write_dictionaries(struct stream *stream, const struct ArrowSchema *schema, const struct ArrowArray *array)
{
    duckrow_code code = DUCKROW_OK;
    if (schema->dictionary && array->dictionary) {
        add_array(&stream->batch, schema->dictionary, array->dictionary);
        code = write_batch(stream, array->dictionary->length, stream->dictionaries++);
        schema = schema->dictionary;
        array = array->dictionary;
    }
    for (int64_t i = 0; !code && i < schema->n_children; i++)
        code = write_dictionaries(stream, schema->children[i], array->children[i]);
    return code;
}

/* ---- the stream ---- */

static duckrow_code no_arrow(struct stream *stream, duckdb_error_data data)
{
    return dr_sql_failed(stream->error, stream->answer->session->duckdb->error_data_message(data));
}

static duckrow_code write_schema(struct stream *stream, const struct ArrowSchema *schema)
{
    const char *unknown;
    dr_flat_place header = dr_arrow_write_schema(&stream->flat, schema, &unknown);
    if (unknown)
        return dr_fail(stream->error, DUCKROW_UNSUPPORTED, "Arrow can't hold this result: its type %s is not known", unknown);
    return write_message(stream, HEADER_SCHEMA, header, 0);
}

static duckrow_code make_schema(struct stream *stream, duckdb_arrow_options options, struct ArrowSchema *schema)
{
    const struct dr_duckdb *duckdb = stream->answer->session->duckdb;
    size_t columns = duckdb->column_count(stream->answer->result);
    duckdb_logical_type *types = calloc(columns + 1, sizeof *types);
    const char **names = calloc(columns + 1, sizeof *names);
    duckrow_code code = types && names ? DUCKROW_OK : dr_fail(stream->error, DUCKROW_NO_MEMORY, "out of memory");
    for (size_t i = 0; !code && i < columns; i++) {
        types[i] = duckdb->column_logical_type(stream->answer->result, i);
        names[i] = duckdb->column_name(stream->answer->result, i);
    }
    duckdb_error_data failed = code ? NULL : duckdb->to_arrow_schema(options, types, names, columns, schema);
    if (failed)
        code = no_arrow(stream, failed);
    duckdb->destroy_error_data(&failed);
    for (size_t i = 0; types && i < columns; i++)
        duckdb->destroy_logical_type(&types[i]);
    free(types);
    free(names);
    return code;
}

static duckrow_code write_chunk(struct stream *stream, duckdb_arrow_options options, const struct ArrowSchema *schema,
                                duckdb_data_chunk chunk, int first)
{
    const struct dr_duckdb *duckdb = stream->answer->session->duckdb;
    struct ArrowArray array;
    memset(&array, 0, sizeof array);
    duckdb_error_data failed = duckdb->data_chunk_to_arrow(options, chunk, &array);
    duckrow_code code = failed ? no_arrow(stream, failed) : DUCKROW_OK;
    duckdb->destroy_error_data(&failed);
    if (!code && first)
        code = write_dictionaries(stream, schema, &array);
    for (int64_t i = 0; !code && i < array.n_children; i++)
        add_array(&stream->batch, schema->children[i], array.children[i]);
    if (!code)
        code = write_batch(stream, array.length, -1);
    if (array.release)
        array.release(&array);
    return code;
}

static duckrow_code write_chunks(struct stream *stream, duckdb_arrow_options options, const struct ArrowSchema *schema)
{
    const struct dr_duckdb *duckdb = stream->answer->session->duckdb;
    duckrow_code code = DUCKROW_OK;
    duckdb_data_chunk chunk = NULL;
    int first = 1;
    while (!code && (chunk = duckdb->fetch_chunk(*stream->answer->result))) {
        if (duckdb->data_chunk_get_size(chunk)) {
            code = write_chunk(stream, options, schema, chunk, first);
            first = 0;
        }
        duckdb->destroy_data_chunk(&chunk);
    }
    const char *message = duckdb->result_error(stream->answer->result);
    return !code && message && *message ? dr_sql_failed(stream->error, message) : code;
}

static duckrow_code write_arrow(const struct dr_answer *answer, struct dr_output *output, duckrow_error *error)
{
    static const uint32_t end[2] = {0xffffffff, 0};
    const struct dr_duckdb *duckdb = answer->session->duckdb;
    struct stream stream = {.answer = answer, .output = output, .error = error};
    struct ArrowSchema schema;
    memset(&schema, 0, sizeof schema);
    duckdb_arrow_options options = duckdb->result_get_arrow_options(answer->result);
    duckrow_code code = make_schema(&stream, options, &schema);
    if (!code)
        code = write_schema(&stream, &schema);
    if (!code)
        code = write_chunks(&stream, options, &schema);
    if (!code)
        code = dr_output_write(output, end, sizeof end, error);
    if (schema.release)
        schema.release(&schema);
    duckdb->destroy_arrow_options(&options);
    dr_flat_free(&stream.flat);
    free(stream.batch.nodes);
    free(stream.batch.spans);
    free(stream.batch.parts);
    free(stream.batch.variadic);
    return code;
}

const struct dr_format dr_format_arrow = {"arrow", 1, write_arrow};
