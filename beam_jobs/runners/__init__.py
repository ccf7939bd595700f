"""Beam's flags, worker processes and remote jobs, and all that patches Beam.

No other room patches Beam. A module that does names the upstream issue or line.
"""
