#include "catalog.h"

#include <stddef.h>
#include <string.h>

#include "catalog_names.h"

const char *const *dr_catalog_setup(void)
{
    static const char *const parts[] = {
        "ATTACH ':memory:' AS " DR_CATALOG " (HIDDEN);",
        dr_catalog_types,
        dr_catalog_fixed,
        dr_catalog_macros,
        dr_catalog_objects,
        dr_catalog_relations,
        dr_catalog_lookups,
        dr_catalog_empty,
        dr_catalog_information,
        NULL,
    };
    return parts;
}

int dr_catalog_needed(const char *rewritten)
{
    return strstr(rewritten, DR_CATALOG ".") != NULL;
}
