"""What a model is worth on labelled data: metrics, their files and figures."""
