"""The paper's section 4: its numbers, its experiments, and ours beside them."""
