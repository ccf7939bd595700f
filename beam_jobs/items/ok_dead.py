"""The pair that each fallible step returns: what went well, and the dead letters."""

from typing import Any, NamedTuple

import apache_beam as beam

from beam_jobs.items.elements import DeadLetter

OK = "ok"
DEAD = "dead"
"""The tags of the two outputs."""


class OkDead(NamedTuple):
    """The outputs of a step; each element that comes in ends in one of them, once.

    Attributes:
        ok: what the step is there to make.
        dead: `DeadLetter`s.
    """

    ok: beam.PCollection[Any]
    dead: beam.PCollection[DeadLetter]

    @classmethod
    def of(cls, outputs: beam.pvalue.DoOutputsTuple) -> "OkDead":
        """Returns the pair of a transform that has run `.with_outputs(DEAD, main=OK)`."""
        return cls(outputs[OK], outputs[DEAD])


def tag_dead(outcome: Any) -> Any:
    """Returns a dead letter with the tag that sends it to `OkDead.dead`; anything else as it is."""
    return beam.pvalue.TaggedOutput(DEAD, outcome) if isinstance(outcome, DeadLetter) else outcome
