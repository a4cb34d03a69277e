"""What is suspicious: one pure detector per file, in the order of `catalogue.py`."""
