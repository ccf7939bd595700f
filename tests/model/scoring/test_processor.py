"""What the processor has."""

from pathlib import Path

import pytest

from model.scoring import engine


@pytest.mark.parametrize(
    ("content", "flags"),
    [
        (
            "processor: 0\nflags\t\t: fpu amx_bf16\n\nprocessor: 1\n",
            {"flags", ":", "fpu", "amx_bf16"},
        ),
        ("processor: 0\n", set()),
        (None, set()),
    ],
)
def test_flags_are_read_as_linux_tells_them(
    monkeypatch: pytest.MonkeyPatch, content: str | None, flags: set[str]
) -> None:
    def read_text(path: Path, encoding: str) -> str:
        if content is None:
            raise FileNotFoundError(path)
        return content

    monkeypatch.setattr(Path, "read_text", read_text)
    assert engine.cpu_flags() == flags


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("max 100000\n", 64),
        ("200000 100000\n", 2),
        ("150000 100000\n", 1),
        ("50000 100000\n", 1),
        ("9900000 100000\n", 64),
        ("nonsense", 64),
        (None, 64),
    ],
)
def test_a_container_may_have_fewer_cores_than_its_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str | None, expected: int
) -> None:
    monkeypatch.setattr(engine.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    if quota:
        (tmp_path / "cpu.max").write_text(quota)
    assert engine.available_cores(tmp_path / "cpu.max") == expected


def test_at_least_one_core_is_available() -> None:
    assert engine.available_cores() >= 1
