"""Incidents: all alerts about one household, order, vehicle or site."""
