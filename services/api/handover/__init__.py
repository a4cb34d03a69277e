"""The shift handover report."""
