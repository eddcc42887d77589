"""A notebook that opened a write connection, wrote, and sits there: nobody waits for it, and it notices nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyter_client import KernelManager
from support import Processes, scaled

Cell = Callable[[str], str]

CRON = """
    import sys, time, duckrow
    begin = time.monotonic()
    with duckrow.get_write_connection(sys.argv[1], timeout=5) as con:
        print(time.monotonic() - begin)
        con.execute("INSERT INTO t VALUES ('cron')")
"""

# All that a connection has of its own, and what others have written.
LOOK = """
def one(sql):
    return con.execute(sql).fetchone()[0]
print(one("SELECT count(*) FROM t WHERE who = 'cron'"), one("SELECT answer FROM scratch"), one("SELECT sum(x) FROM given"),
      one("SELECT sum(x) FROM frame"), one("SELECT current_setting('threads')"), one("SELECT getvariable('mine')"))
"""


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cell]:
    """A real Jupyter kernel, with this test's DuckDB. Runs a cell, and returns what it prints."""
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    kernel = KernelManager(transport="ipc", ip=str(tmp_path / "k"))
    kernel.start_kernel()
    client = kernel.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)

        def cell(code: str) -> str:
            printed: list[str] = []

            def show(message: dict[str, object]) -> None:
                content = message["content"]
                assert message["msg_type"] != "error", "\n".join(content["traceback"])
                if message["msg_type"] == "stream":
                    printed.append(content["text"])

            client.execute_interactive(code, timeout=60, output_hook=show)
            return "".join(printed).strip()

        yield cell
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


@pytest.mark.alone
@pytest.mark.timeout(scaled(1200, 120))
def test_a_notebook_that_sits_there_is_in_nobodys_way(processes: Processes, notebook: Cell, tmp_db: Path) -> None:
    rounds = scaled(100, 5)
    notebook(f"""
import duckrow, pandas
con = duckrow.get_write_connection({str(tmp_db)!r})
con.execute("CREATE TABLE t (who VARCHAR)")
con.execute("CREATE TEMP TABLE scratch AS SELECT 42 AS answer")
con.execute("SET threads = 1")
con.execute("SET VARIABLE mine = 'kept'")
frame = pandas.DataFrame({{"x": [1, 2, 3]}})
con.register("given", frame)
""")
    waits = []
    for done in range(rounds):
        assert notebook("con.execute(\"INSERT INTO t VALUES ('notebook')\"); print('written')") == "written"
        waits.append(float(processes.python(CRON, tmp_db).finish()[0]))
        assert notebook(LOOK) == f"{done + 1} 42 6 6 1 kept"
    print(f"{rounds} writers waited {min(waits):.3f} to {max(waits):.3f} s for a notebook that sits there")
    assert max(waits) <= 1.5
    assert notebook("print(con.execute('SELECT count(*) FROM t').fetchone()[0]); con.close()") == str(2 * rounds)


@pytest.mark.timeout(120)
def test_a_notebook_with_unmodified_code(processes: Processes, notebook: Cell, tmp_db: Path) -> None:
    """patch() in the first cell, and no word of duckrow after it."""
    notebook("import duckrow; duckrow.patch()")
    notebook(f"import duckdb, pandas; path = {str(tmp_db)!r}; frame = pandas.DataFrame({{'who': ['a', 'b']}})")
    assert notebook("with duckdb.connect(path) as con: con.execute('CREATE TABLE t AS FROM frame'); print('made')") == "made"
    processes.python(CRON, tmp_db).finish()
    assert notebook("with duckdb.connect(path, read_only=True) as con: print(con.sql('FROM t').df()['who'].tolist())") == str(
        ["a", "b", "cron"]
    )
