"""The mm-emor package: also what Beam's --setup_file ships to workers."""

from pathlib import Path

from setuptools import find_packages, setup

# Ranges, not pins: the pins, with hashes, are in requirements/.
RUNTIME = [
    "altair>=6.0,<7",
    "apache-beam>=2.77,<3",
    "av>=15",
    "emoji>=2.14",
    "huggingface_hub>=1.0",
    "jinja2>=3.1",
    "keras>=3.15,<4",
    "librosa>=0.11,<2",
    "matplotlib>=3.10",
    "numpy>=2.1",
    "onnxruntime>=1.20",
    "orjson>=3.10",
    "pandas>=2.2",
    "pyarrow>=20",
    "pydantic>=2.11,<3",
    "regex>=2024.11",
    "rich>=14",
    "safetensors>=0.6",
    "scikit-learn>=1.6",
    "scipy>=1.15",
    "selectolax>=1.0,<2",
    "soundfile>=0.13",
    "soxr>=0.5",
    "tensorboard>=2.20",
    "tensorflow>=2.21,<3",
    "tokenizers>=0.21",
    "transformers>=5.0,<6",
    "typer>=0.29",
    "vl-convert-python>=1.8,<2",
]
EXTRAS = {
    "gcp": ["apache-beam[gcp]>=2.77,<3", "google-cloud-storage>=3.0"],
    "gpu": ["tensorflow[and-cuda]>=2.21,<3"],
    "export": ["onnx>=1.19"],
    "dev": [
        "duckdb>=1.3",
        "gcp-storage-emulator>=2026.7",
        "hypothesis>=6.130",
        "mypy>=1.15",
        "polars>=1.30",
        "pytest>=8.3",
        "pytest-xdist>=3.6",
        "ruff>=0.11",
        "selenium>=4.30",
        "sqlglot>=30",
    ],
}

setup(
    name="mm-emor",
    version="0.1.0",
    description="Emotion labels and reports for a corpus of tweets and audio clips, as a Beam job",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["beam_jobs*", "model*", "schemas*"]),
    include_package_data=False,
    package_data={
        "beam_jobs": ["sample_corpus/**/*", "py.typed"],
        "beam_jobs.reports.page": ["page.*"],
        "model": ["default_model/*", "configs/*.toml", "py.typed"],
        "schemas": ["py.typed"],
    },
    install_requires=RUNTIME,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["mm-emor = beam_jobs.commands.cli:main"]},
)
