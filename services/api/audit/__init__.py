"""The audit log: who read of whom, decided what, changed what; each entry seals the one before."""
