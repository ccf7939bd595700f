"""The buckets of a server on loopback."""

from tests.support.bucket_fixtures import bucket_corpus, storage

__all__ = ["bucket_corpus", "storage"]
