"""Runs every benchmark and prints its table."""

from tests.bench import bad_files, batch, cache, cached_runs, formats, nodes, overhead, paid_calls, startup


def main() -> None:
    """Print all tables."""
    overhead.report()
    startup.report()
    cache.report()
    cached_runs.report()
    paid_calls.report()
    nodes.report()
    batch.report()
    bad_files.report()
    formats.report()


main()
