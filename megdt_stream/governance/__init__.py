"""Governance output: what deserves a person's attention, why, and what could be done.

Rules decide in record order or at ticks from a twin and the partition's time; they change nothing but what they say.
They never decide a summative question about a person. No I/O and no clock: time is an argument.
"""
