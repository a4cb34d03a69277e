"""The rules and the engine, with literal times and nothing pretended."""
