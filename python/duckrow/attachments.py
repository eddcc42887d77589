"""ATTACH and DETACH on a connection of ours: a file to be read is its snapshot, a file to be written is its turn.

The statement is given to DuckDB with the path of the snapshot in place of the file's; what DuckDB has attached afterwards decides.
Anything that is no DuckDB file (`:memory:`, another type, a URL) goes to DuckDB as it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import duckdb

from duckrow import _core, databases, statements
from duckrow.errors import FileError, UsageError
from duckrow.mounts import Mount
from duckrow.states import State


@dataclass
class Change:
    """What a statement may have done to what is attached."""

    query: str
    mounts: list[Mount] = field(default_factory=list)


def prepare(con: duckdb.DuckDBPyConnection, state: State, query: str) -> Change | None:
    """Takes what the statements need: the text for DuckDB, and what it then has mounted. None: nothing of the kind."""
    texts = statements.split(con, query)
    if not any(statements.first_word(t) in ("ATTACH", "DETACH") for t in texts):
        return None
    change = Change(query)
    deadline = time.monotonic() + state.timeout
    try:
        rewritten = [_prepare(state, text, change, deadline) for text in texts]
    except BaseException:
        for mount in change.mounts:
            mount.drop()
        raise
    if rewritten != texts:
        change.query = ";\n".join(text.rstrip("; \t\r\n") for text in rewritten)
    return change


def _prepare(state: State, text: str, change: Change, deadline: float) -> str:
    session = state.session
    found = _core.parse_attach(text)
    if found is None and statements.first_word(text) == "ATTACH":
        message = (
            "this ATTACH says no file by name, so duckrow cannot take its turn: write the path as a string, READ_ONLY as an option"
        )
        raise UsageError(message)
    if found is None or found["kind"] != "attach" or not found["is_file"] or not found["path"] or not found["name"]:
        return text
    path, name = found["path"], found["name"]
    if found["read_only"] is False and not session.writes:
        message = f'Cannot attach "{name}" in read-write mode: this connection is read-only'
        raise duckdb.InvalidInputException(message)
    try:
        core = databases.database(path).core
    except FileError as error:
        if error.name == "NOT_A_DATABASE":
            return text
        raise
    known = next((m for m in session.mounts if m.core.path == core.path or m.name.lower() == name.lower()), None)
    if known is not None and not found["or_replace"]:
        same = known.core.path == core.path and known.name.lower() == name.lower()
        return known.statement("ATTACH IF NOT EXISTS") if found["if_not_exists"] and same else text
    mount = Mount(core, writes=session.writes and found["read_only"] is not True, name=name, options=found["options"] or "")
    mount.take(deadline)
    change.mounts.append(mount)
    session.instance.expect_more()
    how = "ATTACH OR REPLACE" if found["or_replace"] else "ATTACH IF NOT EXISTS" if found["if_not_exists"] else "ATTACH"
    return mount.statement(how)


def settle(state: State, change: Change) -> None:
    """After the statements: keeps what DuckDB has attached, gives up what it has not."""
    session = state.session
    attached = session.instance.attached_paths()
    gone = [m for m in session.mounts if attached.get(session.name_of(m).lower()) != m.path]
    kept = [m for m in change.mounts if attached.get(m.name.lower()) == m.path]
    session.exchange(gone, kept)
    for mount in change.mounts:
        if mount not in kept:
            session.give_up(mount)
