"""Benchmarks: figures, and their ratio to a floor that is measured in the same run."""
