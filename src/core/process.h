/* Who a process is: also one that lives in another pid namespace (another container), whose number means nobody here, or somebody
 * else. */
#ifndef DR_PROCESS_H
#define DR_PROCESS_H

#include "os.h"

enum { DR_NAME_SIZE = 256 };

/* Stands for the pid namespace of this process; 0: not known. */
uint64_t dr_pid_namespace(void);
/* A process that describes itself, in that namespace, as it looks from here: its pid here, or pid 0 and foreign_pid. */
void dr_process_localize(duckrow_process *process, uint64_t pid_namespace);
/* "pid 12 (python load.py)", "pid 12 in another container (python load.py)", or that it cannot be seen. */
const char *dr_process_name(const duckrow_process *process, char text[DR_NAME_SIZE]);

#endif
