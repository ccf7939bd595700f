"""Reports: label and dead-letter rows to counts, tables, what changed, and a page.

What a page looks like stands in `page`; how an item is scored is not known here.
"""
