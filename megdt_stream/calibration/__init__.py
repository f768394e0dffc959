"""Model updating and calibration: what is learnt from evidence about raters, scales and predictions.

Here live estimators that take numbers one at a time or as arrays: variance components, crossed effects of raters
and subjects, joint solutions. All of it is pure: no I/O, no clock, no randomness without a seed. What must not live
here: twins and how they are folded, files and their formats, thresholds for action, and baselines that only an
evaluation compares with (those live in `megdt_stream.evaluate`).
"""
