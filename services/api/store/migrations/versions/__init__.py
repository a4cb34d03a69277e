"""One file for each step of the schema; steps only lead forward."""
