"""Risk on OULAD-format data: how good are the probabilities, frozen at the start of the test and learning on.

Here live the choice of presentations, the play of their tables through intake and fold, and the report. Features,
models and measures are those of `megdt_stream.calibration.risk`; what must not live here is a second version of them.
"""
