"""HTTP in: events are validated, normalised and written to Kafka."""
