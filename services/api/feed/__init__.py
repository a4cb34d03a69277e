"""The live feed: one order of events, any number of readers."""
