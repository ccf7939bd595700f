"""The mm-emor package: also what Beam's --setup_file ships to workers."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HOME = "https://github.com/mm-emor/mm-emor"
"""The repository, as users of a package index find it; the one place that names it."""

# Ranges, not pins: the pins, with hashes, are in requirements/. Beam and Keras are held below their
# next minor release: what we patch of them may move in it.
BEAM = ">=2.77,<2.78"
KERAS = "keras>=3.15,<3.16"
BASE = [
    "altair>=6.0,<7",
    f"apache-beam{BEAM}",
    "av>=15",
    "backports.zstd>=1.0,<2; python_version < '3.14'",
    "emoji>=2.14",
    "iso639-lang>=2.6,<3",
    "jinja2>=3.1",
    "numpy>=2.1",
    "openvino>=2026.4,<2027",
    "orjson>=3.10",
    "prometheus_client>=0.22,<1",
    "py3langid>=0.4,<0.5",
    "pyarrow>=20",
    "pydantic>=2.11,<3",
    "regex>=2024.11",
    "rich>=14",
    "safetensors>=0.6",
    "scipy>=1.15",
    "setuptools>=77",  # Beam's --setup_file packs this package with it
    "selectolax>=1.0,<2",
    "soundfile>=0.13",
    "soxr>=0.5",
    "tokenizers>=0.21",
    "typer>=0.29",
    "vl-convert-python>=1.8,<2",
]
TRAIN = [
    "huggingface_hub>=1.0",
    KERAS,
    "librosa>=0.11,<2",
    "matplotlib>=3.10",
    "pandas>=2.2",
    "scikit-learn>=1.6",
    "tensorboard>=2.20",
    "tensorflow>=2.21,<3",
    "transformers>=5.0,<6",
]
EXPORT = [*TRAIN, "nncf>=3.4,<4"]
GCP = [f"apache-beam[gcp]{BEAM}", "google-cloud-storage>=3.0"]
EXTRAS = {
    "train": TRAIN,
    "export": EXPORT,
    "gpu": [KERAS, "tensorflow[and-cuda]>=2.21,<3"],
    "gcp": GCP,
    "all": [*EXPORT, *GCP],
    "dev": [
        *EXPORT,
        *GCP,
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


def long_description() -> str:
    """Returns the README; its links lead to the repository, as an index has no files beside it."""

    def absolute(link: re.Match[str]) -> str:
        is_picture, words, target = link.groups()
        return f"{is_picture}[{words}]({HOME}/{'raw' if is_picture else 'blob'}/HEAD/{target})"

    readme = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    return re.sub(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)]+)\)", absolute, readme)


setup(
    name="mm-emor",
    version="0.2.0",
    description="Emotion labels and reports for social-media posts and audio clips, as a Beam job",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    author="The MM-EMOR authors",
    license="Apache-2.0",
    url=HOME,
    project_urls={
        "Changes": f"{HOME}/blob/HEAD/CHANGES.md",
        "Documentation": f"{HOME}/tree/HEAD/docs",
        "Issues": f"{HOME}/issues",
        "Paper": "https://doi.org/10.3390/bdcc7040164",
        "Source": HOME,
    },
    keywords="emotion recognition, speech emotion, social media, multimodal, apache beam",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Text Processing :: Linguistic",
        "Typing :: Typed",
    ],
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["beam_jobs*", "mm_emor*", "model*", "schemas*"]),
    include_package_data=False,
    package_data={
        "beam_jobs": ["sample_corpus/**/*", "py.typed"],
        "beam_jobs.reports.page": ["page.*"],
        "mm_emor": ["py.typed"],
        "model": ["default_model/*", "configs/*.toml", "py.typed"],
        "schemas": ["py.typed"],
    },
    install_requires=BASE,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["mm-emor = beam_jobs.commands.cli:main"]},
)
