"""A small preset as files, shared by the tests of one module."""

import shutil

import pytest

from tests.models.makers import CARD, network


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    from tfdeblur.models.preset_files import save_preset

    folder = tmp_path_factory.mktemp("presets") / "tiny"
    assert save_preset(network(), folder, CARD) == folder
    return folder


@pytest.fixture
def preset(made, tmp_path):
    """A copy that may be broken."""
    return shutil.copytree(made, tmp_path / "tiny")
