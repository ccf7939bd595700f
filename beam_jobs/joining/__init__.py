"""Which id stands twice, and which clip belongs to which row; the files read with what was found.

The formats of files stand in `reading`.
"""
