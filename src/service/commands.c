#include "commands.h"

const struct dr_command *const dr_service_commands[] = {NULL};
