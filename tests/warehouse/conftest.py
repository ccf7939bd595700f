"""What the tests of outside readers share: a week of runs and the report of it, written once."""

from pathlib import Path

import pytest

from tests.warehouse.week import write_week


@pytest.fixture(scope="session")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the runs in `out/` and the report in `report/`."""
    folder = tmp_path_factory.mktemp("week")
    write_week(folder)
    return folder
