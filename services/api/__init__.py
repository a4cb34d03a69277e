"""HTTP out: the store of alerts, the live feed and the registers."""
