"""SQLAlchemy on duckrow: create_engine("duckrow:///data/core.duckdb").

duckdb-engine's dialect with another connect. `duckdb+duckrow:///…` is the same by the name that programs which look for "duckdb" in
the URL, such as Superset, know. In the URL's query or in connect_args, beside all that duckdb-engine takes:

    read_only=true, or access_mode=READ_ONLY    snapshots: never waits, each checkout sees every commit acknowledged before
    timeout=30                                  seconds to wait for a turn
    refresh=statement                           as duckrow.get_readonly_connection takes it
    exclusive=true                              take the file itself, also from a service

Connections are not pooled: what the pool takes back is closed, which publishes, gives the turn up at once, and lets the next reader
see the newest commit. Opening again costs little, for duckrow keeps the engine. poolclass= says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import duckdb

try:
    import duckdb_engine
    from duckdb_engine.config import apply_config, get_core_config
except ModuleNotFoundError as error:
    _message = f"duckrow:/// needs duckdb-engine ({error}): pip install 'duckrow[sqlalchemy]'"
    raise ImportError(_message) from None

import sqlalchemy
from sqlalchemy import pool

import duckrow

if TYPE_CHECKING:
    from sqlalchemy.engine.url import URL

_connect: Callable[..., duckdb.DuckDBPyConnection] = duckrow.connect
_OWN = ("read_only", "timeout", "refresh", "exclusive")
_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def _is_in_memory(url: URL) -> bool:
    return not url.database or url.database.startswith(":memory:")


def _boolean(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() not in _BOOLEANS:
        message = f"{name} is true or false, not {value!r}"
        raise sqlalchemy.exc.ArgumentError(message)
    return _BOOLEANS[str(value).lower()]


def _seconds(name: str, value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        message = f"{name} is a number of seconds, not {value!r}"
        raise sqlalchemy.exc.ArgumentError(message) from None


class Dialect(duckdb_engine.Dialect):
    """duckdb-engine's dialect, whose connections take turns. Its name stays "duckdb", for what is registered by that name."""

    driver = "duckrow"
    supports_statement_cache = False

    @classmethod
    def get_pool_class(cls, url: URL) -> type[pool.Pool]:
        """A database in memory lives as long as its connection; a file's connections must not stay open."""
        return pool.SingletonThreadPool if _is_in_memory(url) else pool.NullPool

    def connect(self, *arguments: Any, **options: Any) -> Any:
        """As duckdb-engine does it, with duckrow.connect."""
        extensions = options.pop("preload_extensions", [])
        filesystems = options.pop("register_filesystems", [])
        config = {**options.pop("config", {}), **options.pop("url_config", {})}
        # Those in the URL come as text, and with the settings.
        own = {name: config.pop(name) for name in _OWN if name in config}
        own |= {name: options.pop(name) for name in _OWN if name in options}
        for name in ("read_only", "exclusive"):
            if name in own:
                own[name] = _boolean(name, own[name])
        if own.get("timeout") is not None:
            own["timeout"] = _seconds("timeout", own["timeout"])
        core = get_core_config()
        later = {name: config.pop(name) for name in list(config) if name not in core}
        agent = f"duckdb_engine/{duckdb_engine.__version__}(sqlalchemy/{sqlalchemy.__version__})"
        config["custom_user_agent"] = " ".join(filter(None, (agent, config.get("custom_user_agent"))))
        con = _connect(*arguments, **options, **own, config=config)
        try:
            for extension in extensions:
                con.execute(f"LOAD {extension}")
            for filesystem in filesystems:
                con.register_filesystem(filesystem)
            apply_config(self, con, later)
        except BaseException:
            con.close()
            raise
        return duckdb_engine.ConnectionWrapper(con)
