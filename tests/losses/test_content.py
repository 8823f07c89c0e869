import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import noise, picture
from tfdeblur.errors import InvalidInput
from tfdeblur.losses import BiLevelContent, PerceptualLoss, PixelLoss
from tfdeblur.networks.features import VGGFeatures

# Two images of 2x2 pixels, one channel: differences 0, .1, .2, .5 and four times .3.
SHARP = np.array([[0.0, 0.1, 0.2, 0.5], [0.3, 0.3, 0.3, 0.3]], "float32").reshape(2, 2, 2, 1)
RESTORED = np.zeros((2, 2, 2, 1), "float32")
# (0 + .1 + .2 + .5) / 4 = .2 and .3
L1 = [0.2, 0.3]
# (0 + .01 + .04 + .25) / 4 = .075 and .09
L2 = [0.075, 0.09]


def double(image):
    """Features that a hand can compute: F(x) = 2 x, so (F(x) - F(y))^2 = 4 (x - y)^2."""
    return 2.0 * image


def small_vgg():
    return VGGFeatures(layer="block1_conv1", weights="random:0")


@pytest.mark.parametrize(
    ("loss", "values"),
    [
        (PixelLoss("l1"), L1),
        (PixelLoss("l2"), L2),
        # 10 lg(1 + 75,000) and 10 lg(1 + 90,000): short of 60 dB by that much.
        (PixelLoss("psnr"), [48.750671, 49.542473]),
        (PerceptualLoss(double), [0.3, 0.36]),
        (BiLevelContent("l1", double), [100 * 0.2 + 0.1 * 0.3, 100 * 0.3 + 0.1 * 0.36]),
        (BiLevelContent("l2", double, 10.0, 1.0), [0.75 + 0.3, 0.9 + 0.36]),
        (BiLevelContent(None, double), [0.03, 0.036]),
        (BiLevelContent("l1"), [20.0, 30.0]),
    ],
)
def test_values_by_hand_one_per_image(loss, values):
    result = loss.call(SHARP, RESTORED)
    assert result.shape == (2,)
    np.testing.assert_allclose(result, values, rtol=1e-6)
    # What compile() and fit() see: the mean over images, each times its weight.
    np.testing.assert_allclose(loss(SHARP, RESTORED), np.mean(values), rtol=1e-6)
    weighted = loss(SHARP, RESTORED, sample_weight=np.array([1.0, 0.0], "float32"))
    np.testing.assert_allclose(weighted, values[0] / 2, rtol=1e-6)


def test_terms_are_unweighted_and_add_up_to_the_loss():
    loss = BiLevelContent("l2", double)
    terms = loss.terms(SHARP, RESTORED)
    np.testing.assert_allclose(terms["pixel"], L2, rtol=1e-6)
    np.testing.assert_allclose(terms["features"], [0.3, 0.36], rtol=1e-6)
    np.testing.assert_array_equal(loss.combine(terms), loss.call(SHARP, RESTORED))
    assert set(BiLevelContent("l1").terms(SHARP, RESTORED)) == {"pixel"}
    assert set(BiLevelContent(None, double).terms(SHARP, RESTORED)) == {"features"}


def test_features_are_computed_once_per_image():
    calls = []

    def counted(image):
        calls.append(image.shape)
        return image

    BiLevelContent("l1", counted).call(SHARP, RESTORED)
    assert len(calls) == 2  # sharp, restored


@pytest.mark.parametrize("loss", [PixelLoss("l1"), BiLevelContent("l2", double)])
def test_float32_under_mixed_precision(loss):
    config, kind = loss.get_config(), type(loss)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        again = kind.from_config(
            {**config, **({"features": double} if "features" in config else {})}
        )
        result = again.call(tf.cast(SHARP, "bfloat16"), tf.cast(RESTORED, "bfloat16"))
        assert result.dtype == tf.float32
        # 0.001 between images near 1 is lost in bfloat16's 8 bits, not in float32's.
        near = np.full((1, 2, 2, 1), 0.999, "float32")
        assert again(np.ones_like(near), near) > 0
    finally:
        keras.config.set_dtype_policy("float32")


def test_gradient_goes_to_the_restored_image_only():
    loss = BiLevelContent(None, small_vgg())
    sharp, restored = tf.constant(picture(8, 8)[None]), tf.constant(picture(8, 8, seed=1)[None])
    with tf.GradientTape() as tape:
        tape.watch([sharp, restored])
        value = loss.call(sharp, restored)
    to_sharp, to_restored = tape.gradient(value, [sharp, restored])
    assert to_sharp is None or not np.any(to_sharp)
    assert np.abs(to_restored).max() > 0


def test_descending_the_gradient_lowers_each_term():
    for loss in (PixelLoss("l1"), PixelLoss("l2"), PerceptualLoss(small_vgg())):
        sharp, restored = tf.constant(noise(2, 6, 6, 3)), tf.Variable(noise(2, 6, 6, 3, seed=1))
        with tf.GradientTape() as tape:
            before = loss(sharp, restored)
        gradient = tape.gradient(before, restored)
        step = 1e-3 * before / tf.reduce_sum(gradient**2)
        restored.assign_sub(step * gradient)
        assert loss(sharp, restored) < before


def test_equal_images_cost_nothing_and_leave_no_nan_gradient():
    image = tf.constant(noise(1, 4, 4, 3))
    for loss in (PixelLoss("l1"), BiLevelContent("l1", small_vgg())):
        with tf.GradientTape() as tape:
            tape.watch(image)
            value = loss(tf.identity(image), image)
        assert value == 0
        assert np.all(np.isfinite(tape.gradient(value, image)))


@pytest.mark.parametrize(
    "loss",
    [
        PixelLoss("l2"),
        PerceptualLoss(small_vgg()),
        BiLevelContent("l2", small_vgg(), 7.0, 3.0),
        BiLevelContent("l1"),
    ],
)
def test_round_trip(loss):
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    sharp, restored = noise(2, 4, 4, 3), noise(2, 4, 4, 3, seed=1)
    np.testing.assert_array_equal(again.call(sharp, restored), loss.call(sharp, restored))


def test_a_trainer_that_holds_the_loss_does_not_save_the_vgg(tmp_path):
    class Trainer(keras.Model):
        def __init__(self, content):
            super().__init__()
            self.network = keras.layers.Dense(3)
            self.network.build((None, 1))
            self.content = content
            self.built = True

        def call(self, x):
            return self.network(x)

    def saved(content):
        trainer = Trainer(content)
        # fit() builds a compiled loss, which holds the loss a second time.
        trainer.compile(loss=content)
        trainer.train_on_batch(noise(1, 2, 2, 1), noise(1, 2, 2, 3))
        assert len(trainer.variables) == 2
        trainer.save_weights(tmp_path / "t.weights.h5")
        names = []
        with h5py.File(tmp_path / "t.weights.h5") as file:
            file.visit(names.append)
        return names

    with_features = saved(BiLevelContent("l1", small_vgg()))
    assert with_features == saved(BiLevelContent("l1"))
    assert with_features == saved(PerceptualLoss(small_vgg()))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PixelLoss("l3"), ["`norm`", "norm='l3'", '"l1"']),
        (lambda: BiLevelContent(None), ["`pixel` and `features`", "pixel=None"]),
        (lambda: BiLevelContent("L1"), ["`pixel`", "pixel='L1'"]),
        (lambda: BiLevelContent("l1", pixel_weight=-1), ["`pixel_weight`", "pixel_weight=-1"]),
        (
            lambda: BiLevelContent("l1", double, feature_weight=float("nan")),
            ["`feature_weight`", "feature_weight=nan"],
        ),
        (lambda: PerceptualLoss(3), ["`features`", "features=3"]),
    ],
)
def test_wrong_arguments_are_named(make, words):
    with pytest.raises(InvalidInput) as caught:
        make()
    assert all(word in str(caught.value) for word in words)
