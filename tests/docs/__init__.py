"""What the documents show, run: their commands, and the outputs beside them."""
