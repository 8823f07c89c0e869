"""Models of RP-GAN whose results can be computed by hand, and pairs that fit them."""

import json

import numpy as np
from PIL import Image

from tests.helpers import picture
from tfdeblur.image.flow_files import write_flow
from tfdeblur.operators import MotionBlur

FLOW = (5.0, 2.0)  # pixels, what the estimator says of every image


def levels(image):
    return np.round(np.clip(image, 0, 1) * 255).astype("uint8")


def constant_sen(flow=FLOW):
    """An estimator that says `flow` whatever it sees."""
    import keras

    image = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(2, 1)
    network = keras.Model(image, layer(image))
    layer.set_weights([np.zeros((1, 1, 3, 2)), np.array(flow)])
    return network


def mixing_generator(part=1.0):
    """A generator that returns `part` of the deconvolved image and the rest of the observed."""
    import keras

    images = keras.Input((None, None, 6))
    layer = keras.layers.Conv2D(3, 1, use_bias=False)
    network = keras.Model(images, layer(images))
    kernel = np.concatenate([part * np.eye(3), (1 - part) * np.eye(3)])
    layer.set_weights([kernel[None, None]])
    return network


def write_model(folder, part=1.0, flow=FLOW, betas=(0.05, 0.1)):
    """A folder as the training of RP-GAN writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    mixing_generator(part).save(folder / "generator.keras")
    constant_sen(flow).save(folder / "sen.keras")
    (folder / "pipeline.json").write_text(json.dumps({"betas": list(betas)}))
    return folder


def write_pairs(folder, count=2, flow=FLOW, height=24, width=32):
    """Pairs blurred by `flow`, as `tfdeblur data synthesize` writes them."""
    field = np.broadcast_to(np.float32(flow), (height, width, 2))
    for i in range(count):
        sharp = levels(picture(height, width, seed=i))
        blurred = MotionBlur(field).apply(sharp[None].astype("float32") / 255)[0].numpy()
        for role, image in (("blur", levels(blurred)), ("sharp", sharp)):
            (folder / role).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / role / f"photo-{i}.png")
        (folder / "flow").mkdir(exist_ok=True)
        write_flow(folder / "flow" / f"photo-{i}.npz", field)
    return folder
