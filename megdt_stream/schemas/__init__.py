"""The published schemas as a product: what they say, and whether a change of them breaks anybody.

`catalogue` reads `schemas/`; `shape`, `compatibility`, `completeness` and `asyncapi` are pure functions on what it
read.
"""
