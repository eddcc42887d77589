/* Gives each file of a folder to the target, as libFuzzer would: a crash fails the test. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

static int replay(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0;
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(size ? size : 1);
    int done = bytes && fread(bytes, 1, size, file) == size;
    fclose(file);
    fprintf(stderr, "%s\n", name);
    if (done)
        LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return done;
}

int main(int count, char **arguments)
{
    DIR *folder = count == 2 ? opendir(arguments[1]) : NULL;
    struct dirent *entry;
    int files = 0, failed = 0;
    while (folder && (entry = readdir(folder))) {
        if (*entry->d_name == '.')
            continue;
        files++;
        failed += !replay(arguments[1], entry->d_name);
    }
    if (folder)
        closedir(folder);
    fprintf(stderr, "%d files, %d not read\n", files, failed);
    return !files || failed;
}
