"""`cordon score`: how well the rules find what a simulated county has planted.

docs/county.md tells how to read the figures.
"""
