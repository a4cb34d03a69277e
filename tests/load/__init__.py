"""A county's whole day through the running system; slow, run by `make load`."""
