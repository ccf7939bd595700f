"""A run's files: staged, listed in the manifest, published, verified, and added to.

What stands in the rows is decided by who writes them.
"""
