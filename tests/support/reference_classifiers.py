"""Makes golden scores with Transformers' own `text-classification` pipeline.

Run as `python -m tests.support.reference_classifiers`; MM_EMOR_PEERS names the Python that has
PyTorch. Each golden file holds a tiny random classifier's config, tokenizer and weights, and what
the pipeline says of TEXTS, with softmax and with sigmoid, so that `make test` needs no PyTorch.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from tests.peers.classifiers import ClassifierJob
from tests.peers.interpreter import run_peer
from tests.peers.job import write_job
from tests.support.tiny_models import LETTERS, word_piece_tokenizer

HERE = Path(__file__).parents[1] / "model" / "importing"
FAMILIES = ("bert", "distilbert", "roberta", "xlm-roberta")
LABELS = ("anger", "joy", "optimism", "sadness", "LABEL_4")
MAX_TOKENS = 24
"""The tokenizers' limit: longer texts are cut."""
TEXTS = (
    "so happy about this, so happy!",
    "no",
    "  @ada_l SEE https://t.co/x1 &lt;3 😂  ",
    "the rain, the train, the waiting: I can't believe that they cancelled it again, all of it",
    "Ünïcode 𝓯𝓪𝓷𝓬𝔂 ａｂ\u200d\ttab",
    "spelled [SEP] and </s>",
)
_SHAPE = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "hidden_act": "gelu",
    "max_position_embeddings": 40,
}
_ROBERTA = _SHAPE | {"type_vocab_size": 1, "pad_token_id": 1, "layer_norm_eps": 1e-5}
CONFIGS: dict[str, dict[str, Any]] = {
    "bert": _SHAPE | {"type_vocab_size": 2, "pad_token_id": 0, "layer_norm_eps": 1e-12},
    "distilbert": {
        "dim": 16,
        "n_layers": 2,
        "n_heads": 2,
        "hidden_dim": 24,
        "activation": "gelu",
        "max_position_embeddings": 40,
        "pad_token_id": 0,
    },
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
}


def byte_level_tokenizer() -> Tokenizer:
    """Returns a tokenizer of RoBERTa's kind: all bytes, and two merges."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *alphabet, "so", "th"]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("s", "o"), ("t", "h")], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), add_prefix_space=False
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    return tokenizer


def sentence_piece_tokenizer() -> Tokenizer:
    """Returns a tokenizer of XLM-RoBERTa's kind: a unigram model of letters and some words."""
    words = ("▁the", "▁so", "▁happy", "▁train", "in", "ing")
    scored = [(piece, -2.0 - 0.1 * len(piece)) for piece in ("▁", *LETTERS, *words)]
    vocabulary = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *scored]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    return tokenizer


def save_family_tokenizer(family: str, path: Path) -> int:
    """Writes a family's tokenizer as Transformers does, and returns the size of its vocabulary."""
    from transformers import PreTrainedTokenizerFast

    tokenizer, names = {
        "roberta": (byte_level_tokenizer, ("<unk>", "<pad>", "<s>", "</s>")),
        "xlm-roberta": (sentence_piece_tokenizer, ("<unk>", "<pad>", "<s>", "</s>")),
    }.get(family, (word_piece_tokenizer, ("[UNK]", "[PAD]", "[CLS]", "[SEP]")))
    special = ("unk_token", "pad_token", "cls_token", "sep_token")
    made = tokenizer()
    PreTrainedTokenizerFast(
        tokenizer_object=made,
        model_max_length=MAX_TOKENS,
        model_input_names=["input_ids", "attention_mask"],
        **dict(zip(special, names, strict=True)),
    ).save_pretrained(path)
    return made.get_vocab_size()


def classifier_job(family: str, checkpoint: Path, *, pickled: bool = False) -> ClassifierJob:
    """Writes a family's tokenizer, and returns what makes its random classifier."""
    vocab_size = save_family_tokenizer(family, checkpoint)
    config = CONFIGS[family] | {
        "model_type": family,
        "vocab_size": vocab_size,
        "id2label": dict(enumerate(LABELS)),
        "label2id": {label: number for number, label in enumerate(LABELS)},
    }
    return ClassifierJob(str(checkpoint), config, pickled)


def make_classifier(family: str, folder: Path, texts: list[str]) -> Any:
    """Makes `checkpoint` in a folder, and returns the pipeline's scores of texts."""
    write_job(folder, classifier_job(family, folder / "checkpoint"))
    (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    run_peer("tests.peers.classifiers", str(folder))
    return np.load(folder / "scores.npz")


def set_problem_type(checkpoint: Path, problem_type: str) -> None:
    """Writes a problem type into a checkpoint's settings."""
    path = checkpoint / "config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(settings | {"problem_type": problem_type}), encoding="utf-8")


def golden_path(family: str) -> Path:
    """Returns where a family's golden file lies."""
    return HERE / f"golden_{family}.safetensors"


def write_golden_checkpoint(family: str, path: Path) -> dict[str, Any]:
    """Writes a golden checkpoint, as Transformers wrote it; returns the pipeline's scores."""
    path.mkdir(parents=True, exist_ok=True)
    with safe_open(golden_path(family), "np") as file:
        for name, content in file.metadata().items():
            (path / name).write_text(content, encoding="utf-8")
    tensors = load_file(golden_path(family))
    scores = {name: tensors.pop(f"golden.{name}") for name in ("single", "multi")}
    save_file(tensors, path / "model.safetensors")
    return scores


def main() -> int:
    """Writes the golden files."""
    for family in FAMILIES:
        with tempfile.TemporaryDirectory() as directory:
            folder = Path(directory)
            scores = make_classifier(family, folder, list(TEXTS))
            tensors = load_file(folder / "checkpoint" / "model.safetensors")
            tensors |= {f"golden.{name}": scores[name] for name in scores.files}
            files = sorted((folder / "checkpoint").glob("*.json"))
            contents = {path.name: path.read_text(encoding="utf-8") for path in files}
        save_file(tensors, golden_path(family), metadata=contents)
    return 0


if __name__ == "__main__":
    sys.exit(main())
