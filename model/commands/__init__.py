"""The model's newer commands, a module each; `model.cli` mounts them."""
