"""docs/howto/canary.md, step by step: pin, stage, canary, promote, roll back."""

import time

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from export import LocalService
from tests.docs.helpers import DOCS, blocks
from tests.export.service.makers import Caller, add_version, picture, refusal

STEPS = blocks((DOCS / "howto/canary.md").read_text("utf-8"), "text")
SOON = {
    "file_system_poll_wait_seconds": 0.05,
    "model_config_file_poll_wait_seconds": 0.05,
    "allow_version_labels_for_unavailable_models": True,
}


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def test_the_files_of_all_steps_parse():
    for step in STEPS:
        config = model_server_config_pb2.ModelServerConfig()
        text_format.Parse(step, config)
        (model,) = config.model_config_list.config
        held = set(model.model_version_policy.specific.versions)
        assert set(model.version_labels.values()) <= held


def test_the_steps(model, tmp_path):
    pinned, staged, canary, promoted = STEPS
    config = tmp_path / "models.config"
    config.write_text(pinned)
    add_version(model, tmp_path / "deblur", 1)
    with LocalService(config, **SOON) as service, Caller(service.target) as caller:

        def version(label):
            return caller.predict(label=label, image=picture()).model_spec.version.value

        assert version("stable") == 1
        add_version(model, tmp_path / "deblur", 2)
        time.sleep(0.3)
        assert list(caller.status()) == [1], "what is not in the policy is not loaded"

        config.write_text(staged)
        wait_for(lambda: caller.status().get(2) and caller.status()[2].state == 30)
        assert version("stable") == 1
        assert caller.predict(image=picture()).model_spec.version.value == 2, "as the page warns"
        assert refusal(caller.predict, label="canary", image=picture())[0] == 3

        config.write_text(canary)
        wait_for(lambda: refusal(caller.predict, label="canary", image=picture())[0] == 0)
        assert (version("canary"), version("stable")) == (2, 1)

        config.write_text(promoted)
        wait_for(lambda: version("stable") == 2)
        config.write_text(canary)
        wait_for(lambda: version("stable") == 1)
        assert {n: entry.state for n, entry in caller.status().items()} == {2: 30, 1: 30}
