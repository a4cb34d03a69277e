"""Reports of people in the field: taken under their session, and handed on to ingest."""
