"""Online models of risk with River's estimator interface, and their state as plain JSON numbers.

Each takes a mapping of names to numbers (`learn_one`, `predict_proba_one`), as River does, and where speed counts also
the terms as an array. What must not live here: which names there are, who is predicted, when a label is let in.
"""
