"""Notifications: alerts reach the people who are to act on them."""
