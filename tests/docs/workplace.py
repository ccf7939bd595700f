"""A directory in which the documents' commands run as they stand, on small inputs."""

import contextlib
import gzip
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from beam_jobs.commands.cli import main
from tests.docs.shown import ROOT, blocks, words
from tests.support.reference_classifiers import write_golden_checkpoint
from tests.support.tiny_corpora import TINY_TOML, write_emodb, write_goemotions, write_own_data
from tests.support.tiny_models import save_tiny_checkpoint

OWN_TOML = (
    TINY_TOML.replace('name = "tiny"', 'name = "own-data"')
    .replace('emotions = ["anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"]', "")
    .replace('"goemotions-ekman"', '"manifest"')
    .replace('"emodb"', '"manifest"')
    .replace(
        "[text.fit]\nepochs = 1", "[text.fit]\nepochs = 20\nbatch_size = 8\nlearning_rate = 0.005"
    )
    .replace("[audio.fit]\nepochs = 1", "[audio.fit]\nepochs = 3\nbatch_size = 27")
)
"""`own-data.toml` for a model of seconds: a file of this name here goes before the package's."""
TWEETS = {
    "emotion": ("anger", "joy", "optimism", "sadness"),
    "irony": ("non_irony", "irony"),
}
"""TweetEval's tasks here, and their classes; a tweet of each."""

SAID = (("happy", "joy"), ("bad", "anger"), ("sad", "sadness"))
"""Words of the texts in `labels.csv`, and their labels."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Workplace:
    """The directory, and how a command runs in it."""

    path: Path

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Makes it the working directory, and the home directory, for a while."""
        before, home = Path.cwd(), os.environ.get("HOME")
        os.chdir(self.path)
        os.environ["HOME"] = str(self.path)
        try:
            yield
        finally:
            os.chdir(before)
            os.environ.pop("HOME") if home is None else os.environ.update(HOME=home)

    def run(self, command: str) -> Outcome:
        """Runs a command as shown: of `mm-emor` in this process, of `python` in another."""
        program, *arguments = words(command)
        with self.entered():
            if program == "python":
                done = subprocess.run(
                    [sys.executable, *arguments],
                    env=os.environ | {"PYTHONPATH": str(ROOT)},
                    capture_output=True,
                    text=True,
                    check=False,
                )
                return Outcome(done.returncode, done.stdout, done.stderr)
            assert program == "mm-emor", command
            out, err, argv = io.StringIO(), io.StringIO(), sys.argv
            sys.argv = [program, *arguments]
            try:
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                    main()
            except SystemExit as ended:
                return Outcome(int(ended.code or 0), out.getvalue(), err.getvalue())
            finally:
                sys.argv = argv
        raise AssertionError(f"{command} did not end")


def make_workplace(path: Path) -> Workplace:
    """Writes what the commands read; returns the directory."""
    [tweet] = [block.text for block in blocks("README.md") if block.language == "json"]
    (path / "tweets.jsonl").write_text(tweet, encoding="utf-8")
    texts = [f"so {word} {letter}\n" for word, _ in SAID for letter in "abcd"]
    (path / "tweets.txt").write_text("".join(texts), encoding="utf-8")
    (path / "clips").mkdir()
    clip = ROOT / "beam_jobs" / "sample_corpus" / "clips" / "1009.m4a"
    shutil.copy(clip, path / "clips" / "1003.m4a")
    for day, text in (("2026-11-21", "so happy"), ("2026-11-22", "so sad")):
        (path / "tweets" / day).mkdir(parents=True)
        line = f'{{"item_id": "{day}", "text": "{text}", "hashtags": ["rain"]}}\n'
        with gzip.open(path / "tweets" / day / "a.jsonl.gz", "wt", encoding="utf-8") as file:
            file.write(line)

    write_own_data(path)
    (path / "own.csv").rename(path / "my-items.csv")
    (path / "own-data.toml").write_text(OWN_TOML, encoding="utf-8")
    (path / "default.toml").write_text(TINY_TOML, encoding="utf-8")
    save_tiny_checkpoint(path / "CHECKPOINT")
    write_golden_checkpoint("roberta", path / "CLASSIFIER")
    rows = [f"so {word} {letter},{emotion}" for word, emotion in SAID for letter in "abcdefgh"]
    (path / "labels.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    write_goemotions(path / "DATA")
    write_emodb(path / "DATA", speakers=("03", "08", "09", "10", "11"), copies=1)
    for task, classes in TWEETS.items():
        folder = path / "DATA" / "tweeteval" / task
        folder.mkdir(parents=True)
        numbered = [f"{number}\t{name}\n" for number, name in enumerate(classes)]
        (folder / "mapping.txt").write_text("".join(numbered), encoding="utf-8")
        for split in ("train", "val", "test"):
            texts = "".join(f"{name} rain\n" for name in classes)
            labels = "".join(f"{number}\n" for number in range(len(classes)))
            (folder / f"{split}_text.txt").write_text(texts, encoding="utf-8")
            (folder / f"{split}_labels.txt").write_text(labels, encoding="utf-8")
    (path / "irony.txt").write_text("0\n0\n", encoding="utf-8")
    return Workplace(path)


def today() -> str:
    return str(datetime.now(UTC).date())


def yesterday() -> str:
    return str(datetime.now(UTC).date() - timedelta(days=1))
