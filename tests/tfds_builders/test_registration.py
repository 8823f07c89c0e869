import subprocess
import sys

import tensorflow_datasets as tfds

import tfds_builders
from tests.tfds_builders.makers import BUILDERS


def test_importing_makes_the_data_sets_known_and_loads_no_tensorflow():
    code = (
        "import sys, tfds_builders\n"
        "from tensorflow_datasets.core import registered\n"
        "print('tensorflow' in sys.modules, "
        "*(name in registered._DATASET_REGISTRY for name in tfds_builders.BUILDERS))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=BUILDERS.parent
    )
    assert answer.stdout.split() == ["False", *["True"] * 4], answer.stderr


def test_every_builder_has_its_papers():
    for name in tfds_builders.BUILDERS:
        metadata = tfds.builder_cls(name).get_metadata()
        assert "licence" in metadata.description.lower() and metadata.tags
        for file in ("CITATIONS.bib", "checksums.tsv", "dummy_data", "__init__.py"):
            assert (BUILDERS / name / file).exists()
        assert tfds.builder_cls(name).url_infos is not None  # its checksums.tsv can be parsed
