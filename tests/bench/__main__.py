"""Runs every benchmark and prints its table."""

from tests.bench import bad_files, cache, cached_runs, nodes, overhead, startup


def main() -> None:
    """Print all tables."""
    overhead.report()
    startup.report()
    cache.report()
    cached_runs.report()
    nodes.report()
    bad_files.report()


main()
