"""Routing, tasks and campaigns."""
