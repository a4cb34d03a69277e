"""Everything that runs Cordon on one machine: the command line, the runner, the broker."""
