"""Rehearsal: what would follow if something were done, before anybody does it.

Pure: numpy in, numpy out. Here live the interventions as data, schemes (sets of interventions) and their checks, the
world that a rehearsal starts from, its weekly dynamics, and what is read off the outcome. No store, no clock, no
files, no processes: whoever calls reads twins and files, and decides where a rehearsal runs.
"""
