"""`.keras` files that `tfdeblur adopt` must refuse, and what it must say of each."""

import io
import json
import zipfile

import h5py
import keras
from keras import layers

from tests.adopt.bad.makers import add, file, row


def network(inner=None, inputs=1):
    """A residual network; `inner` is a layer in its middle."""
    given = [keras.Input((None, None, 3), name=f"image_{i}") for i in range(inputs)]
    features = layers.Conv2D(4, 3, padding="same", name="first")(given[0])
    features = inner(features) if inner else features
    change = layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros", name="last")(features)
    return keras.Model(given if inputs > 1 else given[0], layers.Add()([*given, change]))


def saved(folder, **options):
    path = folder / "a.keras"
    network(**options).save(path)
    return path


def altered(change=None, members=None, change_weights=None):
    """Maker of a file of which the description, the weights or the members are other ones."""

    def make(folder):
        path = saved(folder)
        with zipfile.ZipFile(path) as archive:
            held = {name: archive.read(name) for name in archive.namelist()}
        if change:
            held["config.json"] = change(held["config.json"].decode()).encode()
        if change_weights:
            weights = io.BytesIO(held["model.weights.h5"])
            with h5py.File(weights, "a") as opened:
                change_weights(opened)
            held["model.weights.h5"] = weights.getvalue()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in {**held, **(members or {})}.items():
                if data is not None:
                    archive.writestr(name, data)
        return path

    return make


def layer(**changes):
    """Maker of a file of which the first convolution is said to be something else."""

    def change(text):
        config = json.loads(text)
        found = config["config"]["layers"]
        next(one for one in found if one["name"] == "first").update(changes)
        return json.dumps(config)

    return altered(change)


def numbers(**changes):
    def change(text):
        config = json.loads(text)
        for one in config["config"]["layers"]:
            if one["name"] == "first":
                one["config"].update(changes)
        return json.dumps(config)

    return altered(change)


add("keras_text", "is no Keras file (.keras), or is cut", lambda f: file(f, b"<html>", "a.keras"))
add("keras_empty", "is no Keras file (.keras), or is cut", lambda f: file(f, b"", "a.keras"))
add("keras_no_config", "or is cut: There is no item named", altered(members={"config.json": None}))
add("keras_no_weights", "There is no item", altered(members={"model.weights.h5": None}))
add("keras_no_json", "in it is no JSON", altered(lambda text: text[:-9]))
add("keras_deep", "in it is no JSON", altered(lambda text: "[" * 200_000))
add("keras_list", "describes no network of Keras", altered(lambda text: "[]"))
add(
    "keras_assets",
    "it holds files of its own (assets/vocabulary.txt)",
    altered(members={"assets/vocabulary.txt": b"x"}),
)
add("keras_outside", "it holds files of its own (../x)", altered(members={"../x": b"x"}))


@row("or is cut")
def keras_cut(folder):
    path = saved(folder)
    path.write_bytes(path.read_bytes()[:-30])
    return path


@row("it unpacks to too many bytes")
def keras_bomb(folder):
    path = saved(folder)
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\x01\x02")  # of the last file in the directory at the end
    data[place + 24 : place + 28] = (4_000_000_000).to_bytes(4, "little")
    path.write_bytes(data)
    return path


# Programs, and classes of others.


@row("it holds a Lambda, which is a program")
def keras_lambda(folder):
    return saved(folder, inner=layers.Lambda(lambda x: x))


@keras.saving.register_keras_serializable("others")
class Own(layers.Layer):
    def call(self, inputs):
        return inputs


@row("it uses others>Own of ")
def keras_own_layer(folder):
    return saved(folder, inner=Own())


@row("it uses ")
def keras_own_function(folder):
    def own(x):
        return x

    return saved(folder, inner=layers.Activation(own))


add("keras_saved_model", "it holds a TFSMLayer", layer(class_name="TFSMLayer"))
add("keras_module", "it uses Popen of subprocess", layer(module="subprocess", class_name="Popen"))
add("keras_like_module", "of kerasx, which", layer(module="kerasx"))
add("keras_function", "it uses function of keras", layer(class_name="function"))
add("keras_unknown_layer", "describes no network of Keras", layer(class_name="NoSuchLayer"))

# Sizes.

add("keras_huge", "it describes weights of", numbers(kernel_size=[30_000, 30_000]))
add("keras_negative", "describes no network of Keras", numbers(filters=-4))
add("keras_other_weights", "cannot be loaded by Keras", numbers(kernel_size=[5, 5]))


def vast(weights):
    weights.create_dataset("vast", (2**20, 2**20), "f4", chunks=(1, 2**20))


def elsewhere(weights):
    weights.create_dataset("elsewhere", (2,), "f4", external=[("/etc/passwd", 0, 8)])


def linked(weights):
    weights["linked"] = h5py.ExternalLink("/etc/passwd", "/x")


add("keras_vast", "its weights claim", altered(change_weights=vast))
add("keras_external", "elsewhere lies in another file", altered(change_weights=elsewhere))
add("keras_link", "linked in its weights is a link", altered(change_weights=linked))
add("keras_no_h5", "model.weights.h5 in it", altered(members={"model.weights.h5": b"<html>"}))


@row("it must take one image. Received: 2 inputs")
def keras_two_inputs(folder):
    return saved(folder, inputs=2)


@row("as it is: `--model", 3)
def keras_of_ours(folder):
    from tfdeblur.networks import BiSkip

    BiSkip(width=0.25).save(folder / "a.keras")
    return folder / "a.keras"
