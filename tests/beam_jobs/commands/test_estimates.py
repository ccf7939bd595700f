"""The rates that a plan is made with are those of docs/benchmarks.md."""

import re

import pytest

from beam_jobs.commands.estimates import LARGE_MODEL, SMALL_MODEL, MeasuredRate
from tests.docs.shown import read


def number_on_page(pattern: str) -> float:
    [number] = re.findall(pattern, read("docs/benchmarks.md"))
    return float(number)


@pytest.mark.parametrize(
    ("rate", "of_the_job", "model"),
    [
        (SMALL_MODEL, r"the job on 100,000 texts, default model: (\d+)/s", "default model"),
        (
            LARGE_MODEL,
            r"the job on 5,000 tweets, RoBERTa-base's size, .*?: (\d+)/s",
            "RoBERTa-base's size",
        ),
    ],
)
def test_a_rate_is_that_of_the_page(rate: MeasuredRate, of_the_job: str, model: str) -> None:
    assert rate.texts_per_second == number_on_page(of_the_job)
    without, with_clip = (
        number_on_page(rf"\| {model}, {kind} \| ([\d.]+) ms") for kind in ("texts", "with clips")
    )
    assert rate.clip_ms == pytest.approx(with_clip - without)


def test_a_rate_names_its_figures() -> None:
    assert str(MeasuredRate("a model", 200.0, 1.5)) == (
        "a model (200 texts/s on 2 cores; a clip adds 1.5 ms)"
    )
    assert MeasuredRate("a model", 200.0, 1.5).texts_per_core_second == 100.0
