/* The executable, which has all: the one file here that knows what stands above cli. */
#include "cli.h"
#include "service/commands.h"

int main(int argc, char **argv)
{
    return duckrow_main(argc, argv, dr_service_commands);
}
