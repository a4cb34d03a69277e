"""Tests of the API: the merge, the store, the feed and the routes."""
