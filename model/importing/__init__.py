"""A fine-tuned classifier from elsewhere as an artifact: its labels, its head, its card.

How its encoder and tokenizer are read is `network`'s.
"""
