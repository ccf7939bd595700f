"""A trained model in int8, once it has shown that it labels as well."""
