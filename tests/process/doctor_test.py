"""`duckrow doctor` and `duckrow status --fail-if`: what they find, and that they change nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.program import Duckrow


def findings(duckrow: Duckrow, status: int = 1) -> dict[str, list[str]]:
    told = json.loads(duckrow("doctor", "--json", duckrow.db, status=status).text)
    found: dict[str, list[str]] = {}
    for line in told:
        assert set(line) == {"check", "ok", "found", "fix"} and line["ok"] == (line["fix"] is None)
        if not line["ok"]:
            found.setdefault(line["check"], []).append(f"{line['found']}: {line['fix']}")
    return found


def test_all_is_well(filled: Duckrow) -> None:
    before = sorted((path, path.lstat().st_mtime_ns) for path in filled.folder.rglob("*"))
    lines = filled("doctor", filled.db).text.splitlines()
    assert all(line.startswith("ok ") for line in lines) and len(lines) > 10
    assert any(f"DuckDB v{filled.version}" in line for line in lines)
    assert findings(filled, 0) == {}
    assert sorted((path, path.lstat().st_mtime_ns) for path in filled.folder.rglob("*")) == before


@pytest.fixture
def well(one_engine: Duckrow) -> Duckrow:
    one_engine.write("CREATE TABLE t (i INTEGER, s VARCHAR)")
    return one_engine


def test_each_finding(well: Duckrow) -> None:
    folder, link = Path(f"{well.db}.duckrow"), well.folder / "core.read.duckdb"
    shutil.rmtree(folder)
    assert set(findings(well)) == {"snapshot", "read path"}
    well("publish", well.db)
    assert findings(well, 0) == {}
    link.unlink()
    link.write_text("mine")
    assert "a file of yours" in findings(well)["read path"][0]
    link.unlink()
    assert "duckrow path" in findings(well)["read path"][0]
    well("path", well.db)
    well.db.chmod(0o664)
    (folder / "turn").chmod(0o600)
    found = findings(well)["permissions"]
    assert f"chmod 664 {folder}/turn" in found[1] and f"{folder} has mode" in found[0]
    well.db.chmod(0o644)
    (folder / "turn").chmod(0o644)
    (well.folder / "nightly.duckdb.duckrow-copy.1.2").write_text("left")
    (well.folder / f"core.duckdb.tmp.{dead()}.x").mkdir()
    found = findings(well)["leftovers"]
    assert len(found) == 2 and "duckrow-copy" in found[0] and "core.duckdb.tmp" in found[1]
    assert "engine" in json.dumps(json.loads(well("doctor", "--json", "--engine", "/no", well.db, status=1).text))
    well("doctor", "missing.duckdb", status=66).line()
    (well.folder / "hard.duckdb").hardlink_to(well.db)
    assert "hard links" in findings(well)["database"][0]


def dead() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def test_a_stranger(well: Duckrow) -> None:
    code = f"import duckdb; con = duckdb.connect({str(well.db)!r}); print('in', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as stranger:
        assert stranger.stdout.readline() == "in\n"
        assert str(stranger.pid) in findings(well)["strangers"][0]
        line = well("status", "--fail-if", "strangers>0", well.db, status=1).line()
        assert line == f"{well.db}: strangers is 1 (--fail-if strangers>0)"
        stranger.communicate("\n", timeout=30)


def test_fail_if(well: Duckrow) -> None:
    quiet = ["age<60s", "age > 1h", "stale>0", "held>0s", "held=yes", "waiting>=1", "waited>10ms", "strangers!=0"]
    quiet += ["readers>0", "slots>64", "bytes>=10GB", "bytes<1kB", "fresh=no", "fresh!=yes", "exists=no"]
    every = [word for expression in quiet[1:] for word in ("--fail-if", expression)]
    assert well("status", *every, well.db).out == b""
    for expression, words in (
        ("age<1h", "age is "),
        ("stale<=0", "stale is 0.0 s"),
        ("fresh=yes", "fresh is yes"),
        ("bytes>1KiB", "bytes is "),
        ("waiting=0", "waiting is 0"),
    ):
        line = well("status", "--fail-if", "fresh=no", f"--fail-if={expression}", well.db, status=1).line()
        assert words in line and expression in line
    ended = well("status", "--json", "--fail-if", "slots<9", well.db, status=1)
    assert json.loads(ended.text)["fresh"] and "slots is" in ended.line()
    for expression in (
        "",
        "age",
        "age>",
        ">5",
        "age>soon",
        "age=yes",
        "fresh>no",
        "bytes>1XB",
        "waiting>5s",
        "frob>1",
        "waiting>-1",
    ):
        assert "--fail-if" in well("status", "--fail-if", expression, well.db, status=64).line()
    shutil.rmtree(f"{well.db}.duckrow")
    assert "there is no snapshot" in well("status", "--fail-if", "age>60s", well.db, status=1).line()


def test_a_held_turn(well: Duckrow) -> None:
    holder = well.start("hold", well.db, "--", "sh", "-c", "echo in; read x", stdin=subprocess.PIPE)
    assert holder.stdout.readline() == "in\n"
    assert "held is " in well("status", "--fail-if", "held>1ms", well.db, status=1).line()
    assert "held is yes" in well("status", "--fail-if", "held=yes", well.db, status=1).line()
    os.kill(holder.pid, 19)
    assert f"kill -CONT {holder.pid}" in findings(well)["turn"][0]
    os.kill(holder.pid, 18)
    assert "turn" not in findings(well, 0)
    holder.communicate("\n", timeout=30)
