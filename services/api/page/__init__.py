"""The first page: the live feed of alerts, served by the API itself."""
