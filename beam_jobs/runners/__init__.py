"""Beam's flags, worker processes and remote jobs, and all that patches Beam.

No other room patches Beam.
"""
