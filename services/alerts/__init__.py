"""The worker: Faust agents that turn events into findings."""
