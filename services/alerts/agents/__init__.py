"""Kafka's side of the worker: the Faust app, the units of work and their transactions."""
