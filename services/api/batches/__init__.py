"""Verification batches: names to be checked, first in the registers and then in the field."""
