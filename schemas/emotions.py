"""The emotions that the default model tells apart, and the modalities that it hears and reads."""

from enum import StrEnum

EKMAN_AND_NEUTRAL = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
"""Ekman's six basic emotions and neutral, in alphabetical order, which is the heads' order."""


class Modality(StrEnum):
    """What an item was labelled from."""

    TEXT = "text"
    AUDIO = "audio"
    TEXT_AUDIO = "text+audio"
