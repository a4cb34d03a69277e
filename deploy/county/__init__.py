"""A simulated county: sites, vehicles, households, orders, lists, and what happens there.

Everything is drawn from one seed: the same seed, size and start give the same bytes, as a timeline
(`cordon simulate`) and live (`cordon up --demo`). docs/county.md tells what it contains.
"""
