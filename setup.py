"""Metadata of tfdeblur. Tool settings and the build backend stand in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "([^"]+)"', (HERE / "tfdeblur/__init__.py").read_text(), re.MULTILINE
).group(1)

# TFDS 4.9.10 imports importlib_resources when it builds a data set, and does not ask for it.
DATA = ["tensorflow-datasets~=4.9", "importlib_resources"]
DOCS = ["mkdocs-material>=9.7", "mkdocstrings[python]>=1.0"]
TEST = [
    "pytest>=8",
    "pytest-xdist>=3",
    "hypothesis>=6",
    "scipy>=1.11",
    "scikit-image>=0.24",
    "jax>=0.5",  # the networks are held against Keras on JAX and NumPy
    "dill",
    "psutil",  # memory of the service under abuse
    "pyyaml",  # the compose file of an export
    *("nbclient>=0.10", "nbformat>=5.10", "ipykernel>=6.29"),  # the notebooks of docs/
    *("setuptools>=65", "wheel"),  # a wheel is built and looked at
]
RAW = ["rawpy>=0.24"]
HEIF = ["pillow-heif>=0.22"]
ONNX = ["onnxruntime>=1.20", "onnx>=1.18"]  # runs files of others; checks them before that
DEV = ["ruff>=0.9", "mypy>=1.11"]
# Beam 2.77 wants protobuf < 7, pyarrow < 26 and pillow < 13: an environment of its own, with
# these three left out of requirements.lock.
# The `tfds` command imports mlcroissant as well, which TFDS does not ask for either.
BEAM = ["apache-beam>=2.77", "mlcroissant>=1.0.9"]

setup(
    name="tfdeblur",
    version=VERSION,
    description="Motion deblurring with TensorFlow and Keras: train, restore, measure.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["tfdeblur*", "tfds_builders*", "export*"]),
    package_data={
        "tfdeblur": ["py.typed", "weights/*/*", "weights/*/*/*", "evaluation/page/page.*"],
        "export": ["py.typed", "messages.binpb"],
        "tfds_builders": [
            *("*/README.md", "*/CITATIONS.bib", "*/TAGS.txt", "*/checksums.tsv"),
            "*/dummy_data/**/*",
        ],
    },
    install_requires=[
        "tensorflow~=2.21.0",
        "keras~=3.15.0",
        "numpy>=2.0",
        "opencv-python>=4.10",
        # photographs and videos with all that belongs to them
        "pillow>=11",
        "tifffile>=2025.1",
        "imagecodecs>=2025.3",
        "av>=18",
        "tensorboard~=2.21.0",
        # export: client and local service
        "tensorflow-serving-api~=2.21.0",
        "grpcio>=1.71",
        "grpcio-health-checking>=1.71",
        "grpcio-reflection>=1.71",
    ],
    extras_require={
        "data": DATA,
        "raw": RAW,
        "heif": HEIF,
        "onnx": ONNX,
        "docs": DOCS,
        "test": TEST + DATA + RAW + HEIF + ONNX + DOCS,
        "dev": DEV,
        "beam": BEAM + DATA,
    },
    entry_points={"console_scripts": ["tfdeblur = tfdeblur.cli.main:main"]},
    classifiers=[
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Image Processing",
    ],
)
