"""The code of docs/python.md runs, and prints what stands there."""

import doctest
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


@pytest.mark.job
def test_the_page_is_run_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    examples = []
    for block in BLOCK.finditer(text):
        found = doctest.DocTestParser().get_examples(block[1])
        for example in found:
            example.lineno += text.count("\n", 0, block.start(1))
        assert found, f"no example in {block[0]}"
        examples += found
    assert len(BLOCK.findall(text)) == text.count("```python")
    page = doctest.DocTest(examples, {}, PAGE.name, str(PAGE), 0, None)
    told: list[str] = []
    outcome = doctest.DocTestRunner().run(page, out=told.append)
    assert outcome.failed == 0, "".join(told)
    assert outcome.attempted == len(examples)
