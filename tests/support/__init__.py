"""What tests share: tiny models, corpora, servers, and what keeps unit tests light."""
