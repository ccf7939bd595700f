"""From a text or a clip's bytes to what the network reads.

Training and scoring both call it.
"""
