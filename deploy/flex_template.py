"""What a flex template's launcher runs: its parameters, as flags, to `mm-emor score`.

The launcher hands over `--audio_root=gs://…` and its own flags for Beam alike: what the template's
metadata names is the command's, and all else is Beam's.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

METADATA = Path(__file__).with_name("flex_template.json")
REPEATED = frozenset({"items", "clips", "audio_root", "column", "keep"})
"""Parameters of several values, spaces between."""


def split_flags(flags: Sequence[str], metadata: Path = METADATA) -> list[str]:
    """Returns the command line of `mm-emor`.

    A switch stands in it where its parameter is true; a repeated flag, once for each value.
    """
    parameters = json.loads(metadata.read_text(encoding="utf-8"))["parameters"]
    kinds = {parameter["name"]: parameter["paramType"] for parameter in parameters}
    ours, beams = [], []
    for flag in flags:
        name, _, value = flag.removeprefix("--").partition("=")
        if name not in kinds:
            beams.append(flag)
        elif kinds[name] == "BOOLEAN":
            if value.lower() == "true":
                ours.append(f"--{name.replace('_', '-')}")
        else:
            for one in value.split() if name in REPEATED else [value]:
                ours += [f"--{name.replace('_', '-')}", one]
    return ["score", *ours, "--", *beams]


if __name__ == "__main__":
    from beam_jobs.commands.cli import main

    sys.argv[1:] = split_flags(sys.argv[1:])
    main()
