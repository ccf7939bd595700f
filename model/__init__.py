"""The fused emotion model: preprocessing, network, artifact, scorer, training and evaluation."""
