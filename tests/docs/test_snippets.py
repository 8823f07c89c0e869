"""Every block of Python in the README and in docs/ runs, page by page, on small files."""

import re

import numpy as np
import pytest
from PIL import Image

from tests.docs.helpers import PAGES, blocks, name_of
from tests.helpers import picture

WITH_CODE = [page for page in PAGES if blocks(page.read_text("utf-8"), "python")]
# Data sets of tens of gigabytes, whose builders have tests of their own; Apache Beam, with which
# tests/beam runs the page.
ONLY_COMPILED = {"docs/howto/own-data.md", "docs/howto/archives.md"}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A .keras file in the place of the default preset, which the notebooks run."""
    import keras

    path = tmp_path_factory.mktemp("tiny") / "tiny.keras"
    image, layer = keras.Input((None, None, 3)), keras.layers.Conv2D(3, 1)
    network = keras.Model(image, layer(image))
    layer.set_weights([0.75 * np.eye(3)[None, None], np.full(3, 0.125)])
    network.save(path)
    return path


@pytest.fixture(scope="module")
def from_preset(tiny):
    """`Restorer.from_preset`, for which the tiny network is the default."""
    import tfdeblur

    original = tfdeblur.Restorer.from_preset
    return lambda name=tiny, **options: original(name, **options)


@pytest.fixture(scope="module")
def target(tiny, tmp_path_factory):
    """A service under the name `deblur`, where pages say localhost:8500."""
    from export import LocalService, export_model

    root = tmp_path_factory.mktemp("served")
    export_model(str(tiny), str(root))
    with LocalService(str(root), port=0) as service:
        yield service.target


def test_pages_that_do_not_run_are_there():
    assert ONLY_COMPILED <= {name_of(page) for page in WITH_CODE}


@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_the_blocks_run(page, from_preset, tiny, target, tmp_path, monkeypatch):
    import tfdeblur
    from tests.evaluation.makers import write_model

    code = "\n".join(blocks(page.read_text("utf-8"), "python"))
    compile(code, str(page), "exec")
    if name_of(page) in ONLY_COMPILED:
        return
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tfdeblur.Restorer, "from_preset", from_preset)
    photo = np.round(255 * picture(48, 64)).astype("uint8")
    Image.fromarray(photo).save("photo.jpg")
    if "runs/rpgan" in code:
        write_model(tmp_path / "runs/rpgan")
    code = code.replace("localhost:8500", target)
    code = re.sub(r'export_model\("maxim"', f'export_model("{tiny}"', code)
    image = picture(24, 32)[None].astype("float32")
    names = {"photo": photo, "sharp": photo, "image": image}
    names["flow"] = np.full((1, 24, 32, 2), 3, "float32")
    exec(compile(code, str(page), "exec"), names)
    if "restored_u8 =" in code:
        wanted = 0.75 * np.asarray(Image.open("photo.jpg")) + 0.125 * 255
        off = np.abs(names["restored_u8"] - wanted)
        assert off.mean() <= 1 and off.max() <= 5  # TensorFlow's JPEG is not Pillow's
    if "photo_sharp.jpg" in code:
        with Image.open("photo_sharp.jpg") as saved:
            assert saved.size == (64, 48)
