"""The session's time zone: how moments are shown and read, and what SQL does with them. Python's zoneinfo has the same tzdata."""

from __future__ import annotations

import datetime
import itertools
import random
import zoneinfo
from collections.abc import Iterator

import psycopg
import psycopg.errors
import pytest
from support.service import Service

UTC = datetime.timezone.utc
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
NOON = "2024-07-01 12:00:00"
MOMENT = datetime.datetime(2024, 7, 1, 12, tzinfo=BERLIN)


@pytest.fixture
def berlin(served: Service) -> Iterator[psycopg.Connection]:
    with served.connect(options="-c TimeZone=Europe/Berlin") as made:
        yield made


def text(connection: psycopg.Connection, sql: str) -> str:
    """As the service shows it."""
    found = connection.pgconn.exec_(sql.encode())
    assert not found.error_message, found.error_message
    value = found.get_value(0, 0)
    assert value is not None
    return value.decode()


def written(moment: datetime.datetime) -> str:
    """As PostgreSQL has it."""
    offset = moment.utcoffset() or datetime.timedelta()
    seconds = int(offset.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    shown = f"{sign}{hours:02}" + (f":{minutes:02}" if minutes or seconds else "") + (f":{seconds:02}" if seconds else "")
    return f"{moment.year:04}-{moment:%m-%d %H:%M:%S}{shown}"


ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Argentina/Buenos_Aires",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Gaza",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "Antarctica/Troll",
    "Europe/Dublin",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Etc/GMT+5",
]


@pytest.mark.parametrize("name", ZONES)
def test_moments_are_shown_as_the_clocks_there_say(connection: psycopg.Connection, name: str) -> None:
    zone = zoneinfo.ZoneInfo(name)
    chosen = random.Random(name)
    moments = [chosen.randrange(-(2**32), 2**33) for _ in range(300)]
    # Around each change of the clocks of some years.
    for year in (1975, 2011, 2024, 2037, 2050, 2100):
        start = int(datetime.datetime(year, 1, 1, tzinfo=UTC).timestamp())
        days = [start + 86400 * day for day in range(366)]
        for low, high in itertools.pairwise(days):
            if datetime.datetime.fromtimestamp(low, zone).utcoffset() == datetime.datetime.fromtimestamp(high, zone).utcoffset():
                continue
            while high - low > 1:
                middle = (low + high) // 2
                same = (
                    datetime.datetime.fromtimestamp(middle, zone).utcoffset()
                    == datetime.datetime.fromtimestamp(low, zone).utcoffset()
                )
                low, high = (middle, high) if same else (low, middle)
            moments += [low - 1, low, high, high + 1]
    connection.execute(f"SET TimeZone = '{name}'")
    found = connection.pgconn.exec_(f"SELECT to_timestamp(unnest({moments}::BIGINT[]))".encode())
    assert not found.error_message, found.error_message
    shown = [(found.get_value(i, 0) or b"").decode() for i in range(found.ntuples)]
    expected = [written(datetime.datetime.fromtimestamp(moment, zone)) for moment in moments]
    assert shown == expected
    connection.execute("RESET TimeZone")


def test_how_it_is_set_and_told(served: Service, connection: psycopg.Connection) -> None:
    for said, name in (
        ("SET TimeZone = 'europe/berlin'", "Europe/Berlin"),
        ("SET TIME ZONE 'Asia/Kolkata'", "Asia/Kolkata"),
        ("SET SESSION TimeZone TO UTC", "UTC"),
        ("SET TIME ZONE -7", "Etc/GMT+7"),
        ("SET TIME ZONE LOCAL", "UTC"),
        ("SET TimeZone = 'Europe/Berlin'", "Europe/Berlin"),
        ("RESET TIME ZONE", "UTC"),
        ("SET TimeZone = 'Etc/UTC'", "UTC"),
    ):
        connection.execute(said)
        assert connection.execute("SHOW TimeZone").fetchone() == (name,), said
        assert connection.execute("SELECT current_setting('TimeZone')", prepare=False).fetchone() == (name,), said
        assert connection.info.parameter_status("TimeZone") == name, said
    for unknown in ("Mars/Olympus", "../../etc/passwd", "posix/Europe/Berlin", ""):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="TimeZone"):
            connection.execute(f"SET TimeZone = '{unknown}'")
    served.expected.append('invalid value for parameter "TimeZone"')
    with pytest.raises(psycopg.OperationalError, match="TimeZone"):
        served.connect(options="-c TimeZone=Mars/Olympus")


def test_a_session_goes_back_to_what_it_began_with(berlin: psycopg.Connection) -> None:
    for reset in ("RESET TimeZone", "RESET ALL", "DISCARD ALL"):
        berlin.execute("SET TimeZone = 'Asia/Tokyo'")
        assert text(berlin, f"SELECT '{NOON}'::TIMESTAMPTZ") == f"{NOON}+09"
        berlin.execute(reset)
        assert berlin.info.parameter_status("TimeZone") == "Europe/Berlin"
        assert text(berlin, f"SELECT '{NOON}'::TIMESTAMPTZ") == f"{NOON}+02"


def test_sql_goes_by_it_too(berlin: psycopg.Connection) -> None:
    assert text(berlin, f"SELECT '{NOON}'::TIMESTAMPTZ::VARCHAR") == f"{NOON}+02"
    assert text(berlin, "SELECT '2024-07-01 23:30:00Z'::TIMESTAMPTZ::DATE") == "2024-07-02"
    assert text(berlin, "SELECT date_trunc('day', '2024-07-01 23:30:00Z'::TIMESTAMPTZ)") == "2024-07-02 00:00:00+02"
    assert text(berlin, "SELECT to_json({'a': '2024-07-01 10:00:00Z'::TIMESTAMPTZ})->>'a'").startswith("2024-07-01 12:00:00+02")
    now, today = berlin.execute("SELECT now(), current_date").fetchone() or (None, None)
    assert today == now.astimezone(BERLIN).date()


def test_times_that_do_not_exist_or_are_there_twice(berlin: psycopg.Connection) -> None:
    """As PostgreSQL has it: by the offset before the gap; the second of two."""
    assert text(berlin, "SELECT '2024-03-31 02:30:00'::TIMESTAMPTZ") == "2024-03-31 03:30:00+02"
    assert text(berlin, "SELECT '2024-10-27 02:30:00'::TIMESTAMPTZ") == "2024-10-27 02:30:00+01"
    assert text(berlin, "SELECT '1880-01-01 00:00:00'::TIMESTAMPTZ") == "1880-01-01 00:00:00+00:53:28"
    assert text(berlin, "SELECT ['infinity'::TIMESTAMPTZ, '0044-03-15 (BC) 12:00:00'::TIMESTAMPTZ]") == (
        '{infinity,"0044-03-15 12:00:00+00:53:28 BC"}'
    )


@pytest.mark.parametrize("binary", [False, True])
def test_parameters_and_rows(berlin: psycopg.Connection, other: psycopg.Connection, table: str, binary: bool) -> None:
    berlin.execute(f"CREATE TABLE {table} (i INTEGER, tz TIMESTAMPTZ, a TIMESTAMPTZ[], d DATE DEFAULT current_date)")
    values = (MOMENT, NOON, MOMENT.astimezone(UTC))
    for i, value in enumerate(values):
        mark = "%b" if binary and not isinstance(value, str) else "%t"
        for _ in range(2):  # the first time beside the lane, then in it
            berlin.execute(f"INSERT INTO {table} (i, tz) VALUES (%s, {mark})", (i, value))
    berlin.cursor().executemany(f"INSERT INTO {table} (i, tz) VALUES (%s, %s)", [(9, NOON), (9, f"{NOON}+02"), (9, MOMENT)])
    assert set(other.execute(f"SELECT tz = '2024-07-01 10:00:00Z' FROM {table}").fetchall()) == {(True,)}
    assert other.execute(f"SELECT count(*) FROM {table}").fetchone() == (9,)
    found = berlin.execute(f"SELECT tz FROM {table} LIMIT 1", binary=binary).fetchone()
    assert found == (MOMENT,) and found[0].utcoffset() == datetime.timedelta(hours=2), "psycopg goes by what it is told"
    berlin.execute(f"INSERT INTO {table} (i, a) VALUES (10, %s)", (["2024-07-01 12:00:00", None],))
    assert text(berlin, f"SELECT a FROM {table} WHERE i = 10") == '{"2024-07-01 12:00:00+02",NULL}'
    assert text(berlin, f"INSERT INTO {table} (i, tz) VALUES (11, '{NOON}') RETURNING tz") == f"{NOON}+02"
    assert text(berlin, f"SELECT {{'a': tz}} FROM {table} WHERE i = 11") == '{"a":"2024-07-01 12:00:00+02"}'


def test_copy(berlin: psycopg.Connection, other: psycopg.Connection, table: str) -> None:
    berlin.execute(f"CREATE TABLE {table} (tz TIMESTAMPTZ)")
    with berlin.cursor() as cursor:
        with cursor.copy(f"COPY {table} FROM STDIN") as copy:
            copy.write(f"{NOON}\n{NOON}+05\n")
        with cursor.copy(f"COPY (FROM {table} ORDER BY tz) TO STDOUT (FORMAT csv)") as copy:
            assert b"".join(copy).decode() == f"2024-07-01 09:00:00+02\n{NOON}+02\n"
        with cursor.copy(f"COPY (FROM {table} ORDER BY tz) TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["timestamptz"])
            assert [row[0] for row in copy.rows()][1] == MOMENT
    assert text(other, f"SELECT max(tz) FROM {table}") == "2024-07-01 10:00:00+00"


def test_sessions_of_different_zones_do_not_meet(served: Service, table: str) -> None:
    """Their writes are in the same groups, their reads on the same instances."""
    names = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York"]
    served.run(f"CREATE TABLE {table} (zone VARCHAR, tz TIMESTAMPTZ, d DATE DEFAULT (now()::DATE))")
    connections = [served.connect(options=f"-c TimeZone={name}") for name in names]
    for turn in range(8):
        for name, connection in zip(names, connections, strict=True):
            connection.execute(
                f"INSERT INTO {table} (zone, tz) VALUES (%s, %s)", (name, f"2024-07-{turn + 1:02} 12:00:00"), prepare=True
            )
            assert text(connection, f"SELECT max(tz) FROM {table} WHERE zone = '{name}'").startswith(
                f"2024-07-{turn + 1:02} 12:00:00"
            )
    for name, connection in zip(names, connections, strict=True):
        rows = connection.execute(f"SELECT tz FROM {table} WHERE zone = %s ORDER BY tz", (name,)).fetchall()
        zone = zoneinfo.ZoneInfo(name)
        assert rows == [(datetime.datetime(2024, 7, turn + 1, 12, tzinfo=zone),) for turn in range(8)]
        connection.close()


def test_in_a_pipeline_each_statement_has_its_own(berlin: psycopg.Connection, table: str) -> None:
    berlin.execute(f"CREATE TABLE {table} (i INTEGER, tz TIMESTAMPTZ)")
    with berlin.pipeline():
        berlin.execute(f"INSERT INTO {table} VALUES (1, %s)", (NOON,))
        berlin.execute("SET TimeZone = 'Asia/Tokyo'")
        berlin.execute(f"INSERT INTO {table} VALUES (2, %s)", (NOON,))
    berlin.execute("RESET TimeZone")
    assert berlin.execute(f"SELECT tz FROM {table} ORDER BY i").fetchall() == [(MOMENT,), (MOMENT - datetime.timedelta(hours=7),)]


def test_in_a_transaction(berlin: psycopg.Connection, table: str) -> None:
    berlin.execute(f"CREATE TABLE {table} (tz TIMESTAMPTZ)")
    berlin.execute(f"BEGIN; INSERT INTO {table} VALUES ('{NOON}')")
    assert text(berlin, f"SELECT tz FROM {table}") == f"{NOON}+02"
    berlin.execute("SET TimeZone = 'UTC'")
    assert text(berlin, f"SELECT tz FROM {table}") == "2024-07-01 10:00:00+00"
    berlin.execute(f"INSERT INTO {table} VALUES ('{NOON}'); COMMIT")
    assert text(berlin, f"SELECT list(tz ORDER BY tz) FROM {table}") == '{"2024-07-01 10:00:00+00","2024-07-01 12:00:00+00"}'
    berlin.execute("SET TimeZone = 'Europe/Berlin'; CREATE TEMP TABLE mine (tz TIMESTAMPTZ)")
    berlin.execute("INSERT INTO mine VALUES (%s)", (NOON,))
    assert text(berlin, "SELECT tz FROM mine") == f"{NOON}+02"
    with berlin.transaction(), berlin.cursor("c") as cursor:
        cursor.execute("SELECT tz, tz::VARCHAR FROM mine")
        assert cursor.fetchone() == (MOMENT, f"{NOON}+02")


def test_the_systems_zone_does_not_matter(serve) -> None:
    """A service under another TZ shows UTC, and reads texts so."""
    service = serve(start=False)
    service.duckrow.environment["TZ"] = "Asia/Tokyo"
    service.start()
    with service.connect() as connection:
        assert text(connection, f"SELECT '{NOON}'::TIMESTAMPTZ::VARCHAR") == f"{NOON}+00"
        connection.execute("CREATE TABLE t (tz TIMESTAMPTZ)")
        connection.execute("INSERT INTO t VALUES (%s)", (NOON,))
        assert text(connection, "SELECT tz FROM t") == f"{NOON}+00"


def test_without_tzdata(serve) -> None:
    """UTC and whole hours are known."""
    service = serve(start=False)
    service.duckrow.environment["TZDIR"] = "/nonexistent"
    service.start()
    with service.connect() as connection:
        connection.execute("SET TIME ZONE 2")
        assert text(connection, f"SELECT '{NOON}'::TIMESTAMPTZ") == f"{NOON}+02"
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            connection.execute("SET TimeZone = 'Europe/Berlin'")
