"""What interventions do, estimated from what followed: from any table, or from decisions with logged propensities.

Arrays in, numbers out; chance comes from a seed. An estimate always has its estimand, its interval and how far the two
groups can be compared. What to do about it is decided elsewhere (`advice`, and people). No I/O and no clock.
"""
