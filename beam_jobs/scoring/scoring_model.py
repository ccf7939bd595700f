"""The model of a job, as its steps and their workers need to know it."""

from dataclasses import dataclass
from functools import lru_cache

from model.errors import ArtifactError
from model.scoring.artifact import Artifact
from model.scoring.engine import EngineChoice, start_engine
from model.scoring.scorer import EmotionScorer


@dataclass(frozen=True)
class ScoringModel:
    """Which artifact, in which version, and what it runs on.

    Attributes:
        artifact: a directory, a `gs://` prefix, or `default`.
        model_version: the version that the job's rows will name.
        choice: the engine.
        n_threads: of one worker process; as many as it may use cores where None.
        among: the emotions to choose from; all of the model's where empty.
    """

    artifact: str
    model_version: str
    choice: EngineChoice
    n_threads: int | None = None
    among: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def load_artifact(model: ScoringModel) -> Artifact:
    """Returns a model's artifact; a process that asks again for the same one gets the same one.

    So the steps of a process check all files once, and each only those that it reads.

    Raises:
        ArtifactError: it is damaged, or was replaced since the job was started.
    """
    artifact = Artifact.load(model.artifact)
    if artifact.model_version != model.model_version:
        raise ArtifactError(
            f"{model.artifact} is version {artifact.model_version}; the job was started with "
            f"{model.model_version}"
        )
    return artifact


@lru_cache(maxsize=1)
def load_scorer(model: ScoringModel) -> EmotionScorer:
    """Returns a model's scorer; a process that asks again for the same one gets the same one.

    So a local job loads its model before it reads an item, and does not load it twice.

    Raises:
        ArtifactError: the artifact is damaged, or was replaced since the job was started.
        UserError: the job asks for a GPU, and there is none.
    """
    artifact = load_artifact(model)
    engine = start_engine(artifact, model.choice, model.n_threads)
    return EmotionScorer(artifact, engine, model.among)
