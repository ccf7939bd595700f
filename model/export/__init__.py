"""A trained model for ONNX Runtime, once it has shown that it labels as well."""
