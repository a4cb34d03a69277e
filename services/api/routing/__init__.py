"""Whose an alert is: the territory that answers for its subject, and the gate where it was seen."""
