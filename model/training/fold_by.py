"""By what cross-validation parts a data set into folds."""

from enum import StrEnum


class FoldBy(StrEnum):
    """What `--fold-by` takes.

    `GROUP`: no speaker or session is trained and tested on at once. `RANDOM`: folds have the
    classes' shares, and know no speakers (the paper's 5 folds, as it seems).
    """

    GROUP = "group"
    RANDOM = "random"
