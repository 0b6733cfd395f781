"""Runs every benchmark and prints its table."""

from tests.bench import bad_files, overhead, startup


def main() -> None:
    """Print all tables."""
    overhead.report()
    startup.report()
    bad_files.report()


main()
