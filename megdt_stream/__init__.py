"""Streaming runtime of a medical education governance digital twin."""
