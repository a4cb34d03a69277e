"""`cordon replay`: a timeline, sent into a running system over its own HTTP."""
