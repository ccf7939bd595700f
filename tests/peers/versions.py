"""Prints the peers' Python and the versions of the packages that the arguments name."""

import sys

from tests.benchmarks.measure import versions_line

if __name__ == "__main__":
    print(versions_line(sys.argv[1:]))
