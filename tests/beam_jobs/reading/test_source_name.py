"""What `--source` offers is what the table of sources has."""

from beam_jobs.reading.source_name import SourceName
from beam_jobs.reading.sources import SOURCES


def test_each_source_has_a_row_and_each_row_a_source() -> None:
    assert {one.name for one in SOURCES} | {SourceName.AUTO} == {*SourceName}
