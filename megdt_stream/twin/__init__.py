"""Virtual representation: twin state, the fold that builds it, and what can be read off it.

A twin is made of sums and slots, both functions of the *set* of its evidence. Nothing here decides a warning,
talks to a store or reads a clock; what is learned (severities, models) is applied when an estimate is made and
never stamped into the state.
"""
