"""duckrow: many processes, one DuckDB file, no lock errors, nothing lost.

with duckrow.get_write_connection("data/core.duckdb") as con:
    con.execute("INSERT INTO t VALUES (1)")
con = duckrow.get_readonly_connection("data/core.duckdb")
"""

from __future__ import annotations

import duckdb as _duckdb

from duckrow import _core, _supported

_supported.check(_duckdb.__version__)

from duckrow.connection import (  # noqa: E402 (only with a DuckDB that is safe)
    Connection,
    connect,
    get_readonly_connection,
    get_write_connection,
)
from duckrow.errors import (  # noqa: E402
    BusyError,
    Error,
    ForkedError,
    IdleError,
    IdleTransactionWarning,
    Process,
    PublishWarning,
)
from duckrow.mounts import AsOf  # noqa: E402
from duckrow.patching import patch, unpatch  # noqa: E402
from duckrow.staging import Stager, stage, stager  # noqa: E402
from duckrow.status import Slot, Staged, Status, status  # noqa: E402

__version__ = _core.VERSION
__all__ = [
    "AsOf",
    "BusyError",
    "Connection",
    "Error",
    "ForkedError",
    "IdleError",
    "IdleTransactionWarning",
    "Process",
    "PublishWarning",
    "Slot",
    "Staged",
    "Stager",
    "Status",
    "connect",
    "get_readonly_connection",
    "get_write_connection",
    "patch",
    "stage",
    "stager",
    "status",
    "unpatch",
]
