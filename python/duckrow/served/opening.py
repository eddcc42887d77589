"""Where a served connection comes from: the service of a database, and a reader of its snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from duckrow import _stock, databases, instances, sessions
from duckrow.errors import BusyError, MissingError
from duckrow.served.session import Served
from duckrow.served.wire import Wire, listens
from duckrow.states import DEFAULT_TIMEOUT

__all__ = ["Place", "Served", "Wire", "reach"]


def reach(place: Place) -> Wire | None:
    """The service; None: there is none, whatever the folder says."""
    try:
        wire = place.wire()
    except MissingError:
        if listens(place.database.core.path):
            raise
        return None
    return wire if wire.connect() else None


@dataclass(frozen=True)
class Place:
    """What connections to it are opened with; a cursor is another one. Timeouts: None is the service's own."""

    database: databases.Database
    config: dict[str, Any]
    timeout: float | None
    idle_timeout: float | None

    @property
    def limit(self) -> float:
        """Seconds to wait for what is in this process."""
        return DEFAULT_TIMEOUT if self.timeout is None else self.timeout

    def wire(self) -> Wire:
        """A session at the service, not connected yet."""
        wire = Wire(self.database.core.path, self.limit)
        if self.timeout is not None:
            wire.options["busy_timeout"] = str(round(self.timeout * 1000))
        if self.idle_timeout is not None:
            wire.options["idle_in_transaction_session_timeout"] = str(round(self.idle_timeout * 1000))
        return wire

    def reader(self) -> tuple[sessions.Session, bool]:
        """A session that shows the newest snapshot at each statement; without snapshots, one that has only a DuckDB in memory."""
        if self.database.has_snapshots():
            try:
                return self.database.open_reader(self.config, self.limit, refreshes=True), True
            except BusyError:
                pass
        con = _stock.connect(":memory:", config=self.config)
        session = sessions.Session(databases.Keeper(), instances.Engine(con), writes=False, refreshes=True)
        session.users = 1
        return session, False
