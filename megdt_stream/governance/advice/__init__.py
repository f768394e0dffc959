"""From needs and what is free to few recommendations: who, what, when, how much, and what it would bring.

The choice is by expected benefit under real capacity, never by the lowest score alone; part of it is chance, whose
probability is logged, so that what follows teaches. People decide; nothing here passes or fails anybody. No I/O and no
clock.
"""
