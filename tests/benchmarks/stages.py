"""Where the time of scoring goes, and how near the limit it is: `make bench SUITE=stages`.

Each stage of a text corpus and of a corpus of texts with clips is run alone, on one thread, with
what the stages before it made: so shares do not depend on how stages overlap. Then texts are scored
on all cores, from their characters on, beside plain matrix products of the encoder's own shapes.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import openvino as ov
import pyarrow as pa
from openvino import opset15 as opset

from beam_jobs.items.elements import Item, Location, ScoredItem
from beam_jobs.reading.inputs import read_item_file
from beam_jobs.runs.sorted_parquet import to_parquet, to_record_batch
from beam_jobs.scoring.label_rows import to_label_row
from model.preprocessing.audio_decoder import decode_clip
from model.preprocessing.emotion_preprocessor import ModelInput
from model.scoring.artifact import Artifact
from model.scoring.engine import choose_engine, start_engine
from model.scoring.openvino_engine import CompiledGraph
from model.scoring.processor import available_cores
from model.scoring.scorer import EmotionScorer
from schemas.labels import label_schema
from tests.benchmarks.base_model import read_clips, read_tweets, save_checkpoint, save_model
from tests.benchmarks.jobs import write_items
from tests.benchmarks.measure import machine_lines, suite_arguments
from tests.benchmarks.operations import matrix_operations
from tests.benchmarks.scoring import OURS, precisions_here

N_TEXTS, N_CLIPS = 1024, 256
N_ROWS = (128, 256, 512, 1024, 2048)
"""Of plain products: the fastest counts."""


def seconds_of(work: Callable[[], Any], runs: int) -> float:
    """Returns the median time of some work, its first run left out."""
    seconds = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return median(seconds[1:])


def stage_seconds(
    artifact: Artifact, texts: Sequence[str], clips: Sequence[bytes], runs: int
) -> dict[str, float]:
    """Returns the seconds of each stage on one thread."""
    scorer = EmotionScorer(artifact, start_engine(artifact, choose_engine(artifact), n_threads=1))
    read_text, hear = scorer.preprocess.text, scorer.preprocess.audio
    assert read_text
    windows = read_text.batch(texts)
    inputs = [ModelInput(each.windows, each.n_tokens, each.truncated) for each in windows]
    seconds = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "items")
        write_items(folder, texts)
        [path] = folder.iterdir()
        seconds["read"] = seconds_of(lambda: list(read_item_file(str(path), ())), runs)
    seconds["tokenise"] = seconds_of(lambda: read_text.batch(texts), runs)
    if clips and hear:
        waveforms = [decode_clip(clip, hear.config).waveform for clip in clips]
        images = [hear.images_of(waveform) for waveform in waveforms]
        seconds["decode"] = seconds_of(
            lambda: [decode_clip(clip, hear.config) for clip in clips], runs
        )
        seconds["features"] = seconds_of(
            lambda: [hear.images_of(waveform) for waveform in waveforms], runs
        )
        heard = [ModelInput(images=image, clip_seconds=1.0) for image in images]
        seconds["audio encoder"] = seconds_of(lambda: scorer.score(heard), runs)

    def encode_texts() -> None:
        scorer.forget_texts()
        for start in range(0, len(inputs), 256):
            scorer.score(inputs[start : start + 256])

    seconds["text encoder"] = seconds_of(encode_texts, runs)
    scores = scorer.score(inputs)
    schema = label_schema(scorer.emotions)

    def write() -> None:
        rows = [
            to_label_row(
                ScoredItem(Item(str(row), Location("")), each, item.n_tokens, False, None),
                scorer.emotions,
                scorer.model_version,
                "",
            )
            for row, (each, item) in enumerate(zip(scores, inputs, strict=True))
        ]
        to_parquet(pa.Table.from_batches([to_record_batch(rows, schema)]))

    seconds["write"] = seconds_of(write, runs)
    return seconds


def plain_products(rows: int, width: int, inner: int, precision: str) -> ov.Model:
    """Returns both products of a feed-forward network and nothing else, results in float32."""
    rng = np.random.default_rng(1)
    results, parameters = [], []
    for name, (given, made) in {"up": (width, inner), "down": (inner, width)}.items():
        kind = np.uint8 if precision == "int8" else np.float32
        parameter = opset.parameter([rows, given], kind, name=name)
        parameter.output(0).set_names({name})
        if precision == "int8":
            step, zero = (opset.constant(np.float32(each)) for each in (0.1, 128))
            inputs = opset.multiply(opset.subtract(opset.convert(parameter, "f32"), zero), step)
            kernel = opset.constant(rng.integers(-63, 64, (made, given)).astype(np.int8))
            scales = opset.constant(np.full((made, 1), 0.01, np.float32))
            weights = opset.multiply(opset.convert(kernel, "f32"), scales)
        else:
            inputs = parameter
            weights = opset.constant(rng.normal(size=(made, given)).astype(np.float32))
        result = opset.result(opset.matmul(inputs, weights, False, True))
        result.output(0).set_names({f"{name}/out"})
        results.append(result)
        parameters.append(parameter)
    return ov.Model(results, parameters, "products")


def product_rate(rows: int, width: int, inner: int, precision: str, runs: int) -> float:
    """Returns operations a second of plain products, a thread a core.

    Args:
        rows, width, inner: of both products of a feed-forward network.
        precision: int8, bfloat16 or float32.
        runs: of which the median counts.
    """
    cores = available_cores()
    model = plain_products(rows, width, inner, precision)
    graph = CompiledGraph(model, cores, precision)
    kind = np.uint8 if precision == "int8" else np.float32
    rng = np.random.default_rng(1)
    feeds = {
        "up": rng.integers(0, 255, (rows, width)).astype(kind),
        "down": rng.integers(0, 255, (rows, inner)).astype(kind),
    }
    times = 20
    with ThreadPoolExecutor(cores) as pool:
        seconds = seconds_of(
            lambda: list(
                pool.map(lambda _: [graph.run(feeds) for _ in range(times)], range(cores))
            ),
            runs,
        )
    return cores * times * 2 * 2.0 * rows * width * inner / seconds


def tell_limit(
    artifact: Artifact, texts: Sequence[str], what: str, precision: str, runs: int
) -> dict[str, Any]:
    """Prints how near text scoring comes to plain matrix products; returns the numbers."""
    scorer = EmotionScorer(artifact, start_engine(artifact, OURS[precision]))
    encoder = artifact.config.encoder
    assert encoder
    lengths: list[int] = []

    def score() -> None:
        scorer.forget_texts()
        inputs = scorer.preprocess.batch([(text, None) for text in texts])
        # As they are computed: special tokens too, and equal texts once.
        different = dict.fromkeys(item.windows for item in inputs)
        lengths[:] = [len(window) for windows in different for window in windows]
        scorer.score(inputs)

    start = time.perf_counter()
    score()
    first = time.perf_counter() - start
    seconds = seconds_of(score, runs)
    operations = matrix_operations(encoder, lengths)
    sizes = (encoder.hidden_size, encoder.intermediate_size)
    limit = max(product_rate(rows, *sizes, precision, runs) for rows in N_ROWS)
    rate = operations / seconds
    print(
        f"{what}, {precision}: {len(texts) / seconds:.0f} texts/s "
        f"({len(texts) / first:.0f} at first), {rate / 1e9:.0f} billion operations a second"
    )
    print(f"  {rate / limit:.0%} of plain products ({limit / 1e9:.0f})", flush=True)
    return {
        "suite": "stages",
        "what": f"share of the machine's limit in {precision}, {what}",
        "ours": round(rate / 1e9, 1),
        "peer": round(limit / 1e9, 1),
        "unit": "billion operations/s",
        "ratio": round(limit / rate, 3),
        "runs": runs,
    }


def main() -> int:
    """Prints both tables."""
    arguments = suite_arguments(__doc__).parse_args()
    for line in machine_lines(("openvino", "tokenizers", "soxr", "pyarrow")):
        print(line, flush=True)
    texts, clips = read_tweets(N_TEXTS), read_clips(N_CLIPS)
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        base = save_model(folder / "model", save_checkpoint(folder), texts, audio=True)
        for what, artifact in (
            ("default model", Artifact.load("default")),
            ("RoBERTa-base's size", base),
        ):
            for corpus, given in (("texts", clips[:0]), ("texts with clips", clips)):
                chosen = texts[: len(given) or None]
                seconds = stage_seconds(artifact, chosen, given, arguments.runs)
                total = sum(seconds.values())
                shares = ", ".join(f"{name} {each / total:.1%}" for name, each in seconds.items())
                print(
                    f"{what}, {len(chosen)} {corpus}: {1000 * total / len(chosen):.2f} ms an item"
                )
                print(f"  {shares}", flush=True)
            rows += [
                tell_limit(artifact, texts, what, precision, arguments.runs)
                for precision in precisions_here()
            ]
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
