"""Speed beside peers, one module a suite; `make bench SUITE=…` runs one. No tests."""
