"""Networks refuse arguments that they do not have, which Keras would pass over."""

import keras
import pytest

from tfdeblur import networks

TINY = {
    "ArtifactCritic": {"width": 0.05},
    "BiSkip": {"width": 0.05, "variant": "S"},
    "Critic": {"width": 0.05},
    "Discriminator": {"width": 0.05},
    "Maxim": {"features": 4},
    "RPGANGenerator": {"width": 0.05},
    "SEN": {"width": 0.02, "stacks": 1},
}
CLASSES = [name for name in networks.__all__ if name != "VGGFeatures"]  # has no further arguments


@pytest.mark.parametrize("name", CLASSES)
def test_unknown_arguments_are_named(name):
    kind = getattr(networks, name)
    with pytest.raises(TypeError, match=f"{name} has no argument 'pads'. There are: .*name, train"):
        kind(pads=1)
    with pytest.raises(TypeError, match="Did you mean (width|features)?"):
        kind(**({"featuers": 2} if name == "Maxim" else {"widht": 0.1}))
    with pytest.raises(TypeError, match=r"set_dtype_policy .* Received: dtype='float16'"):
        kind(dtype="float16")


@pytest.mark.parametrize("name", CLASSES)
def test_what_keras_gives_every_model_is_taken(name):
    network = getattr(networks, name)(**TINY[name], name="mine", trainable=False)
    assert (network.name, network.trainable, network.trainable_weights) == ("mine", False, [])
    again = type(network).from_config(network.get_config())
    assert again.count_params() == network.count_params()


def test_keras_still_passes_over_them():
    """Once it does not, `check_options` may go."""
    image = keras.Input((4,))
    keras.Model(image, keras.layers.Dense(2)(image), widht=1)
