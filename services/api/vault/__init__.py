"""The vault: the only place where it stands who a person is."""
