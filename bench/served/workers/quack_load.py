"""DuckDB's extensions quack and httpfs (which it sends with) out of their Python packages."""

from pathlib import Path

import duckdb


def load(connection: duckdb.DuckDBPyConnection) -> None:
    for name in ("httpfs", "quack"):
        package = __import__(f"duckdb_extension_{name}")
        (file,) = Path(package.__file__).parent.rglob(f"v{duckdb.__version__}/{name}.duckdb_extension")
        connection.execute(f"LOAD '{file}'")
