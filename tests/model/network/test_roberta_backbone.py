"""The encoder against what Transformers' own models said, from the golden files."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from model.config import EncoderConfig
from model.errors import ArtifactError, ConfigError
from model.network.backend import start_keras
from tests.support.reference_encoders import CASES, golden_path

start_keras()

import keras  # noqa: E402

from model.network.hugging_face import (  # noqa: E402
    load_encoder_config,
    load_encoder_weights,
    load_tokenizer,
    locate_checkpoint,
)
from model.network.roberta_backbone import RobertaBackbone  # noqa: E402
from tests.support.tiny_models import save_tokenizer, tiny_encoder  # noqa: E402

TOLERANCE = 1e-4


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def checkpoint(case: str, tmp_path: Path) -> Path:
    """A golden checkpoint, as Transformers wrote it."""
    path = tmp_path / "checkpoint"
    path.mkdir()
    with safe_open(golden_path(case), "np") as file:
        (path / "config.json").write_text(file.metadata()["config"], encoding="utf-8")
    write_weights(path, golden_weights(case))
    return path


def golden_weights(case: str) -> dict[str, np.ndarray]:
    tensors = load_file(golden_path(case))
    return {name: value for name, value in tensors.items() if not name.startswith("golden.")}


def write_weights(path: Path, tensors: dict[str, np.ndarray]) -> None:
    save_file(tensors, path / "model.safetensors")


def edit_config(path: Path, **changes: object) -> None:
    file = path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes))


def load(path: Path) -> RobertaBackbone:
    backbone = RobertaBackbone(load_encoder_config(path))
    backbone.build((None, None), (None, None))
    load_encoder_weights(backbone, path)
    return backbone


def difference(backbone: RobertaBackbone, case: str) -> float:
    golden = load_file(golden_path(case))
    mask = golden["golden.mask"].astype(bool)
    states = keras.ops.convert_to_numpy(backbone(golden["golden.token_ids"], mask))
    return float(np.abs(states - golden["golden.states"])[mask].max())


def test_states_equal_transformers(checkpoint: Path, case: str) -> None:
    assert difference(load(checkpoint), case) < TOLERANCE


def test_prefixed_names_and_other_heads(checkpoint: Path, case: str) -> None:
    weights = {f"{case}.{name}": value for name, value in golden_weights(case).items()}
    weights["lm_head.dense.weight"] = np.zeros((16, 16), np.float32)
    write_weights(checkpoint, weights)
    assert difference(load(checkpoint), case) < TOLERANCE


def test_old_names_of_layer_norms(checkpoint: Path, case: str) -> None:
    write_weights(
        checkpoint,
        {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            ): value
            for name, value in golden_weights(case).items()
        },
    )
    assert difference(load(checkpoint), case) < TOLERANCE


def test_half_precision_files_are_widened(checkpoint: Path, case: str) -> None:
    write_weights(
        checkpoint, {name: value.astype(np.float16) for name, value in golden_weights(case).items()}
    )
    assert difference(load(checkpoint), case) < 0.05


def test_padding_does_not_reach_the_tokens(checkpoint: Path, case: str) -> None:
    backbone = load(checkpoint)
    token_ids = np.array([[5, 6, 7]])
    alone = backbone(token_ids, np.ones((1, 3), bool))
    padded = backbone(np.array([[5, 6, 7, 9, 9]]), np.array([[1, 1, 1, 0, 0]], bool))
    np.testing.assert_allclose(padded[:, :3], alone, atol=1e-5)


def test_a_mixed_policy_stays_near(checkpoint: Path, case: str) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        backbone = load(checkpoint)
    finally:
        keras.config.set_dtype_policy("float32")
    golden = load_file(golden_path(case))
    mask = golden["golden.mask"].astype(bool)
    states = keras.ops.cast(backbone(golden["golden.token_ids"], mask), "float32")
    error = np.abs(np.asarray(states) - golden["golden.states"])[mask]
    assert error.mean() < 0.05


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "t5"}, "model_type is 't5'; supported are roberta"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'"),
        ({"is_decoder": True}, "is_decoder is True"),
    ],
)
def test_other_architectures_are_refused(
    checkpoint: Path, changes: dict[str, object], message: str
) -> None:
    edit_config(checkpoint, **changes)
    with pytest.raises(ArtifactError, match=message):
        load_encoder_config(checkpoint)


def test_a_setting_that_breaks_a_rule_is_named(checkpoint: Path) -> None:
    edit_config(checkpoint, hidden_act="quick_gelu")
    with pytest.raises(ConfigError, match=r"hidden_act: .*quick_gelu"):
        load_encoder_config(checkpoint)


def test_a_missing_weight_is_named(checkpoint: Path, case: str) -> None:
    weights = golden_weights(case)
    del weights["encoder.layer.1.output.dense.bias"]
    write_weights(checkpoint, weights)
    with pytest.raises(
        ArtifactError, match=r"has no weight encoder\.layer\.1\.output\.dense\.bias"
    ):
        load(checkpoint)


def test_a_weight_of_another_shape_is_named(checkpoint: Path) -> None:
    edit_config(checkpoint, vocab_size=60)
    with pytest.raises(ArtifactError, match=r"word_embeddings is \(61, 16\); .* \(60, 16\)"):
        load(checkpoint)


def test_pickled_weights_are_not_loaded(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    with pytest.raises(ArtifactError, match=r"has no \*\.safetensors file"):
        load(checkpoint)


@pytest.mark.parametrize("content", [b"", b"not safetensors"])
def test_a_damaged_file_is_named(checkpoint: Path, content: bytes) -> None:
    (checkpoint / "model.safetensors").write_bytes(content)
    with pytest.raises(ArtifactError, match="is not a readable safetensors file"):
        load(checkpoint)


def test_a_directory_without_a_config_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"it has no config\.json"):
        locate_checkpoint(str(tmp_path))
    with pytest.raises(ArtifactError, match="is not a directory"):
        locate_checkpoint(str(tmp_path / "nowhere"))


def test_tokenizers_are_read_as_saved_by_transformers(tmp_path: Path) -> None:
    save_tokenizer(tmp_path)
    assert load_tokenizer(tmp_path).encode("the rain").tokens == ["[CLS]", "the", "rain", "[SEP]"]
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "tokenizer_config.json").unlink()
    with pytest.raises(ArtifactError, match=r"has no tokenizer: none of tokenizer\.json, "):
        load_tokenizer(tmp_path)


def test_positions_count_from_the_offset() -> None:
    config = EncoderConfig(**{**vars(tiny_encoder()), "position_offset": 2})
    assert config.max_window_tokens == 30
