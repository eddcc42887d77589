#include "relay.h"

#include <stdio.h>

static void bind(duckdb_bind_info info)
{
    dr_session *session = dr_relay_of_bind(info);
}
