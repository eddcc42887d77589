"""Programs that call duckdb.connect and know nothing of duckrow, with duckrow.patch() or DUCKROW_PATCH=1."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

import duckdb
import duckrow
import pytest
from support import Processes, scaled

PATCHED = {"DUCKROW_PATCH": "1"}
SITE_PACKAGES = Path(sysconfig.get_paths()["platlib"])

ARGUMENTS = """
    import inspect, pathlib, sys, _duckdb, duckdb, duckrow
    path, stock = sys.argv[1], duckdb.connect
    duckrow.patch()
    patched = duckdb.connect
    assert patched is not stock
    assert (patched.__name__, patched.__doc__, patched.__module__) == (stock.__name__, stock.__doc__, stock.__module__)
    assert list(inspect.signature(patched).parameters) == ["database", "read_only", "config"]

    def kind(*args, **kwargs):
        with duckdb.connect(*args, **kwargs) as con:
            con.execute("SELECT 1").fetchall()
            return ("read" if con.read_only else "write") if isinstance(con, duckrow.Connection) else "stock"

    assert kind(path) == kind(database=pathlib.Path(path)) == kind(path, False) == kind(path, False, {"threads": 1}) == "write"
    assert kind(path, True) == kind(path, read_only=True) == kind(database=path, config={"access_mode": "read_only"}) == "read"
    assert kind("") == kind(database=":memory:named", config={"threads": 1}) == kind(":default:") == "stock"
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{path}' AS core")
        assert duckrow.status(path).held, "an in-memory database knows what a file is"
    assert not duckrow.status(path).held
    with _duckdb.connect(path) as con:
        assert isinstance(con, duckrow.Connection)
    with duckdb.connect(path, config={"threads": 1}) as con:
        assert con.execute("SELECT current_setting('threads')").fetchall() == [(1,)]
    for wrong in ({"nonsense": 1}, {"database": 7}, {"database": None}, {"database": b"x"}):
        try:
            duckdb.connect(**wrong)
        except (TypeError, duckdb.InvalidInputException):
            pass
        else:
            raise AssertionError(wrong)

    # The functions of the module work on the default connection, which has no file.
    duckdb.execute("CREATE TABLE here AS SELECT 7 AS i")
    assert duckdb.sql("FROM here").fetchall() == [(7,)]
    assert not isinstance(duckdb.default_connection(), duckrow.Connection)

    duckrow.patch()
    duckrow.patch(timeout=1)
    duckrow.unpatch()
    assert duckdb.connect is stock and _duckdb.connect is stock
    duckrow.unpatch()
    assert kind(path) == "stock"
    duckrow.patch()
    mine = duckdb.connect = lambda *args: None
    duckrow.unpatch()
    assert duckdb.connect is mine, "what somebody has put there since is not ours to remove"
    try:
        duckrow.patch(timeout=-1)
    except duckdb.InvalidInputException as error:
        print(error)
"""


def test_patch(processes: Processes, tmp_db: Path) -> None:
    assert "timeout is a number of seconds" in processes.python(ARGUMENTS, tmp_db).finish()[0]


SAYS = "; print(type(connect(sys.argv[1])).__module__, type(connect('')).__module__)"
IMPORTS = {
    "import duckdb": "import sys, duckdb; connect = duckdb.connect",
    "from duckdb import connect": "import sys; from duckdb import connect",
    "import _duckdb": "import sys, _duckdb; connect = _duckdb.connect",
    "importlib": "import importlib, sys; connect = importlib.import_module('duckdb').connect",
    "by another": "import sys, polars, duckdb_engine; from duckdb_engine import duckdb; connect = duckdb.connect",
    "duckrow first": "import sys, duckrow, duckdb; connect = duckdb.connect",
    "again": "import sys, importlib, duckdb; connect = importlib.reload(duckdb).connect",
}


@pytest.mark.parametrize("how", IMPORTS)
def test_the_environment_patches_each_import(processes: Processes, tmp_db: Path, how: str) -> None:
    process = processes.python(IMPORTS[how] + SAYS, tmp_db, env=PATCHED)
    assert process.finish() == ["duckrow _duckdb"]
    assert process.errors == ""


@pytest.mark.parametrize("setting", ["", "0"])
def test_nothing_happens_unless_asked_for(processes: Processes, tmp_db: Path, setting: str) -> None:
    code = "import sys; assert '_duckrow_patch' not in sys.modules; import duckdb; connect = duckdb.connect" + SAYS
    assert processes.python(code, tmp_db, env={"DUCKROW_PATCH": setting}).finish() == ["_duckdb _duckdb"]


def test_nothing_is_imported_before_the_program_does(processes: Processes, tmp_db: Path) -> None:
    code = """
        import sys
        def imported():
            return [name for name in ("duckdb", "_duckdb", "duckrow") if name in sys.modules]
        assert imported() == []
        import duckdb
        assert duckdb.__spec__.loader is duckdb.__loader__ and type(duckdb.__loader__).__name__ == "SourceFileLoader"
        duckdb.sql("SELECT 1").fetchall()
        assert "duckrow" not in imported()
        duckdb.connect(sys.argv[1])
        assert "duckrow" in imported()
    """
    process = processes.python(code, tmp_db, env=PATCHED)
    process.finish()
    assert process.errors == ""


def test_child_processes_are_patched_too(processes: Processes, tmp_path: Path, tmp_db: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import multiprocessing, subprocess, sys, duckdb\n"
        "def show(path):\n"
        "    with duckdb.connect(path) as con: print(type(con).__module__, flush=True)\n"
        "if __name__ == '__main__':\n"
        "    show(sys.argv[1])\n"
        "    for method in ('spawn', 'forkserver', 'fork'):\n"
        "        child = multiprocessing.get_context(method).Process(target=show, args=sys.argv[1:])\n"
        "        child.start(); child.join(); assert child.exitcode == 0\n"
        "    code = 'import duckdb, sys; print(type(duckdb.connect(sys.argv[1])).__module__)'\n"
        "    subprocess.run([sys.executable, '-c', code, sys.argv[1]], check=True)\n"
    )
    process = processes.start(sys.executable, program, tmp_db, env=PATCHED)
    assert process.finish() == ["duckrow"] * 5


BARE = "import site, sys; site.addsitedir(sys.argv[1])\n"


@pytest.fixture
def bare_site(tmp_path: Path) -> Path:
    """A folder of packages with what the wheel puts beside the package, and no duckdb."""
    site = tmp_path / "site"
    site.mkdir()
    for name in ("duckrow.pth", "_duckrow_patch.py"):
        shutil.copy(SITE_PACKAGES / name, site)
    return site


def test_an_interpreter_without_duckdb_runs_on(processes: Processes, bare_site: Path) -> None:
    code = BARE + (
        "assert '_duckrow_patch' in sys.modules\n"
        "try:\n    import duckdb\nexcept ModuleNotFoundError as error:\n    print(error)\n"
        "import json; print('runs')"
    )
    process = processes.start(sys.executable, "-S", "-c", code, bare_site, env=PATCHED)
    assert process.finish() == ["No module named 'duckdb'", "runs"]
    assert process.errors == ""


def test_what_cannot_be_patched_is_one_line(processes: Processes, bare_site: Path) -> None:
    (bare_site / "duckdb.py").write_text(
        "import sys, types\n"
        "class Closed(types.ModuleType):\n"
        "    def __setattr__(self, name, value):\n"
        "        if name == 'connect' and hasattr(self, name): raise AttributeError('this module\\ncannot be changed')\n"
        "        super().__setattr__(name, value)\n"
        "sys.modules[__name__].__class__ = Closed\n"
        "def connect(*arguments): return 'its own'\n"
    )
    code = BARE + "import duckdb; print(duckdb.connect())"
    process = processes.start(sys.executable, "-S", "-c", code, bare_site, env=PATCHED)
    assert process.finish() == ["its own"]
    assert process.errors == "duckrow: DUCKROW_PATCH: duckdb is not patched: this module cannot be changed\n"


def test_an_engine_that_is_not_safe_opens_no_file(processes: Processes, tmp_db: Path) -> None:
    code = """
        import sys, duckdb
        duckdb.__version__ = "1.5.5"
        assert duckdb.connect().execute("SELECT 1").fetchall() == [(1,)]
        try:
            duckdb.connect(sys.argv[1])
        except ImportError as error:
            print(error)
    """
    (line,) = processes.python(code, tmp_db, env=PATCHED).finish()
    assert "needs DuckDB 1.5.6 or later" in line
    assert not tmp_db.exists()


def test_timeout_from_the_environment(processes: Processes, tmp_db: Path) -> None:
    code = """
        import sys, time, duckdb
        begin = time.monotonic()
        try:
            duckdb.connect(sys.argv[1])
        except Exception as error:
            print(type(error).__name__, time.monotonic() - begin, error)
    """
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("BEGIN")
        con.execute("CREATE TABLE t (i INTEGER)")
        name, took, *words = processes.python(code, tmp_db, env={**PATCHED, "DUCKROW_TIMEOUT": "0.3"}).finish()[0].split()
        assert name == "BusyError" and 0.3 <= float(took) < 5, words
        assert "gave up after 0.3 s" in " ".join(words)
        (line,) = processes.python(code, tmp_db, env={**PATCHED, "DUCKROW_TIMEOUT": "soon"}).finish()
        assert line.startswith("ValueError") and line.endswith("DUCKROW_TIMEOUT is a number of seconds, not 'soon'")


THREADS = """
    import sys, threading
    path, threads, rounds = sys.argv[1], 8, int(sys.argv[2])
    start, failed = threading.Barrier(threads + 1), []

    def work(number):
        try:
            start.wait()
            import duckdb  # all at once
            for i in range(rounds):
                with duckdb.connect(path) as con:
                    con.execute("INSERT INTO t VALUES (?)", [number * rounds + i])
                with duckdb.connect() as con:
                    con.execute("SELECT 1").fetchall()
        except BaseException as error:
            failed.append(repr(error))

    def toggle():
        start.wait()
        import duckrow
        for _ in range(rounds * 20):
            duckrow.patch()
            duckrow.patch(timeout=30)

    workers = [threading.Thread(target=work, args=[n]) for n in range(threads)] + [threading.Thread(target=toggle)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failed, failed
    import duckdb, duckrow
    duckrow.unpatch()
    assert not hasattr(duckdb.connect, "stock")
"""


def test_threads(processes: Processes, tmp_db: Path) -> None:
    rounds = scaled(100, 10)
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t (i INTEGER)")
    process = processes.python(THREADS, tmp_db, rounds, env=PATCHED)
    process.finish(scaled(300, 60))
    assert process.errors == ""
    with duckrow.get_readonly_connection(tmp_db) as con:
        assert con.execute("SELECT count(*), count(DISTINCT i) FROM t").fetchall() == [(8 * rounds, 8 * rounds)]


# As people write them: nothing here knows of duckrow.
WRITES = """
    import sys, duckdb
    path, number, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for i in range(rounds):
        con = duckdb.connect(path)
        con.execute("INSERT INTO t VALUES (?, ?)", [number, i])
        con.close()
"""
READS = """
    import sys, duckdb
    path, rounds, seen = sys.argv[1], int(sys.argv[2]), 0
    for i in range(rounds):
        con = duckdb.connect(path, read_only=True)
        found = con.execute("SELECT count(*) FROM t").fetchone()[0]
        con.close()
        assert found >= seen, (found, seen)
        seen = found
    print(seen)
"""


@pytest.mark.timeout(scaled(600, 120))
def test_unmodified_programs_share_a_file(processes: Processes, engine_pythons: dict[str, Path], tmp_db: Path) -> None:
    rounds = scaled(500, 25)
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t (who INTEGER, i INTEGER)")
    pythons = list(engine_pythons.values())
    writers = [processes.python(WRITES, tmp_db, n, rounds, python=pythons[n % 2], env=PATCHED) for n in range(4)]
    readers = [processes.python(READS, tmp_db, rounds, python=python, env=PATCHED) for python in pythons]
    for process in [*writers, *readers]:
        process.finish(scaled(500, 100))
        assert process.errors == ""
    with duckrow.get_readonly_connection(tmp_db) as con:
        assert con.execute("SELECT who, count(DISTINCT i) FROM t GROUP BY who ORDER BY who").fetchall() == [
            (n, rounds) for n in range(4)
        ]


def test_the_link_for_stock_tools_stays_one(processes: Processes, tmp_db: Path) -> None:
    """core.read.duckdb leads to a copy: it is read as it is, and gets no folder of its own."""
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t AS SELECT 42 AS i")
    code = """
        import sys, duckdb
        with duckdb.connect(sys.argv[1], read_only=True) as con:
            print(con.execute("SELECT i FROM core.main.t").fetchone()[0], type(con).__module__)
    """
    link = tmp_db.with_name("core.read.duckdb")
    before = sorted(tmp_db.parent.rglob("*"))
    assert processes.python(code, link, env=PATCHED).finish() == ["42 _duckdb"]
    assert processes.python(code, link.resolve(), env=PATCHED).finish() == ["42 _duckdb"]
    with duckrow.connect(link, read_only=True) as con:
        assert con.execute("SELECT i FROM t").fetchall() == [(42,)]
        assert type(con) is duckdb.DuckDBPyConnection
    assert sorted(tmp_db.parent.rglob("*")) == before
