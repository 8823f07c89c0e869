"""Exports that several files of tests look at: making one takes seconds, of an RP-GAN tens."""

from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def bi_skip(tmp_path_factory):
    """A small Bi-Skip: its `restorer`, and the folder of its exported `version`."""
    from export import export_model
    from tests.export.helpers import MAX_PIXELS
    from tfdeblur.networks import BiSkip
    from tfdeblur.restorers.network import Restorer

    restorer = Restorer(BiSkip(width=0.06, norm="none"))
    version = export_model(restorer, tmp_path_factory.mktemp("root"), max_pixels=MAX_PIXELS)
    return SimpleNamespace(restorer=restorer, version=version)


@pytest.fixture(scope="session")
def blind(tmp_path_factory):
    """An RP-GAN with stand-ins for its networks: its `restorer`, and its exported `version`."""
    from export import export_model
    from tests.restorers.makers import LOCAL, SEN
    from tfdeblur.restorers.blind.one_pass import BlindSettings
    from tfdeblur.restorers.blind.restorer import BlindRestorer

    restorer = BlindRestorer(SEN, LOCAL, BlindSettings((0.05,)))
    root = tmp_path_factory.mktemp("blind")
    return SimpleNamespace(restorer=restorer, version=export_model(restorer, root, name="blind"))
