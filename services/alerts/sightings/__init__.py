"""The sighting store: who was seen where and when, on disk, for look-backs and for tracing."""
