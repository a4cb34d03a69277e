"""What the map of the console is drawn on."""
