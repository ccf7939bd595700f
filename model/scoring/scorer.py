"""Scores items with a trained model: the one class that the pipeline scores with."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.errors import ConfigError, ItemError
from model.nearest_name import known_names
from model.preprocessing.emotion_preprocessor import EmotionPreprocessor, ModelInput
from model.preprocessing.text_preprocessor import pad_windows, token_batches
from model.scoring.artifact import Artifact
from model.scoring.calibration import sigmoid, softmax
from model.scoring.engine import Engine, EngineChoice, choose_engine, start_engine
from model.scoring.scores import EmotionScores
from model.scoring.text_cache import TextCache, Windows
from schemas.dead_letters import Reason
from schemas.emotions import Modality

FloatArray = npt.NDArray[np.float32]
MAX_CACHED_TEXTS = 4096


def emotions_among(emotions: Sequence[str], among: Sequence[str]) -> tuple[str, ...]:
    """Returns the emotions to choose from, in head order.

    Of the probabilities of a model with one emotion an item, those of the others are left out and
    the rest made to sum to 1: what the model says of an item that is known to have none of the
    others.

    Args:
        emotions: the model's.
        among: some of them, in any order; all where empty.

    Raises:
        ConfigError: one is none of the model's, or fewer than two are left.

    >>> emotions_among(["anger", "joy", "neutral"], ["joy", "anger"])
    ('anger', 'joy')
    """
    for name in among:
        if name not in emotions:
            near = known_names(name, emotions, "it tells")
            raise ConfigError(f"--emotions: the model has no emotion {name!r}; {near}")
    if among and len(set(among)) < 2:
        raise ConfigError(f"--emotions is {among[0]}; at least two are needed to choose from")
    return tuple(emotion for emotion in emotions if emotion in among or not among)


class EmotionScorer:
    """An artifact's network behind one method; an item runs only the encoders that it needs.

    Texts are sorted by length and divided into batches of a bounded number of padded tokens. Equal
    texts are encoded once, and the last 4,096 remembered. A batch that memory does not hold is
    halved, and so are later ones that are larger than its half.

    Args:
        artifact: the model.
        engine: what it runs on, as `start_engine` makes it.
        among: the emotions to choose from, where the items are known to have no others; all where
            empty. See `emotions_among`.

    Attributes:
        emotions: what it chooses from, in head order.
    """

    def __init__(self, artifact: Artifact, engine: Engine, among: Sequence[str] = ()) -> None:
        self.artifact = artifact
        self.emotions = emotions_among(artifact.config.emotions, among)
        self._places = [artifact.config.emotions.index(emotion) for emotion in self.emotions]
        self.model_version = artifact.model_version
        self.preprocess: EmotionPreprocessor = artifact.preprocessor()
        self._engine = engine
        self._pool = ThreadPoolExecutor(self._engine.n_parallel, "score")
        self._texts = TextCache(MAX_CACHED_TEXTS)
        # Cells of the largest batch to try, of each encoder that memory has not held a batch of.
        self._largest: dict[Callable[..., FloatArray], int] = {}

    @classmethod
    def load(
        cls,
        name: str | Path,
        choice: EngineChoice | None = None,
        n_threads: int | None = None,
        among: Sequence[str] = (),
    ) -> "EmotionScorer":
        """Loads an artifact.

        Args:
            name: a directory, or `default` for the one in the package.
            choice: what to run it on; what `choose_engine` finds best here where None. `FLOAT32`
                is the reference, which was trained.
            n_threads: of this process; as many as it may use cores where None.
            among: the emotions to choose from; all where empty.

        Raises:
            ArtifactError: it is missing, damaged or of another format.
            ConfigError: an emotion is none of the model's.
            UserError: the engine's GPU is not there.
        """
        artifact = Artifact.load(name)
        choice = choice or choose_engine(artifact)
        return cls(artifact, start_engine(artifact, choice, n_threads), among)

    def forget_texts(self) -> None:
        """Empties the memory of texts, so that scores depend on nothing that was scored before."""
        self._texts.clear()

    def score(self, inputs: Sequence[ModelInput]) -> list[EmotionScores]:
        """Returns the scores of each input, in their order; any mixture of modalities will do."""
        scores: dict[int, EmotionScores] = {}
        to_probabilities = sigmoid if self.artifact.config.is_multi_label else softmax
        for modality, rows, logits in self._logits_by_modality(inputs):
            by_head = {
                head: to_probabilities(values[:, self._places] / self.artifact.temperatures[head])
                for head, values in logits.items()
            }
            thresholds = self.artifact.thresholds.get(modality)
            chosen = thresholds and tuple(thresholds[place] for place in self._places)
            both = modality == Modality.TEXT_AUDIO
            for place, row in enumerate(rows):
                scores[row] = EmotionScores(
                    modality,
                    by_head[modality][place],
                    by_head["text"][place] if both else None,
                    by_head["audio"][place] if both else None,
                    chosen,
                )
        return [scores[row] for row in range(len(inputs))]

    def try_score(self, inputs: Sequence[ModelInput]) -> list[EmotionScores | ItemError]:
        """Returns the scores of each input, or why it has none: one bad item costs no other.

        Where the batch fails, each item is tried alone. The error's cause is the engine's own.
        """
        try:
            return [*self.score(inputs)]
        except Exception as error:  # whatever the engine raises: out of memory, a bad shape, …
            if len(inputs) > 1:
                return [outcome for each in inputs for outcome in self.try_score([each])]
            # The first line only: TensorFlow goes on with the paths of this machine.
            first_line = str(error).partition("\n")[0]
            message = f"the model failed: {type(error).__name__}: {first_line:.300}"
            refused = ItemError(Reason.SCORING_FAILED, message)
            refused.__cause__ = error
            return [refused]

    def logits(self, inputs: Sequence[ModelInput]) -> list[dict[str, FloatArray]]:
        """Returns each input's uncalibrated logits, by modality of the heads that it ran.

        They are of all of the model's emotions.
        """
        logits: list[dict[str, FloatArray]] = [{} for _ in inputs]
        for _, rows, by_head in self._logits_by_modality(inputs):
            for head, values in by_head.items():
                for row, value in zip(rows, values, strict=True):
                    logits[row][head] = value
        return logits

    def _logits_by_modality(
        self, inputs: Sequence[ModelInput]
    ) -> Iterator[tuple[Modality, list[int], dict[str, FloatArray]]]:
        """Yields the rows of each modality, and the logits `[rows, emotions]` of its heads."""
        text = self._text_features([item.windows for item in inputs])
        audio = self._audio_features([item.images for item in inputs])
        for modality in Modality:
            rows = [row for row, item in enumerate(inputs) if item.modality == modality]
            if rows:
                yield (
                    modality,
                    rows,
                    self._engine.classify(
                        None if modality == Modality.AUDIO else text[rows],
                        None if modality == Modality.TEXT else audio[rows],
                    ),
                )

    def _text_features(self, texts: Sequence[Windows]) -> FloatArray:
        """Returns float32 `[items, hidden_size]`; a row of an item without text is 0."""
        different = dict.fromkeys(text for text in texts if text)
        features = self._texts.known(different)
        new = [text for text in different if text not in features]
        if new:
            encoded = dict(zip(new, self._encode_texts(new), strict=True))
            # Copied: a row that is kept would keep the whole batch.
            self._texts.remember({text: row.copy() for text, row in encoded.items()})
            features |= encoded
        if not features:
            return np.zeros((len(texts), 0), np.float32)
        absent = np.zeros_like(next(iter(features.values())))
        return np.stack([features.get(text, absent) for text in texts])

    def _encode_texts(self, texts: Sequence[Windows]) -> FloatArray:
        """Returns the mean over all tokens of all windows of each text."""
        owners = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
        windows = [window for text in texts for window in text]
        lengths = np.array([len(window) for window in windows])
        assert self.artifact.config.text  # noqa: S101  (a text has passed its preprocessor)
        window_tokens = self.artifact.config.text.window_tokens
        batches = list(token_batches(lengths.tolist(), self._engine.max_padded_tokens))
        encoded = self._run(
            self._engine.sum_windows,
            batches,
            lambda rows: pad_windows([windows[row] for row in rows], window_tokens),
        )
        sums = np.zeros((len(texts), encoded.shape[1]), np.float32)
        np.add.at(sums, owners[np.concatenate(batches)], encoded)
        n_tokens = np.bincount(owners, weights=lengths, minlength=len(texts))
        return np.divide(sums, n_tokens[:, None], dtype=np.float32)

    def _audio_features(self, clips: Sequence[npt.NDArray[np.uint8] | None]) -> FloatArray:
        """Returns float32 `[items, n_features]`: the mean over a clip's images."""
        present = [(index, clip) for index, clip in enumerate(clips) if clip is not None]
        if not present:
            return np.zeros((len(clips), 0), np.float32)
        owners = np.repeat([index for index, _ in present], [len(clip) for _, clip in present])
        images = [image for _, clip in present for image in clip]
        size = self._engine.max_images
        batches = [
            range(len(images))[start : start + size] for start in range(0, len(images), size)
        ]
        encoded = self._run(
            self._engine.encode_images,
            batches,
            lambda rows: (np.stack([images[row] for row in rows]),),
        )
        features = np.zeros((len(clips), encoded.shape[1]), np.float32)
        np.add.at(features, owners, encoded)
        counts = np.bincount(owners, minlength=len(clips)).astype(np.float32)
        return np.divide(features, np.maximum(counts, 1)[:, None], dtype=np.float32)

    def _run(
        self,
        encode: Callable[..., FloatArray],
        batches: Sequence[Sequence[int]],
        gather: Callable[[Sequence[int]], tuple[npt.NDArray[np.generic], ...]],
    ) -> FloatArray:
        """Returns what all batches of rows are encoded to, in their order.

        As many run at a time as the engine likes; each is gathered when its turn has come.
        """
        encoded = self._pool.map(lambda rows: self._halving(encode, gather(rows)), batches)
        return np.concatenate(list(encoded))

    def _halving(
        self, encode: Callable[..., FloatArray], arrays: tuple[npt.NDArray[np.generic], ...]
    ) -> FloatArray:
        """Encodes a batch; where memory does not hold it, one half after the other."""
        half, size = len(arrays[0]) // 2, arrays[0].size
        if not half or size <= self._largest.get(encode, size):
            try:
                return encode(*arrays)
            except Exception as error:
                if not half or not self._engine.is_out_of_memory(error):
                    raise
                size = arrays[0][half:].size
                self._largest[encode] = min(size, self._largest.get(encode, size))
        halves = (slice(None, half), slice(half, None))
        return np.concatenate(
            [self._halving(encode, tuple(array[part] for array in arrays)) for part in halves]
        )
