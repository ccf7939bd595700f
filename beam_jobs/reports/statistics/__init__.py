"""Intervals and tests of shares, for whole columns of counts at once.

It knows no report and no file.
"""
