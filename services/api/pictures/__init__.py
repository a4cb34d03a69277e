"""Figures over time, for the pictures of the console."""
