"""A key for authors' ids, and an author whom it hides."""

KEY = "correct horse battery staple"
AUTHOR = "8675309424242"
