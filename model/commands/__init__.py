"""The model's larger commands, a module each; `model.cli` has their flags or mounts them."""
