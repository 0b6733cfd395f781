"""Benchmarks: ``make bench``. Each prints ratios within one run, because machines differ and ratios less."""
