"""The migrations of the API's database, run by the service at its start."""
