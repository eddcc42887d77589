#include "commands.h"

const struct dr_command *const dr_service_commands[] = {&dr_command_serve, NULL};
