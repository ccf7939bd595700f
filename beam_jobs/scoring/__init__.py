"""A scoring job: from the request to a checked job, the pipeline, and label rows.

Files are read in `reading` and `joining`, written and published in `runs`.
"""
