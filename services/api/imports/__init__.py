"""Imports: tables of somebody's own become entries of registers, row by row."""
