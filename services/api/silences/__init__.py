"""Silences, in the terms of Alertmanager: they mark alerts, and drop none."""
