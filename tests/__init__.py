"""Tests; their folders mirror the rooms that they test."""
