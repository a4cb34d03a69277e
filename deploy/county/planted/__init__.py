"""What is planted among the traffic, each with what a watcher must make of it.

`PLANTS` in `plants.py` is the order in which the kinds take turns.
"""
