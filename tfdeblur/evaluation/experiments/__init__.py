"""Experiments of the motion-flow paper, each on one model and one data set.

A file an experiment; `base.run_experiment` runs them, `report` and `pictures` write what they find.
"""
