"""What `--map LABEL=EMOTION` says, of a data set's labels or a checkpoint's."""

from collections.abc import Sequence

from model.errors import ConfigError


def parse_label_pairs(pairs: Sequence[str], may_drop: bool = False) -> dict[str, str]:
    """Returns the emotion of each label that `--map` names.

    Args:
        pairs: the flag's values.
        may_drop: whether `LABEL=` drops a label; its emotion is then empty.

    Raises:
        ConfigError: a value is no pair, or a label is named twice.

    >>> parse_label_pairs(["optimism=joy", "LABEL_3="], may_drop=True)
    {'optimism': 'joy', 'LABEL_3': ''}
    """
    emotion_of: dict[str, str] = {}
    for pair in pairs:
        label, equals, emotion = (part.strip() for part in pair.rpartition("="))
        if not (label and equals and (emotion or may_drop)):
            rule = "LABEL=EMOTION, or LABEL= to drop it" if may_drop else "LABEL=EMOTION"
            raise ConfigError(f"--map is {pair!r}; it must be {rule}")
        if label in emotion_of:
            raise ConfigError(f"--map names the label {label!r} twice")
        emotion_of[label] = emotion
    return emotion_of
