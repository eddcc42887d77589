"""Engine instances, kept for the next connection.

A DuckDB instance takes 14 to 20 ms to make; attaching a file to one takes 1.5. Connections that stock DuckDB would keep apart never
share an instance at the same time. One that was left as it was made is used again; one whose settings, extensions, functions or
attached databases were touched is thrown away.
"""

from __future__ import annotations

import json
import threading
from typing import Any

import duckdb

from duckrow import _core, _stock

_KEEP = 4
_STAND_IN = "duckrow stand-in"

_lock = threading.Lock()
_idle: dict[str, list[Instance]] = {}
_left_to_the_parent: list[object] = []
_out_of_reach: list[str] | None = None


def quote(text: str) -> str:
    """A string as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quote_name(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _settings_out_of_reach(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Checkpoints happen only at the publisher's word: statements that see to it, for this engine.

    And DICT_FSST is not used, with which DuckDB loses updates of NULLs: dr_session_no_dict_fsst in src/engine/session.h."""
    global _out_of_reach
    if _out_of_reach is None:
        names = ("auto_checkpoint_skip_wal_threshold", "wal_autocheckpoint_entries")
        known = con.execute("SELECT name, value FROM duckdb_settings() WHERE name IN (?, ?)", list(names)).fetchall()
        _out_of_reach = ["SET checkpoint_threshold = '1000TB'", "PRAGMA disable_checkpoint_on_shutdown"]
        _out_of_reach.append("SET disabled_compression_methods = 'dict_fsst'")
        _out_of_reach += [f"SET {name} = 1000000000000" for name, _ in known if name == names[0]]
        _out_of_reach += [f"SET {name} = 0" for name, value in known if name == names[1] and str(value) != "0"]
    return _out_of_reach


def _database_name(path: str) -> str:
    name = _core.database_name(path)
    if name is None:
        message = f"{path}: DuckDB has no name for a database whose file name begins with a dot: rename it"
        raise duckdb.InvalidInputException(message)
    return name


class Engine:
    """A DuckDB instance, with a connection of ours that attaches and detaches. This one is an in-memory database of the user's."""

    def __init__(self, root: duckdb.DuckDBPyConnection) -> None:
        self.root = root
        self.name = ""
        self.clean = False
        self._checkpoints = True

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Another connection."""
        return self.root.cursor()

    def attached_again(self) -> None:
        """After a database was attached again."""

    def attach_more(self, statement: str) -> None:
        """Attaches another file."""
        self.expect_more()
        self.root.execute(statement)

    def expect_more(self) -> None:
        """Before a statement of the user's that attaches a file."""
        self.clean = False
        if self._checkpoints:
            self._checkpoints = False
            for statement in _settings_out_of_reach(self.root):
                self.root.execute(statement)

    def detach_more(self, name: str) -> None:
        """Closes that file. Raises what DuckDB raises."""
        self.root.execute(f"DETACH DATABASE IF EXISTS {quote_name(name)}")

    def attached_paths(self) -> dict[str, str]:
        """The file of each attached database, by its name in lower case."""
        found = self.root.execute("SELECT lower(database_name), coalesce(path, '') FROM duckdb_databases() WHERE NOT internal")
        return dict(found.fetchall())

    def checkpoint(self, name: str = "") -> None:
        """Writes an attached database's WAL into its file."""
        self.root.execute(f"CHECKPOINT {quote_name(name or self.name)}")

    def close(self) -> None:
        """Ends it."""
        self.root.close()


class Instance(Engine):
    """One engine for databases of one name, which is the default database of its connections."""

    def __init__(self, config: dict[str, Any], name: str) -> None:
        super().__init__(_stock.connect(":memory:", config=config))
        self.key = _key(config, name)
        self.name = name
        self.clean = True
        self.attached = False
        self._checkpoints = False
        self._default_lost = False
        self._name = quote_name(name)
        for statement in _settings_out_of_reach(self.root):
            self.root.execute(statement)
        # A USE in each connection would cost a third of a short read, so the file becomes the default of new connections. In 1.5
        # that stays what the engine began with, by name: what is attached under that name later takes its place. In 2.0 it moves
        # to the oldest database left when the default one is detached: from a stand-in to the file, and back.
        self.root.execute(f"ALTER DATABASE memory SET ALIAS TO {self._name}")
        self.root.execute("SET search_path = 'system.main'")
        self.root.execute(f"ATTACH ':memory:' AS {quote_name(_STAND_IN)}")
        self.root.execute(f"DETACH {self._name}")
        try:
            with self.root.cursor() as con:
                con.execute("SELECT current_database()")
            self._default_moves = True
        except duckdb.BinderException:  # its default is nothing that there is yet
            self._default_moves = False
        if not self._default_moves:
            self.root.execute(f"DETACH {quote_name(_STAND_IN)}")

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection whose default database is the attached one, as after a stock open."""
        con = self.root.cursor()
        if self._default_lost:
            con.execute(f"USE {self._name}")
        return con

    def attached_again(self) -> None:
        """In 2.0 the default of new connections may have moved on, for good, to another database that the user has attached."""
        if self.clean or not self._default_moves or not self.attached:
            return
        with self.root.cursor() as con:
            self._default_lost = con.execute("SELECT current_database()").fetchall() != [(self.name,)]

    def attach(self, path: str, *, read_only: bool, create: bool) -> None:
        """Attaches the file at path."""
        options = ["TYPE duckdb"]
        if read_only:
            options.append("READ_ONLY")
        elif create and "storage_compatibility_version" not in self.key:
            options.append("STORAGE_VERSION 'v1.4.0'")
        self.root.execute(f"ATTACH {quote(path)} AS {self._name} ({', '.join(options)})")
        self.attached = True
        if self._default_moves:
            self.root.execute(f"DETACH {quote_name(_STAND_IN)}")

    def detach(self) -> None:
        """Closes the attached file. Raises what DuckDB raises."""
        if self.attached:
            if self._default_moves:
                self.root.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {quote_name(_STAND_IN)}")
            self.root.execute(f"DETACH {self._name}")
            self.attached = False


def _key(config: dict[str, Any], name: str) -> str:
    return json.dumps([config, name], sort_keys=True, default=str)


def take(config: dict[str, Any], database: str) -> Instance:
    """An instance with this configuration, for the caller alone. What it attaches gets the name that a stock open of the file
    `database` gives it."""
    name = _database_name(database)
    with _lock:
        idle = _idle.get(_key(config, name))
        if idle:
            return idle.pop()
    return Instance(config, name)


def give_back(instance: Engine) -> None:
    """Keeps a clean, empty instance for the next connection; ends any other."""
    if isinstance(instance, Instance) and instance.clean and not instance.attached:
        with _lock:
            idle = _idle.setdefault(instance.key, [])
            if len(idle) < _KEEP:
                idle.append(instance)
                return
    instance.close()


def end_all() -> None:
    """Before the interpreter ends."""
    with _lock:
        idle = [i for kept in _idle.values() for i in kept]
        _idle.clear()
    for instance in idle:
        instance.close()


def forget() -> None:
    """In a forked child: an engine's threads stayed with the parent, and its destructor would wait for them. Never end it."""
    _left_to_the_parent.append(dict(_idle))
    _idle.clear()
