"""Loads the encoder and the tokenizer of a Hugging Face checkpoint directory or hub id."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer

from model.config import EncoderConfig, parse_config
from model.errors import ArtifactError
from model.network.emotion_classifier import EmotionHead
from model.network.roberta_backbone import RobertaBackbone

FloatArray = npt.NDArray[np.float32]
CHECKPOINT_FILES = ["config.json", "*.safetensors", "*.safetensors.index.json", "*token*", "vocab*"]
CHECKPOINT_FILES += ["merges.txt", "*.model"]
POSITIONS_AFTER_PADDING = ("roberta", "xlm-roberta", "camembert")
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
"""One of them a checkpoint has."""
SUPPORTED_TYPES = ("roberta", "xlm-roberta", "camembert", "bert", "distilbert")
DISTILBERT_SETTINGS = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
}
"""DistilBERT's own names of the settings of an `EncoderConfig`."""
DISTILBERT_NAMES = (
    ("transformer.layer.", "encoder.layer."),
    (".attention.q_lin.", ".attention.self.query."),
    (".attention.k_lin.", ".attention.self.key."),
    (".attention.v_lin.", ".attention.self.value."),
    (".attention.out_lin.", ".attention.output.dense."),
    (".sa_layer_norm.", ".attention.output.LayerNorm."),
    (".ffn.lin1.", ".intermediate.dense."),
    (".ffn.lin2.", ".output.dense."),
    (".output_layer_norm.", ".output.LayerNorm."),
)
"""Parts of its weights' names, and what BERT calls them."""


def locate_checkpoint(name: str) -> Path:
    """Returns the directory of a checkpoint, given one or a hub id (which is downloaded).

    Only JSON, safetensors and tokenizer files are fetched: nothing that runs code when loaded.

    Raises:
        ArtifactError: the directory has no `config.json`, or the hub has or gives no such id.
    """
    path = Path(name)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ArtifactError(f"{name} is not a checkpoint: it has no config.json")
        return path
    if name.count("/") > 1 or name.startswith((".", "/", "~")):
        raise ArtifactError(f"{name} is not a directory")
    # Imported here: only training from a hub id needs it.
    from huggingface_hub import snapshot_download  # noqa: PLC0415

    try:
        return Path(snapshot_download(name, allow_patterns=CHECKPOINT_FILES))
    except (OSError, ValueError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise ArtifactError(
            f"{name} is neither a directory nor to be had from the hub: {first_line}"
        ) from error
    except Exception as error:  # the hub client's own network errors share no other base
        raise ArtifactError(f"{name} could not be fetched from the hub: {error}") from error


def read_settings(path: Path) -> dict[str, Any]:
    """Returns the JSON object in a file of a checkpoint.

    Raises:
        ArtifactError: it cannot be read, or holds something else.
    """
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(settings, dict):
        raise ArtifactError(f"{path} is not a JSON object")
    return settings


def load_encoder_config(checkpoint: Path) -> EncoderConfig:
    """Returns the encoder's shape from a checkpoint's `config.json`.

    Raises:
        ArtifactError: another architecture, relative positions, or a decoder.
        ConfigError: a setting is missing or breaks a rule.
    """
    path = checkpoint / "config.json"
    settings = read_settings(path)
    model_type = settings.get("model_type")
    if model_type not in SUPPORTED_TYPES:
        raise ArtifactError(
            f"{path}: model_type is {model_type!r}; supported are {', '.join(SUPPORTED_TYPES)}"
        )
    for key, supported in (("position_embedding_type", "absolute"), ("is_decoder", False)):
        if settings.get(key, supported) != supported:
            raise ArtifactError(f"{path}: {key} is {settings[key]!r}; supported is {supported!r}")
    # Transformers' own defaults, for a file that leaves it out.
    default_pad = 1 if model_type in POSITIONS_AFTER_PADDING else 0
    pad_token_id = settings.get("pad_token_id")
    pad_token_id = default_pad if pad_token_id is None else pad_token_id
    if model_type == "distilbert":
        own = {ours: settings[its] for ours, its in DISTILBERT_SETTINGS.items() if its in settings}
        # No setting of its own: the literal in its code, and no token types.
        settings |= own | {"layer_norm_eps": 1e-12, "type_vocab_size": 0}
    names = EncoderConfig.__dataclass_fields__.keys() & settings.keys()
    shape = {name: settings[name] for name in names} | {
        "pad_token_id": pad_token_id,
        "position_offset": pad_token_id + 1 if model_type in POSITIONS_AFTER_PADDING else 0,
    }
    return parse_config(EncoderConfig, shape, str(path))


def load_tokenizer(checkpoint: Path) -> Tokenizer:
    """Returns the checkpoint's fast tokenizer; one with only a vocabulary file is converted.

    Raises:
        ArtifactError: no tokenizer can be made from the directory.
    """
    path = checkpoint / "tokenizer.json"
    if not any(file for each in TOKENIZER_FILES for file in checkpoint.glob(each)):
        # Transformers would make one that knows no word.
        raise ArtifactError(
            f"{checkpoint} has no tokenizer: none of {', '.join(TOKENIZER_FILES)}; save it there"
        )
    try:
        if path.is_file():
            tokenizer = Tokenizer.from_file(str(path))
        else:
            from transformers import AutoTokenizer  # noqa: PLC0415  (seconds to import)

            tokenizer = AutoTokenizer.from_pretrained(
                str(checkpoint), trust_remote_code=False
            ).backend_tokenizer
    except Exception as error:  # tokenizers raises plain Exception
        raise ArtifactError(f"{checkpoint} has no usable tokenizer: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def load_encoder_weights(
    backbone: RobertaBackbone, checkpoint: Path, kept_tokens: Sequence[int] | None = None
) -> None:
    """Fills a built backbone with a checkpoint's weights.

    Args:
        backbone: built from `load_encoder_config(checkpoint)`.
        checkpoint: the directory.
        kept_tokens: the checkpoint's id of each of the backbone's tokens, where the vocabulary was
            trimmed; all of them by default.

    Names may be bare (`embeddings…`) or prefixed (`roberta.embeddings…`); weights of a pooler or
    a task head are left alone; float16 and bfloat16 files are widened.

    Raises:
        ArtifactError: no safetensors file, or a weight missing or of another shape.
    """
    tensors = _CheckpointTensors(checkpoint)
    embeddings = backbone.embeddings
    tensors.fill_table(embeddings.words, "embeddings.word_embeddings", kept_tokens)
    tensors.fill_table(embeddings.positions, "embeddings.position_embeddings")
    if backbone.config.type_vocab_size > 0:
        tensors.fill_table(embeddings.token_types, "embeddings.token_type_embeddings")
    else:
        embeddings.token_types.set_weights([np.zeros((1, backbone.config.hidden_size), np.float32)])
    tensors.fill_norm(embeddings.norm, "embeddings.LayerNorm")
    for index, layer in enumerate(backbone.layers):
        prefix = f"encoder.layer.{index}"
        attention = f"{prefix}.attention"
        for projection in (layer.query, layer.key, layer.value):
            tensors.fill_dense(projection, f"{attention}.self.{projection.name}")
        tensors.fill_dense(layer.attention_output, f"{attention}.output.dense")
        tensors.fill_norm(layer.attention_norm, f"{attention}.output.LayerNorm")
        tensors.fill_dense(layer.intermediate, f"{prefix}.intermediate.dense")
        tensors.fill_dense(layer.output_dense, f"{prefix}.output.dense")
        tensors.fill_norm(layer.output_norm, f"{prefix}.output.LayerNorm")


HEAD_LAYERS = {
    "bert": ("pooler.dense", "classifier"),
    "distilbert": ("pre_classifier", "classifier"),
    "roberta": ("classifier.dense", "classifier.out_proj"),
}
"""The hidden and the last layer of a sequence classifier; those of RoBERTa's kind are alike."""


def load_head_weights(
    head: EmotionHead, checkpoint: Path, n_labels: int, labels: Sequence[int]
) -> None:
    """Fills a built head with that of a fine-tuned sequence classifier.

    Args:
        head: its hidden layer is as wide as the encoder.
        checkpoint: the directory.
        n_labels: of the checkpoint.
        labels: the checkpoint's number of each label that the last layer is to have.

    Raises:
        ArtifactError: no safetensors file, or a weight missing or of another shape.
    """
    tensors = _CheckpointTensors(checkpoint)
    model_type = read_settings(checkpoint / "config.json").get("model_type", "")
    hidden, last = HEAD_LAYERS.get(model_type, HEAD_LAYERS["roberta"])
    tensors.fill_dense(head.hidden, hidden)
    for variable, part in ((head.logits.kernel, "weight"), (head.logits.bias, "bias")):
        values = tensors.read(f"{last}.{part}")
        if len(values) != n_labels:
            raise ArtifactError(
                f"{checkpoint}: {last}.{part} is of {len(values)} labels; config.json names "
                f"{n_labels}"
            )
        variable.assign(values[np.asarray(labels)].T)


def _bare_name(name: str) -> str:
    """Returns a weight's name as BERT has it, without the model's prefix.

    >>> _bare_name("distilbert.transformer.layer.0.ffn.lin1.bias")
    'encoder.layer.0.intermediate.dense.bias'
    >>> _bare_name("roberta.embeddings.LayerNorm.weight"), _bare_name("classifier.weight")
    ('embeddings.LayerNorm.weight', 'classifier.weight')
    """
    starts = ("embeddings.", "encoder.layer.", "transformer.layer.", "pooler.")
    bare = name[min((name.find(start) for start in starts if start in name), default=0) :]
    if bare.startswith("transformer.layer."):
        for its, berts in DISTILBERT_NAMES:
            bare = bare.replace(its, berts, 1)
    return bare


class _CheckpointTensors:
    """The tensors of a checkpoint's safetensors files, by BERT's names without a prefix."""

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint
        self._file_of: dict[str, tuple[Path, str]] = {}
        for path in sorted(checkpoint.glob("*.safetensors")):
            try:
                with safe_open(path, "np") as file:
                    for name in file.keys():  # noqa: SIM118  (not a mapping)
                        self._file_of.setdefault(_bare_name(name), (path, name))
            except (SafetensorError, OSError) as error:
                raise ArtifactError(
                    f"{path} is not a readable safetensors file: {error}"
                ) from error
        if not self._file_of:
            raise ArtifactError(
                f"{checkpoint} has no *.safetensors file (pickled weights are never loaded)"
            )

    def read(self, name: str) -> FloatArray:
        # Older checkpoints call a LayerNorm's weight and bias gamma and beta.
        old_name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        old_name = old_name.replace("LayerNorm.bias", "LayerNorm.beta")
        found = self._file_of.get(name) or self._file_of.get(old_name)
        if found is None:
            raise ArtifactError(f"{self.checkpoint} has no weight {name}")
        path, full_name = found
        with safe_open(path, "np") as file:
            return np.asarray(file.get_tensor(full_name)).astype(np.float32)

    def fill_table(self, layer: Any, name: str, rows: Sequence[int] | None = None) -> None:
        table = self.read(f"{name}.weight")
        self._set_weights(layer, [table if rows is None else table[np.asarray(rows)]], name)

    def fill_norm(self, layer: Any, name: str) -> None:
        self._set_weights(layer, [self.read(f"{name}.weight"), self.read(f"{name}.bias")], name)

    def fill_dense(self, layer: Any, name: str) -> None:
        kernel, bias = self.read(f"{name}.weight").T, self.read(f"{name}.bias")
        self._set_weights(layer, [kernel, bias], name)

    def _set_weights(self, layer: Any, values: list[FloatArray], name: str) -> None:
        for variable, value in zip(layer.weights, values, strict=True):
            if tuple(variable.shape) != value.shape:
                raise ArtifactError(
                    f"{self.checkpoint}: {name} is {value.shape}; "
                    f"config.json asks for {tuple(variable.shape)}"
                )
        layer.set_weights(values)
