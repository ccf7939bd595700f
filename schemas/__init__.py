"""What goes in and comes out: emotions, items, labels, dead letters, reports.

This package imports pyarrow only: a reader of the outputs needs neither Beam nor TensorFlow.
"""
