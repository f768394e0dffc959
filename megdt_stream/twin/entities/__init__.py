"""Entity twins: faculty, specialty bases, resources and the rotation process, as sums of what trainees contribute.

Here live what one pseudonym's twin contributes to which entity, the state that adds contributions up (a function of
the set of the latest ones), and what is read off it at a moment that is passed in. Severities and reference data are
arguments. Nothing here finds twins, sends contributions or learns anything; nothing here reads a clock.
"""
