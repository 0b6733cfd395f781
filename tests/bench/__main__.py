"""Runs every benchmark and prints its table."""

from tests.bench import overhead, startup


def main() -> None:
    """Print all tables."""
    overhead.report()
    startup.report()


main()
