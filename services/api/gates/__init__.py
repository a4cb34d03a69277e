"""Cameras and gates: what each device sends, and posts that are opened for a while."""
