"""From a config and labelled data to an artifact: the parts, their fits, folds.

The network itself stands in `network`.
"""
