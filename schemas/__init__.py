"""The contracts: the one source of truth for everything that crosses a process boundary."""
