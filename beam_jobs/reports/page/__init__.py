"""What people look at of a report: its facts in words, its charts, and the page.

Nothing here reads or writes a file but the page's own template and style.
"""
