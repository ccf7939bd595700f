"""Files to records, and records to items: a module a format, and the rules for fields.

Whether two rows are of one item is for `joining` to say.
"""
