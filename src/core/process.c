#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t dr_pid_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
}

/* The last number of "NSpid:" in /proc/PID/status is the pid in the namespace that the process itself lives in. */
static int64_t innermost_pid(const char *pid)
{
    char path[300], line[512];
    snprintf(path, sizeof path, "/proc/%s/status", pid);
    FILE *file = fopen(path, "re");
    int64_t innermost = 0;
    while (file && !innermost && fgets(line, sizeof line, file)) {
        if (strncmp(line, "NSpid:", 6))
            continue;
        for (char *at = line + 6, *end; at; at = end) {
            long long number = strtoll(at, &end, 10);
            if (end == at)
                break;
            innermost = number;
        }
    }
    if (file)
        fclose(file);
    return innermost;
}

static int lives_in(const char *pid, uint64_t pid_namespace)
{
    char path[300];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%s/ns/pid", pid);
    /* Where that may not be seen, pid and start time have to do. */
    return stat(path, &st) < 0 || st.st_ino == pid_namespace;
}

void dr_process_localize(duckrow_process *process, uint64_t pid_namespace)
{
    if (process->pid <= 0 || pid_namespace == dr_pid_namespace())
        return;
    process->foreign_pid = process->pid;
    process->pid = 0;
    DIR *folder = opendir("/proc");
    if (!folder)
        return;
    for (struct dirent *entry; !process->pid && (entry = readdir(folder));) {
        duckrow_process seen;
        if (isdigit((unsigned char)entry->d_name[0]) && innermost_pid(entry->d_name) == process->foreign_pid &&
            dr_process_describe(atoll(entry->d_name), &seen) == 0 && seen.started == process->started &&
            lives_in(entry->d_name, pid_namespace))
            process->pid = seen.pid;
    }
    closedir(folder);
}

const char *dr_process_name(const duckrow_process *process, char text[DR_NAME_SIZE])
{
    const char *command = process->command[0] ? process->command : "?";
    if (process->pid)
        snprintf(text, DR_NAME_SIZE, "pid %lld (%.120s)", (long long)process->pid, command);
    else if (process->foreign_pid)
        snprintf(text, DR_NAME_SIZE, "pid %lld in another container (%.120s)", (long long)process->foreign_pid, command);
    else
        snprintf(text, DR_NAME_SIZE, "a process that cannot be seen from here");
    return text;
}
