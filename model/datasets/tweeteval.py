"""TweetEval's seven tasks (Barbieri et al. 2020), in the files of its own repository."""

from pathlib import Path

from model.datasets.dataset import Dataset, Example, read_lines
from model.errors import DatasetError

TASKS = ("emoji", "emotion", "hate", "irony", "offensive", "sentiment", "stance")
STANCE_TOPICS = (
    ("abortion",),
    ("atheism",),
    ("climate",),
    ("feminist",),
    # The repository's folder has two l, its README one.
    ("hillary", "hilary"),
)
SPLIT_FILES = {"train": "train", "validation": "val", "test": "test"}


def load_tweeteval(data_dir: Path, task: str) -> Dataset:
    """Reads one task: `mapping.txt` and `{train,val,test}_{text,labels}.txt`.

    Stance is five topics in a folder each, whose tweets come one topic after another, with the
    topic as their group and part. A split of which both files, or the texts alone, are missing is
    left out; of stance, where all topics lack them.

    Raises:
        DatasetError: a folder, labels, or one topic's texts are missing, texts and labels differ in
            number, or a label is unknown.
    """
    task_dir = data_dir / task
    classes = _read_mapping(task_dir / "mapping.txt")
    topics = (
        [_topic_dir(task_dir, names) for names in STANCE_TOPICS] if task == "stance" else [None]
    )
    splits: dict[str, list[Example]] = {split: [] for split in SPLIT_FILES}
    for topic in topics:
        folder = topic or task_dir
        for split, prefix in SPLIT_FILES.items():
            splits[split] += _read_split(folder, prefix, classes, topic.name if topic else "")
    for split, examples in splits.items():
        read = {example.part for example in examples}
        for topic in topics:
            if examples and topic and topic.name not in read:
                raise DatasetError(f"{topic}/{SPLIT_FILES[split]}_text.txt is missing or empty")
    if not any(splits.values()):
        raise DatasetError(f"{task_dir} has none of {', '.join(SPLIT_FILES.values())}_text.txt")
    return Dataset(f"tweeteval/{task}", tuple(classes), splits)


def _read_mapping(path: Path) -> list[str]:
    """Returns the classes in the order of their index; a line is index, name and more."""
    classes = []
    for number, line in enumerate(read_lines(path)):
        cells = line.split("\t")
        if len(cells) < 2 or cells[0] != str(number):
            raise DatasetError(f"{path}:{number + 1} is not {number} and a class, parted by a tab")
        name = cells[1].strip("_")
        # The emoji's own line is index, emoji and name.
        classes.append(name if name.isascii() or len(cells) < 3 else cells[2].strip("_"))
    return classes


def _topic_dir(task_dir: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (task_dir / name).is_dir():
            return task_dir / name
    raise DatasetError(f"{task_dir} lacks the topic {' or '.join(names)}")


def _read_split(folder: Path, prefix: str, classes: list[str], topic: str) -> list[Example]:
    text_path, label_path = folder / f"{prefix}_text.txt", folder / f"{prefix}_labels.txt"
    if not text_path.exists():
        return []
    texts, labels = read_lines(text_path), read_lines(label_path)
    if len(texts) != len(labels):
        raise DatasetError(
            f"{text_path} has {len(texts)} lines and {label_path.name} {len(labels)}; "
            "they must be as many"
        )
    examples = []
    for number, (text, label) in enumerate(zip(texts, labels, strict=True), start=1):
        if not (label.isdecimal() and int(label) < len(classes)):
            raise DatasetError(
                f"{label_path}:{number} is {label!r}; labels are 0 to {len(classes) - 1}"
            )
        examples.append(Example(classes[int(label)], text=text, group=topic, part=topic))
    return examples
