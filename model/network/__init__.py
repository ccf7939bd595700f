"""The network: encoders, heads, and how a checkpoint's weights get into them.

What it runs on is for `scoring` to choose, how it learns for `training`.
"""
