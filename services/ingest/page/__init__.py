"""The checkpoint page for handhelds."""
