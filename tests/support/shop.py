"""A real dbt project: a seed, a view, incremental tables that take each event once, tables made of them, and tests of all that.

Its source is `events (id BIGINT, customer BIGINT, amount DOUBLE)`: ids without a gap, from 1 on; customers from 1 to 50."""

from __future__ import annotations

import textwrap
from pathlib import Path

FILES = {
    "dbt_project.yml": """
        name: shop
        version: "1.0"
        profile: shop
        flags: {send_anonymous_usage_stats: false}
        models: {shop: {+materialized: table}}
    """,
    "profiles.yml": """
        shop:
          target: dev
          outputs:
            dev: {type: duckdb, path: "{{ env_var('SHOP_DB') }}", threads: 4}
    """,
    "seeds/customers.csv": "id,name\n" + "".join(f"{i},customer {i}\n" for i in range(1, 51)),
    "models/sources.yml": """
        sources: [{name: live, schema: main, tables: [{name: events}]}]
    """,
    "models/staged.sql": """
        {{ config(materialized='view') }}
        SELECT id, customer, amount FROM {{ source('live', 'events') }}
    """,
    # Takes what has come since the last run: ids without a gap if it saw what was committed, all of it and once.
    "models/history.sql": """
        {{ config(materialized='incremental', unique_key='id') }}
        SELECT id, customer, amount FROM {{ ref('staged') }}
        {% if is_incremental() %} WHERE id > (SELECT max(id) FROM {{ this }}) {% endif %}
    """,
    "models/appended.sql": """
        {{ config(materialized='incremental', incremental_strategy='append') }}
        SELECT id FROM {{ ref('history') }}
        {% if is_incremental() %} WHERE id > (SELECT max(id) FROM {{ this }}) {% endif %}
    """,
    **{
        f"models/part_{n}.sql": f"""
        SELECT h.id, c.name, h.amount FROM {{{{ ref('history') }}}} h JOIN {{{{ ref('customers') }}}} c ON c.id = h.customer
        WHERE h.id % 6 = {n}
    """
        for n in range(6)
    },
    "models/total.sql": "SELECT count(*) AS rows, sum(amount) AS amount FROM ("
    + " UNION ALL ".join(f"FROM {{{{ ref('part_{n}') }}}}" for n in range(6))
    + ")",
    "models/tests.yml": """
        models:
          - name: history
            columns:
              - {name: id, data_tests: [unique, not_null]}
              - {name: customer, data_tests: [{relationships: {arguments: {to: ref('customers'), field: id}}}]}
          - name: appended
            columns: [{name: id, data_tests: [unique, not_null]}]
          - name: part_0
            columns: [{name: name, data_tests: [not_null]}]
    """,
    "tests/the_parts_are_the_whole.sql": """
        SELECT * FROM {{ ref('total') }} WHERE rows <> (SELECT count(*) FROM {{ ref('history') }})
            OR rows <> (SELECT max(id) FROM {{ ref('appended') }})
    """,
}


def write(folder: Path) -> Path:
    """The project, in a new folder there."""
    project = folder / "shop"
    for name, text in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(textwrap.dedent(text))
    return project


def environment(project: Path, database: Path) -> dict[str, str]:
    return {"SHOP_DB": str(database), "DBT_PROFILES_DIR": str(project)}
