"""The store: the only owner of alerts, their revisions and the feed's order."""
