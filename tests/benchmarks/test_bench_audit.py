"""The benchmark fills an audit that is whole, of events that bind rows."""

from app.database import Database
from tests.benchmarks.bench_audit import measure


def test_a_small_audit_is_filled_verified_and_read(sqlite_database: Database) -> None:
    """What is timed is what the service writes: a verification finds every event and row."""
    found = measure(sqlite_database, 12_000, {"one": (5, 1)})
    assert found["verify"]["events"] == 12_000
    # Each need with its versions, the limits of each participant, and what these rest on.
    assert found["verify"]["rows"] > 1_000 + 1_000 + 1_200 + 1_000
    assert found["append"]["one"]["ratio"] > 0
