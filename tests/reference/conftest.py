"""All tests here need the peers' environment; without it they are left out, and say so."""

import os

import pytest

from tests.peers.interpreter import VARIABLE


@pytest.fixture(autouse=True, scope="session")
def peers() -> None:
    if not os.environ.get(VARIABLE):
        pytest.skip(f"{VARIABLE} names no Python of the peers: make test-reference")
