#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client.h"

/* ---- prepared statements ---- */

static void free_prepared(struct dr_prepared *prepared)
{
    dr_statement_put(prepared->statement);
    free(prepared->name);
    free(prepared->sql);
    free(prepared->oids);
    free(prepared);
}

struct dr_prepared *dr_prepared_find(struct dr_client *client, const char *name)
{
    struct dr_prepared *prepared = client->prepared;
    while (prepared && strcmp(prepared->name, name) != 0)
        prepared = prepared->next;
    return prepared;
}

void dr_prepared_close(struct dr_client *client, const char *name)
{
    for (struct dr_prepared **at = &client->prepared; *at;) {
        struct dr_prepared *prepared = *at;
        if (name && strcmp(prepared->name, name) != 0) {
            at = &prepared->next;
            continue;
        }
        *at = prepared->next;
        free_prepared(prepared);
        if (name) /* which may have been its own */
            return;
    }
}

struct dr_prepared *dr_prepared_make(struct dr_client *client, char *name, const char *sql, struct dr_statement *statement,
                                     uint32_t *oids, int count)
{
    struct dr_prepared *prepared = calloc(1, sizeof *prepared);
    char *text = strdup(sql);
    if (!prepared || !text || !name) {
        free(prepared);
        free(text);
        free(name);
        free(oids);
        dr_statement_put(statement);
        return NULL;
    }
    dr_prepared_close(client, name);
    *prepared = (struct dr_prepared){client->prepared, name, text, statement, oids, count};
    client->prepared = prepared;
    return prepared;
}

/* ---- portals ---- */

struct dr_portal *dr_portal_find(struct dr_client *client, const char *name)
{
    struct dr_portal *portal = client->portals;
    while (portal && strcmp(portal->name, name) != 0)
        portal = portal->next;
    return portal;
}

static void empty(struct dr_client *client, struct dr_portal *portal)
{
    dr_cursor_close(&portal->cursor, &client->backend);
    dr_statement_put(portal->statement);
    portal->statement = NULL;
    dr_unit_reset(&portal->bound);
    portal->formats = 0;
    portal->finished = portal->rows_told = 0;
    portal->told = 0;
}

/* The memory of the one of that name is used again: of the unnamed one, which is in most messages. */
struct dr_portal *dr_portal_make(struct dr_client *client, const char *name, struct dr_statement *statement)
{
    struct dr_portal *portal = dr_portal_find(client, name);
    if (portal) {
        empty(client, portal);
    } else {
        portal = calloc(1, sizeof *portal);
        char *copy = strdup(name);
        if (!portal || !copy) {
            free(portal);
            free(copy);
            return NULL;
        }
        portal->name = copy;
        dr_unit_reset(&portal->bound);
        portal->next = client->portals;
        client->portals = portal;
    }
    portal->statement = dr_statement_get(statement);
    return portal;
}

void dr_portal_close(struct dr_client *client, const char *name)
{
    for (struct dr_portal **at = &client->portals; *at;) {
        struct dr_portal *portal = *at;
        if (name && strcmp(portal->name, name) != 0) {
            at = &portal->next;
            continue;
        }
        *at = portal->next;
        empty(client, portal);
        dr_unit_free(&portal->bound);
        free(portal->name);
        free(portal);
        if (name) /* which may have been its own */
            return;
    }
}

void dr_portals_close_named(struct dr_client *client)
{
    for (struct dr_portal *portal = client->portals, *next; portal; portal = next) {
        next = portal->next;
        if (*portal->name > ' ')
            dr_portal_close(client, portal->name);
    }
}

void dr_portals_free_all(struct dr_client *client)
{
    dr_portal_close(client, NULL);
}

void dr_portals_free_unused(struct dr_client *client)
{
    for (struct dr_portal *portal = client->portals, *next; portal; portal = next) {
        next = portal->next;
        if (*portal->name)
            dr_portal_close(client, portal->name);
        else
            dr_cursor_close(&portal->cursor, &client->backend);
    }
}

void dr_portals_close_cursors(struct dr_client *client)
{
    for (struct dr_portal *portal = client->portals; portal; portal = portal->next)
        dr_cursor_close(&portal->cursor, &client->backend);
}

int dr_portals_are_open(const struct dr_client *client)
{
    for (const struct dr_portal *portal = client->portals; portal; portal = portal->next)
        if (portal->cursor.open)
            return 1;
    return 0;
}
