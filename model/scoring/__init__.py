"""A trained model as it is used: the artifact, the engines, the scorer, its calibration.

Nothing here needs labels.
"""
