"""Examples of a report: the surest texts, masked, where no run hides them."""

import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from beam_jobs.reports.counts import merge_partials
from beam_jobs.reports.examples import make_examples, mask
from beam_jobs.reports.page.report import Example
from beam_jobs.reports.request import ReportRequest, prepare_report, report_corpus
from tests.support.growing_corpus import Corpus


@pytest.mark.job
def test_examples_are_the_surest_texts_masked(tmp_path: Path, tiny_artifact: Path) -> None:
    corpus = Corpus(tmp_path, tiny_artifact)
    texts = [
        "so glad, @ada! see https://t.co/x1",
        "<script>alert(1)</script> rain",
        "call 0301234567 or a@b.org",
        "sad #wet",
    ]
    corpus.write("a.jsonl", [{"id": str(n), "text": text} for n, text in enumerate(texts)])
    corpus.add()
    request = ReportRequest((f"{tmp_path}/out",), f"{tmp_path}/report", n_examples=4)
    report_corpus(request)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    for hidden in ("@ada", "t.co", "0301234567", "a@b.org"):
        assert hidden not in page
    report_corpus(replace(request, n_examples=0))
    assert "alert(1)" not in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")

    # A run that keeps texts to itself gives none; nor do files that are gone.
    corpus.add(only_new=False, redact_text=True)
    job = prepare_report(request)
    assert job.item_files == ()
    assert job.notes == ("1 of 1 runs hide texts or authors, and give no examples.",)
    report_corpus(request)
    assert "alert(1)" not in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    corpus.add(only_new=False)
    (tmp_path / "a.jsonl").unlink()
    made = report_corpus(request)
    [note] = made.notes
    assert re.fullmatch(
        r"Of (\d) texts to show, \1 were not found where the runs read them\.", note
    )


@pytest.mark.job
def test_copies_of_a_text_are_one_example(tmp_path: Path, tiny_artifact: Path) -> None:
    corpus = Corpus(tmp_path, tiny_artifact)
    texts = ["glad @ada", "glad @bob", "glad @ada", "glad https://t.co/x1", "the rain", "sad"]
    corpus.write("a.jsonl", [{"id": str(n), "text": text} for n, text in enumerate(texts)])
    corpus.add()
    request = ReportRequest((f"{tmp_path}/out",), f"{tmp_path}/report", n_examples=9)
    made = report_corpus(request)
    assert made.notes == ()
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    for text in ("glad @user", "glad http", "the rain", "sad"):
        assert page.count(f">{text}<") == 1, text


def test_the_surest_are_chosen_alike_in_one_pass_and_in_parts() -> None:
    rows = pa.table(
        {
            "item_id": ["5", "3", "6", "4", "1", "2"],
            "emotion": ["joy", "joy", "joy", "joy", "joy", "fear"],
            "confidence": pa.array([1, 1, 1, 0.75, 0.5, 0.5], pa.float32()),
            "n_tokens": pa.array([7, 7, 8, 7, 7, 7], pa.int32()),
        }
    )
    kept = {"item_id": ["2", "3", "4", "6"], "emotion": ["fear", "joy", "joy", "joy"]}
    for parts in ([rows], [rows[:1], rows[1:3], rows[3:]]):
        merged = merge_partials([{"surest": part} for part in parts], n_surest=3)["surest"]
        assert merged.sort_by("item_id").select(["item_id", "emotion"]).to_pydict() == kept
        # Of two that are as sure, the first.
        for order in (parts, parts[::-1]):
            [first, _] = merge_partials([{"surest": part} for part in order], n_surest=1)[
                "surest"
            ].sort_by([("emotion", "descending")])["item_id"]
            assert first.as_py() == "3"


def test_of_texts_that_read_alike_the_surest_is_shown() -> None:
    surest = pa.table(
        {
            "item_id": ["1", "2", "3", "gone"],
            "emotion": ["joy", "joy", "fear", "fear"],
            "confidence": pa.array([0.5, 0.75, 0.5, 0.25], pa.float32()),
        }
    )
    texts = {"1": "glad @ada", "2": "glad @bob", "3": "glad @eve"}
    assert make_examples(surest, texts) == (
        Example("fear", 0.5, "glad @user"),
        Example("joy", 0.75, "glad @user"),
    )


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("a&#64;b.org a&amp;amp;#64;b.org &#64;ada", "…@… …@… @user"),
        ("\uff20ada, a\uff20b.org", "@user, …@…"),
        ("+1\u2013555\u2011123\u20144567", "…"),
        ("t.me/ada www.b.org/ada and/or 1/2", "http http and/or 1/2"),
        ("@ada@b.social in 2026, at 10:30", "@…@… in 2026, at 10:30"),
    ],
)
def test_what_names_somebody_is_masked_however_it_is_written(text: str, masked: str) -> None:
    assert mask(text) == masked
