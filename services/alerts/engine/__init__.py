"""From ordered events to findings: the state of one partition and what happens to it."""
