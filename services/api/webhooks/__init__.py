"""Signed webhooks: the events of alerts, pushed to others."""
