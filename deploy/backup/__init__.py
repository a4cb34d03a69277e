"""`cordon backup` and `cordon restore`: the store of a deployment as one file."""
