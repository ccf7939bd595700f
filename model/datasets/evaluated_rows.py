"""Which rows of a data set are measured."""

from dataclasses import replace

from model.datasets.dataset import Dataset
from model.datasets.held_out import HeldOut
from model.errors import DatasetError

ALL = "all"
"""The name of what is measured where a data set has no splits."""


def choose_rows(
    dataset: Dataset, split: str | None, held_out: HeldOut | None = None
) -> tuple[Dataset, str]:
    """Returns a data set with the rows that are asked for, and the name of their split.

    `validation` may also be the rows that the training of the model has held out, and `train` then
    the rest. A data set without splits is measured whole, unless one of the two is asked for.

    Args:
        dataset: as read.
        split: that is asked for; None for `test`, or for all rows where there are no splits.
        held_out: what the training of the model has held out of a data set of this name.

    Raises:
        DatasetError: rows that were held out are asked for, and there are none.
    """
    parted = held_out.part(dataset) if held_out else dataset
    n_found = 0 if parted is dataset else len(parted.splits["validation"])
    if split in ("train", "validation"):
        if held_out and n_found:
            n_rows = len(held_out.rows)
            if n_found < n_rows:
                told = f"{dataset.name}: of {n_rows} rows held out in training, {n_found} are here"
                parted = replace(parted, remarks=(*dataset.remarks, told))
            return parted, split
        if split == "validation" and not dataset.names_splits:
            raise DatasetError(
                f"{dataset.name} names no splits, and training has held out none of its rows; "
                "without --split all are measured"
            )
    elif not dataset.names_splits:
        whole = replace(dataset, splits={ALL: dataset.examples()})
        if n_found:
            n_learned = len(parted.splits["train"])
            told = (
                f"{dataset.name}: the model has learned from {n_learned} of these rows; "
                f"--split validation measures the {n_found} that were held out"
            )
            whole = replace(whole, remarks=(*dataset.remarks, told))
        return whole, ALL
    return dataset, split or "test"


def choose_unseen_rows(
    dataset: Dataset, split: str | None, held_out: HeldOut | None = None
) -> tuple[Dataset, str]:
    """Returns rows that training has not learned from, to set something of a finished model by.

    As `choose_rows`, but where no split is asked for they are `validation`; of a data set without
    splits of which training held nothing out, they are all.

    Raises:
        DatasetError: rows that were held out are asked for, and there are none; or there are none
            of the split.
    """
    has_validation = dataset.names_splits or (
        held_out is not None and bool(held_out.part(dataset).splits["validation"])
    )
    if split is None and has_validation:
        split = "validation"
    chosen, split = choose_rows(dataset, split, held_out)
    chosen.split(split)
    return chosen, split
