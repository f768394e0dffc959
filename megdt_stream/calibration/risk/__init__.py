"""Risk of an adverse outcome: features cut from twins, labels that come late, models, calibration, drift.

Here lives what turns a twin at a moment into a probability with an interval and reasons, and what learns it from
outcomes. Pure: numbers and twins in, numbers out; model state is plain JSON. What must not live here: data sets and
their formats, files, clocks, topics, and what is done about a risk (warnings live in `megdt_stream.governance`).
"""
