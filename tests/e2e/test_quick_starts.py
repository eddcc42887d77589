"""The code with which other packages introduce themselves, on a file that others use: unmodified, with DUCKROW_PATCH=1."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import duckdb
import duckrow
import pytest
from support import Processes, wait_until

from e2e.helpers import code_blocks

# Keeps writing until its input ends, and prints how many commits it made.
WRITER = """
    import sys, threading, duckrow
    path, done = sys.argv[1], 0
    ended = threading.Thread(target=sys.stdin.read)
    ended.start()
    while ended.is_alive():
        with duckrow.get_write_connection(path, timeout=60) as con:
            con.execute("CREATE TABLE IF NOT EXISTS others (i INTEGER)")
            con.execute("INSERT INTO others VALUES (1)")
        done += 1
    print(done)
"""


def first_code(package: str) -> str:
    """The first block of Python in a package's own README."""
    about = metadata.metadata(package)
    text = about.get_payload() or about["Description"]
    return code_blocks(str(text), "python")[0]


@pytest.mark.parametrize("url", ["duckdb:///{}", "duckrow:///{}"])
def test_duckdb_engine(processes: Processes, tmp_db: Path, url: str) -> None:
    in_memory = '"duckdb:///:memory:"'
    code = first_code("duckdb-engine")
    assert in_memory in code
    writer = processes.python(WRITER, tmp_db)
    wait_until(tmp_db.exists, 30)
    process = processes.python(code.replace(in_memory, repr(url.format(tmp_db))), env={"DUCKROW_PATCH": "1"})
    process.finish()
    assert "Traceback" not in process.errors and "Error" not in process.errors, process.errors
    commits = int(writer.finish()[-1])
    with duckrow.get_readonly_connection(tmp_db) as con:
        assert con.execute("SELECT name FROM fake").fetchall() == [("Frank",)]
        assert con.execute("SELECT count(*) FROM others").fetchall() == [(commits,)]


# Each step by itself, for Ibis 12 calls what DuckDB 2.0 no longer has in some of them; there it fails with plain DuckDB as well.
IBIS = """
    import json, sys, ibis, pyarrow
    con = ibis.duckdb.connect(sys.argv[1])
    penguins = pyarrow.table({"species": ["Adelie", "Gentoo", "Adelie"], "mass": [3750, 5000, 3800]})
    found = {}

    def step(name, run):
        try:
            found[name] = str(run())
        except Exception as error:
            found[name] = [type(error).__name__]

    step("create_table", lambda: con.create_table("penguins", penguins, overwrite=True))
    t = con.table("penguins")
    step("table", lambda: t.schema())
    step("query", lambda: t.group_by("species").agg(mass=t.mass.sum()).order_by("species").execute())
    step("to_pyarrow", lambda: t.order_by("mass").to_pyarrow().to_pydict())
    step("to_polars", lambda: t.order_by("mass").to_polars())
    step("create_view", lambda: con.create_view("heavy", t.filter(t.mass > 3750)).count().execute())
    step("list_tables", lambda: con.list_tables())
    step("sql", lambda: con.sql("SELECT count(*) AS n FROM penguins").execute())
    step("insert", lambda: con.insert("penguins", penguins))
    con.disconnect()
    print(json.dumps([type(con.con).__module__, found]))
"""


def test_ibis(processes: Processes, tmp_db: Path) -> None:
    plain_db = tmp_db.with_name("plain") / tmp_db.name
    plain_db.parent.mkdir()
    kind, plain = json.loads(processes.python(IBIS, plain_db).finish()[-1])
    assert kind == "_duckdb"
    writer = processes.python(WRITER, tmp_db)
    wait_until(tmp_db.exists, 30)
    kind, found = json.loads(processes.python(IBIS, tmp_db, env={"DUCKROW_PATCH": "1"}).finish()[-1])
    assert kind == "duckrow"
    failed = {name for name, result in found.items() if isinstance(result, list)}
    if "list_tables" not in failed:
        assert "'others'" in found["list_tables"]
        found["list_tables"] = found["list_tables"].replace(", 'others'", "").replace("'others', ", "")
    assert found == plain
    assert failed == (set() if duckdb.__version__ < "2" else {"list_tables", "sql", "insert"})
    commits = int(writer.finish()[-1])
    with duckrow.get_readonly_connection(tmp_db) as con:
        assert con.execute("SELECT count(*) FROM others").fetchall() == [(commits,)]
        assert con.execute("SELECT species, count(*) FROM heavy GROUP BY species ORDER BY species").fetchall()[-1][0] == "Gentoo"
