"""A simulated county: twenty sites, five thousand vehicles, fifty orders, and what happens there.

Everything is drawn from one seed: the same seed and start give the same bytes, as a timeline
(`cordon simulate`) and live (`cordon up --demo`).
"""
