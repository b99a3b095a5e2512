"""The benchmark measures what it says: the search and its baseline find the same."""

from tests.benchmarks.bench_candidates import measure


def test_the_search_finds_what_the_plain_scan_finds() -> None:
    """For every need of a small draw, the nearest offers are those of the plain scan, in order."""
    result = measure(needs=400, offers=60_000, sampled=400)
    assert result["refused"]["not_among_nearest"] > 0
    assert result["as_the_baseline"]
