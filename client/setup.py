"""Metadata of tfdeblur-client: the client of a deblurring service, without TensorFlow.

The same files as in tfdeblur, of which it is a part: install one or the other.
`pip install ./client` from a checkout, or `pip wheel --no-deps ./client`.
"""

import os
import re
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
os.chdir(HERE)
VERSION = re.search(
    r'^__version__ = "([^"]+)"', Path("../tfdeblur/__init__.py").read_text(), re.MULTILINE
).group(1)

MODULES = [
    *("tfdeblur.__init__", "tfdeblur.counter", "tfdeblur.errors", "tfdeblur.limits"),
    *("tfdeblur.text", "tfdeblur.whole"),
    *("tfdeblur.image.__init__", "tfdeblur.image.containers", "tfdeblur.image.exif"),
    *("tfdeblur.image.header", "tfdeblur.image.jpeg_beside"),
    *("tfdeblur.image.levels", "tfdeblur.image.tiling"),
    *("tfdeblur.restorers.__init__", "tfdeblur.restorers.calling", "tfdeblur.restorers.images"),
    *("tfdeblur.restorers.protocol", "tfdeblur.restorers.reading", "tfdeblur.restorers.showing"),
    *("export.__init__", "export.messages", "export.status", "export.wire"),
    *("export.client.__init__", "export.client.calls", "export.client.client"),
    *("export.client.errors", "export.client.facts", "export.client.payloads"),
    *("export.client.send", "export.client.tensors", "export.client.tiles"),
    "export.client.turns",
]

setup(
    name="tfdeblur-client",
    version=VERSION,
    description="Client of deblurring services: NumPy, gRPC and Protocol Buffers only.",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    package_dir={"": ".."},
    py_modules=MODULES,
    packages=["export", "tfdeblur"],
    package_data={"export": ["py.typed", "messages.binpb"], "tfdeblur": ["py.typed"]},
    install_requires=["numpy>=2.0", "grpcio>=1.71", "protobuf>=6.31"],
    extras_require={"png": ["pillow>=11"]},  # payload="bytes", and images of Pillow
)
