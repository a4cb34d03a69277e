"""Alerts in forms that others read: CSV for spreadsheets, the view of Alertmanager."""
