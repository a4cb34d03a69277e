"""Where the subject of an alert was seen, for those who may act on it."""
