"""The three services; none of them imports another."""
