"""How fast the scorer's model is on a GPU, beside limits: `make bench SUITE=gpu`.

The engine's own calls, from arrays in the processor's memory to features in it, on Keras's JAX and
PyTorch backends: RoBERTa-base's size in bfloat16 on texts of 32 tokens, MobileNet on one image of
128 × 128 a clip. Beside the texts stands a plain bfloat16 product by the same backend. Weights,
tokens and images are random: nothing is fetched.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np

from tests.benchmarks.measure import Turns, Worker, machine_lines, suite_arguments

MODULE = "tests.benchmarks.gpu"
NEEDED = ("keras", "pydantic", "safetensors", "tokenizers", "emoji", "numpy")
BACKENDS = ("jax", "torch")
N_TOKENS = 32
TEXTS_TO_REACH, SHARE_TO_REACH, CLIPS_TO_REACH = 40_000, 0.4, 20_000
ENVIRONMENT = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_CPP_MIN_LOG_LEVEL": "3"}
"""The sides of a comparison share one GPU."""
SEED = 1


@dataclass(frozen=True)
class Size:
    """How much is done in a turn.

    Attributes:
        encoder: sizes of the text encoder that are not RoBERTa-base's.
        n_texts, n_clips: of a turn.
        product: rows and columns of the matrices of a plain product.
        n_products: of a turn.
    """

    encoder: dict[str, int]
    n_texts: int
    n_clips: int
    product: int
    n_products: int


FULL = Size({}, 131_072, 32_768, 8192, 50)
SMOKE = Size(
    {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    64,
    4,
    256,
    2,
)


def encoder_of(size: Size) -> Any:
    """Returns RoBERTa-base's shape, or a smaller one."""
    from model.config import EncoderConfig

    shape: dict[str, Any] = {
        "vocab_size": 50265,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": 514,
        "type_vocab_size": 1,
        "position_offset": 2,
        "pad_token_id": 1,
    }
    return EncoderConfig(**shape | size.encoder)


def texts_side(size: Size, device: str) -> Callable[[], None]:
    """Returns what encodes and classifies texts."""
    from model.config import ClassifierConfig, HeadConfig, TextConfig
    from model.network.emotion_classifier import EmotionClassifier
    from model.scoring.keras_engine import KerasEngine

    encoder = encoder_of(size)
    config = ClassifierConfig(
        ("anger", "joy", "optimism", "sadness"), HeadConfig(), TextConfig(N_TOKENS), encoder
    )
    engine = KerasEngine(EmotionClassifier(config, "bfloat16"), device)
    rng = np.random.default_rng(SEED)
    shape = (size.n_texts, N_TOKENS)
    token_ids = rng.integers(4, encoder.vocab_size, shape).astype(np.int32)
    token_mask = np.ones(shape, bool)
    step = engine.max_padded_tokens // N_TOKENS

    def score() -> None:
        for start in range(0, size.n_texts, step):
            rows = slice(start, start + step)
            engine.classify(engine.sum_windows(token_ids[rows], token_mask[rows]) / N_TOKENS, None)

    return score


def clips_side(size: Size, device: str, precision: str) -> Callable[[], None]:
    """Returns what encodes and classifies images of clips."""
    from model.config import AudioConfig, ClassifierConfig, HeadConfig, MobileNetConfig
    from model.network.emotion_classifier import EmotionClassifier
    from model.scoring.keras_engine import KerasEngine

    audio = AudioConfig(image_height=128, image_width=128)
    config = ClassifierConfig(
        ("anger", "joy", "optimism", "sadness"),
        HeadConfig(),
        audio=audio,
        mobilenet=MobileNetConfig(),
    )
    engine = KerasEngine(EmotionClassifier(config, audio_precision=precision), device)
    rng = np.random.default_rng(SEED)
    images = rng.integers(0, 256, (size.n_clips, 128, 128), dtype=np.uint8)

    def score() -> None:
        for start in range(0, size.n_clips, engine.max_images):
            engine.classify(None, engine.encode_images(images[start : start + engine.max_images]))

    return score


def products_side(size: Size) -> Callable[[], None]:
    """Returns what multiplies square matrices."""
    from keras import ops

    values = np.random.default_rng(SEED).standard_normal((size.product, size.product))
    matrix = ops.cast(ops.convert_to_tensor(values.astype(np.float32)), "bfloat16")

    def multiply() -> None:
        for _ in range(size.n_products):
            product = ops.matmul(matrix, matrix)
        ops.convert_to_numpy(product[0, :1])  # waits for the GPU

    return multiply


def sees_gpu(backend: str) -> bool:
    """Says whether a backend is installed and sees a GPU; this process is to hold none of it."""
    ask = {
        "jax": "import jax; print(jax.default_backend() == 'gpu')",
        "torch": "import torch; print(torch.cuda.is_available())",
    }[backend]
    told = subprocess.run(
        [sys.executable, "-c", ask],
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() == "True"


def measure(backend: str, size: Size, device: str, runs: int) -> list[dict[str, Any]]:
    """Prints a backend's rows as they come, and returns them."""
    from tests.benchmarks.operations import matrix_operations

    environment = {**ENVIRONMENT, "KERAS_BACKEND": backend}

    def seconds_of(*side: str) -> float:
        command = (MODULE, *side, device, json.dumps(asdict(size)))
        with Worker(command, environment) as worker:
            return median([worker.run() for _ in range(runs)])

    # One side at a time: none holds memory that another wants.
    rate = 2.0 * size.product**3 * size.n_products / seconds_of("products")
    texts = size.n_texts / seconds_of("texts")
    share = texts * matrix_operations(encoder_of(size), [N_TOKENS]) / rate
    print(
        f"{backend}: {texts:,.0f} texts/s (to reach: {TEXTS_TO_REACH:,}), {share:.0%} of the "
        f"{rate / 1e12:.0f} TFLOP/s of a plain bfloat16 product (to reach: {SHARE_TO_REACH:.0%})",
        flush=True,
    )
    rows = [_row(f"texts of {N_TOKENS} tokens, bfloat16, {backend}", texts, TEXTS_TO_REACH, runs)]
    rows.append(_row(f"share of the bfloat16 rate, {backend}", share, SHARE_TO_REACH, runs))
    for precision in ("float32", "bfloat16"):
        clips = size.n_clips / seconds_of(f"clips-{precision}")
        print(f"{backend}: {clips:,.0f} clips/s, {precision} (to reach: {CLIPS_TO_REACH:,})")
        what = f"clips of one image of 128 × 128, {precision}, {backend}"
        rows.append(_row(what, clips, CLIPS_TO_REACH, runs))
    return rows


def _row(what: str, ours: float, limit: float, runs: int) -> dict[str, Any]:
    return {
        "suite": "gpu",
        "what": what,
        "ours": round(ours, 3),
        "peer": limit,
        "unit": "share" if limit < 1 else "items/s",
        "ratio": round(limit / ours, 3),
        "runs": runs,
    }


def run_side(side: str, device: str, size: Size) -> None:
    """Is one side; `Worker` starts it."""
    turns = Turns()
    from model.network.backend import start_keras

    start_keras()
    if side == "texts":
        work = texts_side(size, device)
    elif side == "products":
        work = products_side(size)
    else:
        work = clips_side(size, device, side.removeprefix("clips-"))
    while True:
        turns.wait()
        work()
        turns.stop()
        turns.answer()


def main(arguments: Sequence[str]) -> int:
    """Measures each backend that sees a GPU; 2 where this machine cannot."""
    if arguments and not arguments[0].startswith("-"):
        side, device, size = arguments
        run_side(side, device, Size(**json.loads(size)))
    parser = suite_arguments(__doc__)
    parser.add_argument(
        "--smoke", action="store_true", help="tiny sizes on the CPU: does the suite run?"
    )
    options = parser.parse_args(arguments)
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(f"{sys.executable} has no {', '.join(missing)}", file=sys.stderr)
        return 2
    backends = [
        backend
        for backend in BACKENDS
        if find_spec(backend) and (options.smoke or sees_gpu(backend))
    ]
    if not backends:
        print("neither JAX nor PyTorch sees a GPU; --smoke tries the CPU", file=sys.stderr)
        return 2
    for line in machine_lines(("keras", "jax", "torch", "numpy")):
        print(line, flush=True)
    size, device = (SMOKE, "cpu") if options.smoke else (FULL, "gpu")
    rows = [row for each in backends for row in measure(each, size, device, options.runs)]
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
