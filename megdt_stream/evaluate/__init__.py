"""Evaluations: how good are severities, estimates and predictions, on data that decides.

Here live readers of the data, the baselines and oracles that results are compared with, and the measures. What must
not live here: anything that the system needs to run, and figures typed by hand.
"""
