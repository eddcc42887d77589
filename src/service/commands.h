/* What the service adds to the duckrow program. */
#ifndef DR_COMMANDS_H
#define DR_COMMANDS_H

#include "cli/cli.h"

extern const struct dr_command dr_command_serve;
extern const struct dr_command *const dr_service_commands[]; /* ended by NULL */

#endif
