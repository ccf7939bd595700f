"""Packages, and the rooms inside them, import one way; a module is imported where it belongs."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LAYERS: dict[str, tuple[str, ...]] = {
    # A package: those that it may import.
    "schemas": (),
    "model": ("schemas",),
    "beam_jobs": ("schemas", "model"),
    "mm_emor": ("schemas", "model", "beam_jobs"),
}
ROOMS: dict[str, dict[str, tuple[str, ...]]] = {
    # A room: those of its package that it may import. `""` is the package's own modules.
    "model": {
        "": (),
        "network": ("",),
        "preprocessing": ("",),
        "scoring": ("", "network", "preprocessing"),
        "datasets": ("", "preprocessing"),
        "evaluation": ("", "datasets", "preprocessing", "scoring"),
        "importing": ("", "network", "preprocessing", "scoring"),
        "export": ("", "datasets", "evaluation", "network", "preprocessing", "scoring"),
        "training": ("", "datasets", "evaluation", "network", "preprocessing", "scoring"),
        "paper": ("", "datasets", "evaluation", "network", "scoring", "training"),
        "commands": (
            *("", "datasets", "evaluation", "export", "importing", "network", "scoring"),
            "training",
        ),
    },
    "beam_jobs": {
        "items": (),
        "runners": (),
        "reading": ("items",),
        "runs": ("items",),
        "joining": ("items", "reading"),
        "reports.statistics": (),
        "reports.page": ("reports.statistics",),
        "reports": ("items", "reading", "reports.page", "reports.statistics", "runners", "runs"),
        "scoring": ("items", "joining", "reading", "reports", "runners", "runs"),
        "commands": (
            *("items", "reading", "reports", "reports.page", "runners", "runs", "scoring"),
        ),
    },
}
COMMAND_LINES = {"model.cli", "model.commands.evaluate_command"}
"""Modules that stand above the rooms of their package."""
SCORING_SIDE = {"model", "model.network", "model.preprocessing", "model.scoring"}
"""What of the model a job may import; the command line may mount the model's own."""


def imports_of(path: Path) -> Iterator[str]:
    """Yields the modules that a file imports; `from a import b` as `a.b` where it is ours."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if is_module(name) else node.module


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def modules_of(package: str) -> list[tuple[str, Path]]:
    """Returns name and path of each module."""
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found.append((".".join(parts).removesuffix(".__init__"), path))
    assert found
    return found


def room_of(name: str) -> str:
    """Returns the room that a module lies in, without its package; `""` for none.

    >>> room_of("beam_jobs.reports.page.facts"), room_of("model.datasets"), room_of("model.cli")
    ('reports.page', 'datasets', '')
    """
    inner = name.partition(".")[2]
    if not inner or (ROOT / name.replace(".", "/")).is_dir():
        return inner
    return inner.rpartition(".")[0]


@pytest.mark.parametrize("package", LAYERS)
def test_packages_import_only_those_before_them(package: str) -> None:
    allowed = {package, *LAYERS[package]}
    for name, path in modules_of(package):
        ours = {imported.partition(".")[0] for imported in imports_of(path)} & LAYERS.keys()
        assert ours <= allowed, name


@pytest.mark.parametrize("package", ROOMS)
def test_rooms_import_only_those_before_them(package: str) -> None:
    rooms = ROOMS[package]
    for name, path in modules_of(package):
        if name in COMMAND_LINES or name == package:
            continue
        room = room_of(name)
        assert room in rooms, f"{name} lies in no room"
        imported = {room_of(each) for each in imports_of(path) if each.partition(".")[0] == package}
        assert imported <= {room, *rooms[room]}, name


@pytest.mark.parametrize("package", ROOMS)
def test_every_room_says_what_belongs_there(package: str) -> None:
    for room in filter(None, ROOMS[package]):
        init = ROOT / package / room.replace(".", "/") / "__init__.py"
        assert ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))), room


@pytest.mark.parametrize("package", ROOMS)
def test_rooms_have_no_circle(package: str) -> None:
    """The table above would allow one."""
    rooms = ROOMS[package]
    done: set[str] = set()
    while len(done) < len(rooms):
        free = {room for room in rooms.keys() - done if set(rooms[room]) <= done}
        assert free, f"a circle among {sorted(rooms.keys() - done)}"
        done |= free


@pytest.mark.parametrize("package", ROOMS)
def test_rooms_stand_in_the_page_below_those_that_they_import(package: str) -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition(f"    {package}/")[2]
    names = re.findall(r"^ {6,}(\w+)/ ", page, re.M)
    rooms = {room: names.index(room.rpartition(".")[2]) for room in filter(None, ROOMS[package])}
    for room, line in rooms.items():
        imported = filter(None, ROOMS[package][room])
        below = [each for each in imported if rooms[each] >= line]
        assert [each for each in below if not each.startswith(f"{room}.")] == [], room


@pytest.mark.parametrize("package", LAYERS)
def test_modules_of_a_room_have_no_circle(package: str) -> None:
    names = dict(modules_of(package))
    waiting = {
        # A room's own face imports its modules, and they nothing of the face.
        name: {each for each in imports_of(path) if each in names and each != name}
        for name, path in names.items()
    }
    while waiting:
        free = {name for name, imported in waiting.items() if not imported & waiting.keys()}
        assert free, f"a circle among {sorted(waiting)}"
        for name in free:
            del waiting[name]


def test_schemas_need_pyarrow_only() -> None:
    for name, path in modules_of("schemas"):
        roots = {imported.partition(".")[0] for imported in imports_of(path)} - LAYERS.keys()
        assert roots - sys.stdlib_module_names <= {"pyarrow"}, name


def test_the_model_knows_no_beam() -> None:
    for name, path in modules_of("model"):
        assert not any(each.startswith("apache_beam") for each in imports_of(path)), name


def test_a_job_uses_the_scoring_side_of_the_model_only() -> None:
    for name, path in modules_of("beam_jobs"):
        for imported in imports_of(path):
            if imported.partition(".")[0] == "model" and name != "beam_jobs.commands.cli":
                room = f"model.{room_of(imported)}".rstrip(".")
                assert room in SCORING_SIDE, f"{name} imports {imported}"
                assert imported not in COMMAND_LINES, name


def patches_of(path: Path, library: str) -> Iterator[str]:
    """Yields what a file sets in a library's modules, and which of its classes it changes.

    A subclass counts of a runner's or an optimizer's class: Beam and Keras mean others to be
    subclassed.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    origins = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            origins |= {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            origins |= {alias.asname or alias.name: alias.name for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [ast.unparse(each) for each in targets if isinstance(each, ast.Attribute)]
        elif isinstance(node, ast.ClassDef):
            names = [ast.unparse(each) for each in node.bases]
        else:
            continue
        for name in names:
            first, dot, rest = name.partition(".")
            whole = origins.get(first, "") + dot + rest
            is_set = not isinstance(node, ast.ClassDef)
            if whole.startswith(f"{library}.") and (
                is_set or ".runners." in whole or ".optimizers." in whole
            ):
                yield whole


@pytest.mark.parametrize(
    ("library", "patches"),
    [
        (
            "apache_beam",
            {
                "beam_jobs.runners.cloud_worker": [
                    "apache_beam.io.gcp.gcsio.create_storage_client"
                ],
                "beam_jobs.runners.worker_output": ["apache_beam.runners.worker.sdk_worker.print"],
                "beam_jobs.runners.worker_processes": [
                    "apache_beam.runners.portability.fn_api_runner.worker_handlers"
                    ".SubprocessSdkWorkerHandler"
                ],
            },
        ),
        ("keras", {"model.training.summed_adam": ["keras.optimizers.Adam"]}),
    ],
)
def test_each_patch_is_where_patches_are_and_names_its_source(
    library: str, patches: dict[str, list[str]]
) -> None:
    found = {}
    for package in LAYERS:
        for name, path in modules_of(package):
            if changed := list(dict.fromkeys(patches_of(path, library))):
                found[name] = changed
                docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
                assert "Upstream: " in docstring, name
                assert "https://github.com/" in docstring, name
    assert found == patches


def test_torch_is_never_imported() -> None:
    for package in LAYERS:
        for name, path in modules_of(package):
            assert "torch" not in {each.partition(".")[0] for each in imports_of(path)}, name


TESTED_IN: dict[str, tuple[str, ...]] = {
    # A test module: modules that have none of their own, as they are tested with what calls them.
    "tests/beam_jobs/commands/test_cli.py": tuple(
        f"beam_jobs.commands.{name}" for name in ("flags", "summary", "progress_bar")
    ),
    "tests/jobs/test_chosen_emotions.py": ("beam_jobs.reports.run_notes",),
    "tests/beam_jobs/commands/test_metrics_file.py": (
        *("beam_jobs.items.counters", "beam_jobs.runs.job_outcome"),
    ),
    "tests/beam_jobs/joining/test_read_items.py": (
        *("beam_jobs.items.elements", "beam_jobs.items.ok_dead"),
    ),
    "tests/beam_jobs/reading/test_csv_files.py": ("beam_jobs.reading.column_names",),
    "tests/beam_jobs/reading/test_encodings_and_dumps.py": (
        *("beam_jobs.reading.compression", "beam_jobs.reading.text_format"),
    ),
    "tests/beam_jobs/reading/test_json_files.py": (
        *("beam_jobs.reading.json_values", "beam_jobs.reading.text_lines"),
    ),
    "tests/beam_jobs/reading/test_kept_fields.py": ("beam_jobs.reading.hidden_fields",),
    "tests/beam_jobs/reading/test_sources.py": tuple(
        f"beam_jobs.reading.{name}" for name in ("html_text", "key_paths", "pages", "record_layout")
    ),
    "tests/beam_jobs/reports/page/test_render.py": tuple(
        f"beam_jobs.reports.page.{name}"
        for name in (
            *("charts", "disagreement_section", "drawing", "facts", "group_section", "parts"),
            *("report", "sections", "time_charts", "time_section", "warnings_section"),
        )
    ),
    "tests/beam_jobs/reports/test_aggregate_files.py": ("beam_jobs.reports.run_reports",),
    "tests/beam_jobs/reports/test_request.py": (
        *("beam_jobs.commands.report_command", "beam_jobs.items.paths"),
        *("beam_jobs.reports.directory", "beam_jobs.reports.pipeline"),
    ),
    "tests/beam_jobs/reports/test_tables.py": ("beam_jobs.reports.groupings",),
    "tests/beam_jobs/runners/test_remote_job.py": (*("beam_jobs.commands.plan",),),
    "tests/beam_jobs/runs/test_only_new.py": ("beam_jobs.runs.earlier_letters",),
    "tests/beam_jobs/runs/test_manifest.py": ("beam_jobs.runs.json_records",),
    "tests/beam_jobs/runs/test_sorted_parquet.py": ("beam_jobs.runs.output_files",),
    "tests/beam_jobs/scoring/test_prepared_job.py": ("beam_jobs.runners.beam_flags",),
    "tests/beam_jobs/scoring/test_stages.py": ("beam_jobs.scoring.pipeline",),
    "tests/jobs/test_cloud_storage.py": (
        *("beam_jobs.runners.cloud_access", "beam_jobs.runners.cloud_worker", "model.storage"),
    ),
    "tests/jobs/test_faults.py": (
        *("beam_jobs.runners.worker_output", "beam_jobs.runners.worker_processes"),
    ),
    "tests/jobs/test_scoring_job.py": (
        *("beam_jobs.scoring.launch", "beam_jobs.scoring.request"),
        *("beam_jobs.scoring.scoring_result", "model.flag_checks"),
    ),
    "tests/jobs/test_killed_training.py": ("model.training.finished_part",),
    "tests/model/datasets/test_meld.py": ("model.datasets.broken_clips",),
    "tests/model/evaluation/test_calibrate.py": ("model.scoring.model_card",),
    "tests/model/importing/test_import_checkpoint.py": tuple(
        f"model.importing.{name}" for name in ("card", "joined_labels", "sequence_classifier")
    ),
    "tests/model/export/test_export.py": (
        *("model.commands.export_command", "model.export.quantisation"),
    ),
    "tests/model/network/test_roberta_backbone.py": (
        *("model.network.backend", "model.network.hugging_face"),
    ),
    "tests/model/paper/test_published.py": ("model.datasets.published_sizes",),
    "tests/beam_jobs/reading/test_clip_files.py": ("model.preprocessing.clip_file",),
    "tests/model/preprocessing/test_audio_decoder.py": (
        *("model.preprocessing.audio_container", "model.preprocessing.waveform"),
    ),
    "tests/model/scoring/test_artifact.py": ("model.scoring.saving",),
    "tests/model/scoring/test_openvino_engine.py": (
        *("model.network.emotion_classifier", "model.network.graph_names", "model.network.graphs"),
        *("model.scoring.conversion", "model.scoring.graph_files"),
    ),
    "tests/model/scoring/test_scorer.py": (
        *("model.preprocessing.emotion_preprocessor", "model.scoring.scores"),
    ),
    "tests/model/evaluation/test_multi_label_evaluation.py": ("model.evaluation.multi_label",),
    "tests/model/test_cli.py": ("model.errors", "model.flags"),
    "tests/model/commands/test_evaluate_command.py": (
        *("model.evaluation.evaluation_lines", "model.label_pairs"),
    ),
    "tests/model/training/test_multi_label_training.py": (
        *("model.training.best_threshold_f1", "model.training.calibrating"),
    ),
    "tests/model/training/test_train.py": ("model.training.training_data",),
    "tests/model/training/test_training_config.py": ("model.config", "model.nearest_name"),
    "tests/schemas/test_data_dictionary.py": (
        *("schemas.fields", "schemas.labels", "schemas.warnings"),
    ),
}


def has_code(path: Path) -> bool:
    """Says whether a module has functions of its own; what is data alone needs no test."""
    return any(isinstance(n, ast.FunctionDef) for n in ast.walk(ast.parse(path.read_text("utf-8"))))


def test_every_module_has_a_test_module_of_its_name_or_is_listed() -> None:
    with_code = {
        name
        for package in LAYERS
        for name, path in modules_of(package)
        if path.name != "__init__.py" and has_code(path)
    }
    own = {name for name in with_code if (ROOT / mirror_of(name)).is_file()}
    listed = [name for names in TESTED_IN.values() for name in names]
    assert sorted(listed) == sorted(with_code - own)
    assert [path for path in TESTED_IN if not (ROOT / path).is_file()] == []


def mirror_of(name: str) -> str:
    """Returns the test module of a module.

    >>> mirror_of("beam_jobs.runs.verify")
    'tests/beam_jobs/runs/test_verify.py'
    """
    room, _, module = name.rpartition(".")
    return f"tests/{room.replace('.', '/')}/test_{module}.py"
