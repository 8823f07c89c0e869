"""Exports that several files of tests look at: making one takes seconds."""

from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def bi_skip(tmp_path_factory):
    """A small Bi-Skip: its `restorer`, and the folder of its exported `version`."""
    from export import export_model
    from tests.export.helpers import MAX_PIXELS
    from tfdeblur.networks import BiSkip
    from tfdeblur.pipeline.restore import Restorer

    restorer = Restorer(BiSkip(width=0.06, norm="none"))
    version = export_model(restorer, tmp_path_factory.mktemp("root"), max_pixels=MAX_PIXELS)
    return SimpleNamespace(restorer=restorer, version=version)
