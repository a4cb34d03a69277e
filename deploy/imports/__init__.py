"""`cordon import`: a CSV of somebody else's detections or sites becomes a timeline."""
