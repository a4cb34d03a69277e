"""The command centre's console: its sources, how it is built, and how the API serves it."""
