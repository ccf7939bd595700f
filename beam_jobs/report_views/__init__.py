"""What people look at of a report: the page, its charts, and the terminal."""
