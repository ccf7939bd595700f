"""Tiny real models for tests: a checkpoint as Transformers saves it, and a whole artifact."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from model.config import (
    AudioConfig,
    ClassifierConfig,
    EncoderConfig,
    HeadConfig,
    MobileNetConfig,
    TextConfig,
)
from model.network.backend import start_keras
from model.preprocessing.emotion_preprocessor import EmotionPreprocessor
from model.scoring.artifact import Artifact
from model.scoring.saving import save_artifact
from schemas.emotions import EKMAN_AND_NEUTRAL

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789@#!?.,'"
WORDS = ("the", "user", "http", "happy", "sad", "angry", "rain", "train", "##ing")


def word_piece_tokenizer() -> Tokenizer:
    """Returns a WordPiece tokenizer of some 100 tokens that can spell any lower-case word."""
    pieces = [*SPECIAL_TOKENS, *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer


def save_tokenizer(path: Path) -> None:
    """Writes the tokenizer as Transformers does."""
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(
        tokenizer_object=word_piece_tokenizer(),
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    ).save_pretrained(path)


def tiny_encoder(**changes: object) -> EncoderConfig:
    """Returns the settings of a BERT of two narrow layers and 32 positions."""
    settings: dict[str, object] = {
        "vocab_size": word_piece_tokenizer().get_vocab_size(),
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 32,
        "type_vocab_size": 2,
        "position_offset": 0,
        "pad_token_id": 0,
    }
    return EncoderConfig(**(settings | changes))  # type: ignore[arg-type]


def tiny_classifier_config(*, text: bool = True, audio: bool = True) -> ClassifierConfig:
    """Returns the settings of a whole model with images of 32 × 32."""
    return ClassifierConfig(
        emotions=EKMAN_AND_NEUTRAL,
        head=HeadConfig(hidden_units=8),
        text=TextConfig(window_tokens=32, max_tokens=100) if text else None,
        encoder=tiny_encoder() if text else None,
        audio=AudioConfig(
            n_fft=512, hop_length=512, image_height=32, image_width=32, chroma_repeats=1
        )
        if audio
        else None,
        mobilenet=MobileNetConfig(alpha=0.1, batch_norm_momentum=0.1) if audio else None,
    )


def save_tiny_artifact(path: Path, *, text: bool = True, audio: bool = True) -> Artifact:
    """Writes an artifact of random weights, the same each time."""
    start_keras()
    import keras

    from model.network.emotion_classifier import EmotionClassifier
    from model.preprocessing.audio_preprocessor import AudioPreprocessor, build_filter_banks
    from model.preprocessing.text_preprocessor import TextPreprocessor

    keras.utils.set_random_seed(7)
    config = tiny_classifier_config(text=text, audio=audio)
    classifier = EmotionClassifier(config)
    if classifier.audio_encoder:
        # Batch statistics of noise: with fresh ones a random MobileNet says the same of any image.
        size = (64, config.audio.image_height, config.audio.image_width)
        noise = np.random.default_rng(7).integers(0, 256, size, dtype=np.uint8)
        for _ in range(3):
            classifier.audio_encoder.encode_images(noise, training=True)
    preprocessor = EmotionPreprocessor(
        TextPreprocessor(config.text, word_piece_tokenizer()) if config.text else None,
        AudioPreprocessor(config.audio, build_filter_banks(config.audio)) if config.audio else None,
    )
    return save_artifact(path, classifier, preprocessor, dict.fromkeys(classifier.heads, 1.5))


def save_tiny_checkpoint(path: Path) -> Path:
    """Writes a random BERT checkpoint in Hugging Face's layout, with its tokenizer."""
    path.mkdir(parents=True, exist_ok=True)
    save_tokenizer(path)
    encoder = tiny_encoder()
    settings = vars(encoder) | {"model_type": "bert"}
    del settings["position_offset"]
    (path / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    width, inner = encoder.hidden_size, encoder.intermediate_size
    shapes = {
        "embeddings.word_embeddings.weight": (encoder.vocab_size, width),
        "embeddings.position_embeddings.weight": (encoder.max_position_embeddings, width),
        "embeddings.token_type_embeddings.weight": (encoder.type_vocab_size, width),
        "embeddings.LayerNorm.weight": (width,),
        "embeddings.LayerNorm.bias": (width,),
    }
    for index in range(encoder.num_hidden_layers):
        layer = f"encoder.layer.{index}"
        for name, (rows, columns) in {
            "attention.self.query": (width, width),
            "attention.self.key": (width, width),
            "attention.self.value": (width, width),
            "attention.output.dense": (width, width),
            "intermediate.dense": (inner, width),
            "output.dense": (width, inner),
        }.items():
            shapes[f"{layer}.{name}.weight"] = (rows, columns)
            shapes[f"{layer}.{name}.bias"] = (rows,)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[f"{layer}.{name}.weight"] = (width,)
            shapes[f"{layer}.{name}.bias"] = (width,)
    rng = np.random.default_rng(11)
    save_file(
        {
            name: (rng.normal(0, 0.2, shape) + name.endswith("LayerNorm.weight")).astype(np.float32)
            for name, shape in shapes.items()
        },
        path / "model.safetensors",
    )
    return path
