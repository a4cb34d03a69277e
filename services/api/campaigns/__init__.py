"""Campaigns: many tasks of one sort for one end, with what is asked, counts and the remainder."""
