"""Examples of a report: the surest texts, masked, where no run hides them."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from beam_jobs.report_examples import mask
from beam_jobs.report_request import ReportRequest, prepare_report, report_corpus
from tests.beam_jobs.growing_corpus import Corpus


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
