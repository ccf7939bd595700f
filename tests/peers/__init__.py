"""Programs of the peers, each run by the peers' own Python; they import nothing of ours.

A program is told by a folder what to compute, and leaves its results there.
"""
