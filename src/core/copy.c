#include "copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "space.h"

enum { CHUNK = 1 << 20 };

/* Mode 0444 keeps everybody but root from opening the file to write, its owner included: so lift it for the moment of opening. */
static int open_to_write(const char *path)
{
    int fd = dr_open(path, O_RDWR, 0);
    if (fd >= 0 || errno != EACCES)
        return fd;
    int look = dr_open(path, O_RDONLY, 0);
    if (look < 0)
        return -1;
    if (dr_os.fchmod(look, 0644) == 0) {
        fd = dr_open(path, O_RDWR, 0);
        dr_os.fchmod(look, 0444);
    }
    dr_close(look);
    return fd;
}

int dr_copy_wants(const struct dr_copy *copy, int64_t block)
{
    if (copy->unused && dr_bitmap_has(copy->unused, block))
        return 0;
    return !copy->pending || block >= copy->known_blocks || dr_bitmap_has(copy->pending, block) ||
           dr_bitmap_has(copy->metadata, block);
}

/* What the copy takes besides what the target has; no more than is written. What a clone shares it has. */
static duckrow_code check_space(const struct dr_copy *copy, const duckrow_db *db, duckrow_error *error)
{
    struct stat st;
    int64_t used = 0, written = 0;
    for (int64_t block = 0; block < copy->header->blocks; block++) {
        used += !copy->unused || !dr_bitmap_has(copy->unused, block);
        written += dr_copy_wants(copy, block);
    }
    if (dr_os.fstat(copy->target, &st) < 0)
        return dr_fail_os(error, errno, "cannot look at the snapshot");
    int64_t missing = used * copy->header->block_size - (int64_t)st.st_blocks * 512;
    written *= copy->header->block_size;
    return dr_space_check(db, copy->target, missing < written ? missing : written, error);
}

duckrow_code dr_copy_open(struct dr_copy *copy, const duckrow_db *db, const char *path, duckrow_error *error)
{
    copy->target = open_to_write(path);
    /* Another user's copy, which we may not write but whose folder we may: make our own. */
    if (copy->target < 0 && (errno == EACCES || errno == EPERM) && dr_os.unlink(path) == 0)
        errno = ENOENT;
    if (copy->target < 0 && errno == ENOENT) {
        copy->target = dr_open(path, O_RDWR | O_CREAT | O_EXCL, 0444);
        copy->empty = 1;
        copy->pending = NULL;
    }
    if (copy->target < 0)
        return dr_fail_os(error, errno, "cannot open %s", path);
    dr_db_adopt(db, copy->target, 0444);
    if (copy->empty && dr_os.clone(copy->target, copy->source) == 0) {
        copy->bytes += DR_HEADERS;
        copy->pending = copy->metadata;
        copy->known_blocks = copy->header->blocks;
        copy->empty = 0;
    }
    duckrow_code code = check_space(copy, db, error);
    if (code)
        return code;
    copy->buffers = malloc((size_t)copy->header->block_size * 2 > CHUNK ? (size_t)copy->header->block_size * 2 : CHUNK);
    return copy->buffers ? DUCKROW_OK : dr_fail(error, DUCKROW_NO_MEMORY, "out of memory");
}

/* A slot that is new has nothing to compare with: the kernel copies runs of blocks. */
static duckrow_code copy_run(struct dr_copy *copy, int64_t first, int64_t end, duckrow_error *error)
{
    off_t from = dr_block_offset(copy->header, first), to = from, stop = dr_block_offset(copy->header, end);
    while (from < stop) {
        ssize_t n = dr_os.copy_range(copy->source, &from, copy->target, &to, (size_t)(stop - from));
        if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
            break;
        if (n < 0 && errno != EINTR)
            return dr_fail_os(error, errno, "cannot write the snapshot");
        if (n == 0)
            break;
    }
    for (; from < stop;) {
        size_t n = stop - from < CHUNK ? (size_t)(stop - from) : CHUNK;
        if (dr_read_at(copy->source, copy->buffers, n, from) < 0)
            return dr_fail_os(error, errno, "cannot read the database");
        if (dr_write_at(copy->target, copy->buffers, n, from) < 0)
            return dr_fail_os(error, errno, "cannot write the snapshot");
        from += (off_t)n;
    }
    copy->copied += end - first;
    copy->bytes += stop - dr_block_offset(copy->header, first);
    return DUCKROW_OK;
}

static duckrow_code compare_block(struct dr_copy *copy, int64_t block, duckrow_error *error)
{
    size_t size = (size_t)copy->header->block_size;
    unsigned char *new = copy->buffers, *old = copy->buffers + size;
    int64_t offset = dr_block_offset(copy->header, block);
    copy->compared++;
    if (dr_read_at(copy->source, new, size, offset) < 0)
        return dr_fail_os(error, errno, "cannot read the database");
    if (dr_read_at(copy->target, old, size, offset) == 0 && !memcmp(new, old, size))
        return DUCKROW_OK;
    if (dr_write_at(copy->target, new, size, offset) < 0)
        return dr_fail_os(error, errno, "cannot write the snapshot");
    copy->copied++;
    copy->bytes += (int64_t)size;
    return DUCKROW_OK;
}

duckrow_code dr_copy_piece(struct dr_copy *copy, int64_t bytes, int *more, duckrow_error *error)
{
    duckrow_code code = DUCKROW_OK;
    struct stat st;
    *more = 0;
    if (dr_os.fstat(copy->source, &st) < 0)
        return dr_fail_os(error, errno, "cannot look at the database");
    /* Free blocks at the end may be cut off the file. */
    int64_t size = copy->header->block_size, whole = (st.st_size - DR_HEADERS) / size, blocks = copy->header->blocks;
    if (blocks > whole)
        blocks = whole;
    while (copy->next < blocks && bytes > 0 && code == DUCKROW_OK) {
        int64_t block = copy->next, end = block + 1;
        if (dr_copy_wants(copy, block)) {
            while (copy->empty && end < blocks && (end - block) * size < bytes && dr_copy_wants(copy, end))
                end++;
            code = copy->empty ? copy_run(copy, block, end, error) : compare_block(copy, block, error);
            bytes -= (end - block) * size;
        }
        if (code == DUCKROW_OK)
            copy->next = end;
    }
    *more = copy->next < blocks;
    return code;
}

/* By their first 8 bytes. */
static int may_be_the_same(const struct dr_copy *copy, int64_t block)
{
    unsigned char new[8], old[sizeof new];
    int64_t offset = dr_block_offset(copy->header, block);
    return dr_read_at(copy->source, new, sizeof new, offset) < 0 ||
           (dr_read_at(copy->target, old, sizeof old, offset) == 0 && !memcmp(new, old, sizeof new));
}

int64_t dr_copy_guess(struct dr_copy *copy, int64_t from, int64_t bytes)
{
    struct stat st;
    int64_t block = from, size = copy->header->block_size;
    if (dr_os.fstat(copy->source, &st) < 0)
        return -2;
    for (; (block + 1) * size <= st.st_size - DR_HEADERS; block++) {
        int stands = block < copy->header->blocks && !dr_bitmap_has(copy->unused, block);
        if (stands || may_be_the_same(copy, block))
            continue;
        if (bytes <= 0)
            return block;
        if (copy_run(copy, block, block + 1, NULL))
            return -2;
        bytes -= size;
    }
    return -1;
}

duckrow_code dr_copy_blocks(struct dr_copy *copy, duckrow_error *error)
{
    int more = 1;
    duckrow_code code = DUCKROW_OK;
    while (more && code == DUCKROW_OK)
        code = dr_copy_piece(copy, INT64_MAX, &more, error);
    if (code == DUCKROW_OK && dr_os.ftruncate(copy->target, dr_block_offset(copy->header, copy->header->blocks)) < 0)
        code = dr_fail_os(error, errno, "cannot write the snapshot");
    return code;
}

duckrow_code dr_copy_headers(struct dr_copy *copy, duckrow_error *error)
{
    if (dr_write_at(copy->target, copy->header->bytes, DR_HEADERS, 0) < 0)
        return dr_fail_os(error, errno, "cannot write the snapshot");
    return DUCKROW_OK;
}

void dr_copy_close(struct dr_copy *copy)
{
    dr_close(copy->target);
    free(copy->buffers);
}

duckrow_code dr_copy_range(int from, int to, int64_t start, int64_t end, const char *path, duckrow_error *error)
{
    char buffer[65536];
    while (start < end) {
        size_t n = end - start < (int64_t)sizeof buffer ? (size_t)(end - start) : sizeof buffer;
        if (dr_read_at(from, buffer, n, start) < 0 || dr_write_at(to, buffer, n, start) < 0)
            return dr_fail_os(error, errno, "cannot copy to %s", path);
        start += (int64_t)n;
    }
    return DUCKROW_OK;
}
