"""What travels between the steps: items, dead letters, counters, progress, and what is private.

No file is opened here.
"""
