#include "duckfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "os.h"

static uint64_t u64(const unsigned char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t u16(const unsigned char *at)
{
    return at[0] | (uint32_t)at[1] << 8;
}

/* ---- headers ---- */

duckrow_code dr_header_read(int fd, struct dr_header *header, duckrow_error *error)
{
    header->hash = 0;
    header->encrypted = 0;
    header->iteration = header->blocks = 0;
    if (dr_read_at(fd, header->bytes, DR_HEADERS, 0) < 0) {
        struct stat st;
        if (errno == ENODATA && dr_os.fstat(fd, &st) == 0 && st.st_size == 0)
            return DUCKROW_OK;
        if (errno == ENODATA)
            return dr_fail(error, DUCKROW_NOT_A_DATABASE, "the database file is cut off");
        return dr_fail_os(error, errno, "cannot read the database's headers");
    }
    if (memcmp(header->bytes + 8, "DUCK", 4))
        return dr_fail(error, DUCKROW_NOT_A_DATABASE, "the file is not a DuckDB database");
    const unsigned char *first = header->bytes + 4096 + 8, *second = header->bytes + 8192 + 8;
    const unsigned char *newer = u64(first) > u64(second) ? first : second;
    header->encrypted = u64(header->bytes + 20) & 1;
    header->iteration = (int64_t)u64(newer);
    header->free_list = (int64_t)u64(newer + 16);
    header->blocks = (int64_t)u64(newer + 24);
    header->block_size = (int64_t)u64(newer + 32);
    if (header->block_size == 0)
        header->block_size = DR_BLOCK;
    if (!header->encrypted && (header->block_size < 4096 || header->block_size > 1 << 24 || header->blocks < 0 ||
                               header->blocks > INT64_MAX / header->block_size / 2))
        return dr_fail(error, DUCKROW_NOT_A_DATABASE, "the database's headers make no sense");
    header->hash = dr_hash(header->bytes, DR_HEADERS);
    if (header->hash == 0)
        header->hash = 1;
    return DUCKROW_OK;
}

int64_t dr_block_offset(const struct dr_header *header, int64_t block)
{
    return DR_HEADERS + block * header->block_size;
}

/* ---- free list ---- */

enum { MISSING = 1 << 20 };

struct pieces {
    int fd, error;
    const struct dr_header *header;
    size_t size, at, left_to_read;
    uint64_t next;
    unsigned char *piece;
};

static void read_bytes(struct pieces *pieces, void *to, size_t size)
{
    unsigned char *out = to;
    while (size && !pieces->error) {
        if (pieces->at == pieces->size) {
            int64_t block = (int64_t)(pieces->next & (((uint64_t)1 << 56) - 1)), piece = (int64_t)(pieces->next >> 56);
            /* A chain longer than the file is a ring. */
            if (pieces->next == UINT64_MAX || block >= pieces->header->blocks || piece >= 64 || pieces->left_to_read-- == 0 ||
                dr_read_at(pieces->fd, pieces->piece, pieces->size,
                           dr_block_offset(pieces->header, block) + 8 + piece * (int64_t)pieces->size) < 0) {
                pieces->error = 1;
                return;
            }
            pieces->next = u64(pieces->piece);
            pieces->at = 8;
        }
        size_t n = pieces->size - pieces->at < size ? pieces->size - pieces->at : size;
        memcpy(out, pieces->piece + pieces->at, n);
        pieces->at += n;
        out += n;
        size -= n;
    }
}

static uint64_t read_u64(struct pieces *pieces)
{
    unsigned char bytes[8] = {0};
    read_bytes(pieces, bytes, sizeof bytes);
    return u64(bytes);
}

static void read_blocks(struct pieces *pieces, struct dr_bitmap *set, size_t skip)
{
    unsigned char skipped[8];
    uint64_t count = read_u64(pieces);
    for (uint64_t i = 0; i < count && !pieces->error; i++) {
        uint64_t block = read_u64(pieces);
        read_bytes(pieces, skipped, skip);
        if (block >= (uint64_t)pieces->header->blocks)
            pieces->error = 1;
        else if (set && !pieces->error)
            dr_bitmap_add(set, (int64_t)block);
    }
}

duckrow_code dr_free_list_read(int fd, const struct dr_header *header, struct dr_bitmap *free_blocks, struct dr_bitmap *metadata,
                               duckrow_error *error)
{
    struct stat st;
    /* Free blocks at the end may be cut off, but not as many as would take all memory to list. */
    if (dr_os.fstat(fd, &st) < 0 || header->blocks > st.st_size / header->block_size + MISSING)
        return dr_fail(error, DUCKROW_NOT_A_DATABASE, "the database is much shorter than its headers say");
    struct pieces pieces = {.fd = fd, .header = header, .next = (uint64_t)header->free_list};
    pieces.size = (size_t)(header->block_size - 8) / 64 / 8 * 8;
    pieces.at = pieces.size;
    pieces.left_to_read = (size_t)header->blocks * 64 + 1;
    pieces.piece = malloc(pieces.size);
    if (!pieces.piece || dr_bitmap_resize(free_blocks, header->blocks) < 0 || dr_bitmap_resize(metadata, header->blocks) < 0) {
        free(pieces.piece);
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    }
    if (pieces.next != UINT64_MAX) {
        read_blocks(&pieces, free_blocks, 0);
        read_blocks(&pieces, NULL, 4);
        read_blocks(&pieces, metadata, 8);
    }
    free(pieces.piece);
    return pieces.error ? dr_fail(error, DUCKROW_NOT_A_DATABASE, "the database's free list makes no sense") : DUCKROW_OK;
}

/* ---- checksum ---- */

static uint64_t checksum_of_rest(const unsigned char *data, size_t size)
{
    const uint64_t m = 0xc6a4a7935bd1e995u;
    uint64_t hash = 0xe17a1465u ^ (size * m), rest = 0;
    for (size_t i = 0; i < size; i++)
        rest |= (uint64_t)data[i] << 8 * i;
    hash = (hash ^ rest) * m;
    hash = (hash ^ hash >> 47) * m;
    return hash ^ hash >> 47;
}

uint64_t dr_checksum(const unsigned char *data, size_t size)
{
    uint64_t result = 5381;
    for (; size >= 8; data += 8, size -= 8)
        result ^= u64(data) * 0xbf58476d1ce4e5b9u;
    return size ? result ^ checksum_of_rest(data, size) : result;
}

/* ---- WAL ---- */

enum { USE_TABLE = 25, INSERT = 26, DELETE = 27, UPDATE = 28, ROW_GROUPS = 29, WAL_VERSION = 98, CHECKPOINT = 99, FLUSH = 100 };

/* Bytes of a WAL that are too few for a version entry, and that are better checkpointed than read. */
enum { SMALL = 64, LARGE = 256 << 20 };

static const char *unusual(unsigned type)
{
    switch (type) {
    case USE_TABLE:
    case INSERT:
    case DELETE:
    case UPDATE:
    case FLUSH:
        return NULL;
    case ROW_GROUPS:
        return "rows that were written to the file already";
    case CHECKPOINT:
        return "an unfinished checkpoint";
    case 10:
        return "a sequence";
    default:
        return "a change of the schema";
    }
}

/* A number of 7 bits a byte, low ones first. 0 when it is cut off. */
static size_t read_number(const unsigned char *at, size_t size, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < size && i < 10; i++) {
        *value |= (uint64_t)(at[i] & 0x7f) << 7 * i;
        if (!(at[i] & 0x80))
            return i + 1;
    }
    return 0;
}

/* The version entry at the start. Returns its length, 0 when it is cut off or unknown. */
static size_t read_version(const unsigned char *data, size_t size, uint64_t *version, int64_t *iteration)
{
    size_t at = 3, n;
    uint64_t value;
    if (size < 3 || u16(data) != 100 || data[2] != WAL_VERSION)
        return 0;
    while (at + 2 <= size) {
        unsigned field = u16(data + at);
        at += 2;
        if (field == 0xffff)
            return at;
        if (!(n = read_number(data + at, size - at, &value)))
            return 0;
        at += n;
        if (field == 101) {
            *version = value;
        } else if (field == 102) {
            /* the database's identifier: a list of numbers */
            for (uint64_t count = value; count > 0 && n; count--) {
                n = read_number(data + at, size - at, &value);
                at += n;
            }
        } else if (field == 103) {
            *iteration = (int64_t)value;
        } else {
            return 0;
        }
        if (!n)
            return 0;
    }
    return 0;
}

static void read_frames(const unsigned char *data, size_t size, int64_t from, struct dr_wal *wal)
{
    const char *pending = NULL;
    for (size_t at = 0; size - at >= 16;) {
        uint64_t length = u64(data + at);
        const unsigned char *entry = data + at + 16;
        if (length > size - at - 16 || length < 3 || dr_checksum(entry, length) != u64(data + at + 8) || u16(entry) != 100)
            return;
        unsigned type = entry[2];
        at += 16 + length;
        if (!pending)
            pending = unusual(type);
        /* A checkpoint's mark stands after the last commit. */
        if (type == FLUSH || type == CHECKPOINT) {
            wal->end = from + (int64_t)at;
            wal->commits += type == FLUSH;
            if (!wal->unusual)
                wal->unusual = pending;
            pending = NULL;
        }
    }
}

duckrow_code dr_wal_read(int fd, int64_t from, int64_t size, struct dr_wal *wal, duckrow_error *error)
{
    *wal = (struct dr_wal){.end = from, .iteration = -1};
    if (size <= from)
        return DUCKROW_OK;
    if (size - from > LARGE) {
        wal->unusual = "very much";
        return DUCKROW_OK;
    }
    unsigned char *data = malloc((size_t)(size - from));
    if (!data)
        return dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
    if (dr_read_at(fd, data, (size_t)(size - from), from) < 0) {
        int reason = errno;
        free(data);
        return dr_fail_os(error, reason, "cannot read the WAL");
    }
    size_t start = 0;
    uint64_t version = 1;
    if (from == 0) {
        start = read_version(data, (size_t)size, &version, &wal->iteration);
        if (start > (size_t)size)
            start = 0;
        /* A few bytes are the start of a first commit that never came to its end. */
        if ((start == 0 && size > SMALL) || (start && version != 2))
            wal->unusual = "another version of the WAL";
    }
    if (!wal->unusual && (start || from))
        read_frames(data + start, (size_t)(size - from) - start, from + (int64_t)start, wal);
    free(data);
    return DUCKROW_OK;
}
