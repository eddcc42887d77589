#include "cli.h"

int main(int argc, char **argv)
{
    return duckrow_main(argc, argv);
}
