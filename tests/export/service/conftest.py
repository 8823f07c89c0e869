"""One SavedModel for all tests of the service, and the server that the parity table is run on."""

import os

import pytest


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    from tests.export.service.makers import save

    return save(tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture(scope="module")
def real_server():
    """Address of a running tensorflow_model_server, or None for the local service."""
    return os.environ.get("TFDEBLUR_TFS_TARGET")


@pytest.fixture(scope="module")
def caller(model, real_server, tmp_path_factory):
    """Stubs of a server with versions 2 and 3 of `deblur`, label `stable` on 2."""
    from export import LocalService
    from tests.export.service.makers import Caller, add_version, write_config

    if real_server:
        print(f"parity table: real server at {real_server}")
        with Caller(real_server, os.environ.get("TFDEBLUR_TFS_MODEL", "deblur")) as caller:
            yield caller
        return
    print("parity table: local service")
    base = tmp_path_factory.mktemp("served") / "deblur"
    for number in (2, 3):
        add_version(model, base, number)
    config = write_config(base.parent, 'version_labels { key: "stable" value: 2 }')
    options = {"allow_version_labels_for_unavailable_models": True}
    with LocalService(config, file_system_poll_wait_seconds=0, **options) as service:
        with Caller(service.target) as caller:
            yield caller
