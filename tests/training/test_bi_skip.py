import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import picture, shared_data
from tests.training.makers import tiny
from tfdeblur.losses import SCHEMES_TABLE_1
from tfdeblur.training.build import build_trainer
from tfdeblur.training.optimizers import calls_of


def batch(size=32, count=2):
    sharp = np.stack([picture(size, size, seed=i) for i in range(count)])
    sharp += 0.1 * np.random.default_rng(0).random(sharp.shape, "float32")
    blurred = tf.nn.avg_pool2d(sharp, (1, 5), 1, "SAME").numpy()
    return tf.constant(blurred), tf.constant(sharp)


def trainer_of(**settings):
    trainer = build_trainer(tiny("unused", **settings), total_steps=100)
    trainer.run_eagerly = True
    return trainer


def content_of(trainer, data):
    blurred, sharp = data
    restored = trainer.generator(blurred, training=True)
    return float(tf.reduce_mean(trainer.content_loss.call(sharp, restored)))


@pytest.mark.parametrize("scheme", [row.name for row in SCHEMES_TABLE_1])
def test_every_scheme_of_table_1_lowers_its_loss(scheme):
    trainer = trainer_of(
        loss__scheme=scheme, loss__vgg="random:0", network__norm="batch", network__width=0.25
    )
    data = batch()
    before = content_of(trainer, data)
    kept = [keras.ops.convert_to_numpy(w) for w in trainer.weights]
    for _ in range(2):
        logs = trainer.train_step(data)
    assert content_of(trainer, data) < before
    assert all(np.isfinite(float(value)) for value in logs.values())
    assert ("critic" in logs) == scheme.lstrip("S").startswith("A")
    assert trainer.optimizer.iterations == 2
    if trainer.critic is not None:  # D : G = 2 : 1
        assert trainer.critic_optimizer.iterations == 4
    moved = [not np.array_equal(a, b) for a, b in zip(kept, trainer.weights, strict=True)]
    assert any(moved)


def test_gradients_of_both_players_are_accumulated():
    trainer = trainer_of(loss__scheme="SA1-S", loss__vgg="random:0", optimizer__accumulate=2)
    data = batch()
    drawn = []
    for moves in (False, True):
        before = trainer.generator.get_weights()
        trainer.train_step(data)
        after = trainer.generator.get_weights()
        moved = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
        assert any(moved) == moves
        drawn.append(np.asarray(trainer._draw_alpha(data[0], trainer.critic_optimizer)))
    assert calls_of(trainer.optimizer) == 2 and trainer.optimizer.iterations == 1
    assert calls_of(trainer.critic_optimizer) == 4 and trainer.critic_optimizer.iterations == 2
    assert not np.any(drawn[0] == drawn[1])


def test_perceptual_loss_with_the_real_features():
    weights = shared_data("vgg", "vgg19_block1_block3.npz")
    trainer = trainer_of(loss__scheme="1P-BS", loss__vgg=str(weights))
    data = batch()
    before = content_of(trainer, data)
    for _ in range(3):
        trainer.train_step(data)
    assert content_of(trainer, data) < before


def test_objective_is_the_papers():
    # One batch by hand: mean of v_i l_i, minus the mean critic score times its weight.
    trainer = trainer_of(
        loss__scheme="SA1-S",
        loss__adversarial_weight=0.5,
        loss__normalise_pace=False,
        optimizer__learning_rate=1e-12,
    )
    trainer.self_paced.lam.assign(40.0)
    blurred, sharp = data = batch()
    restored = trainer.generator(blurred, training=True)
    content = 100.0 * np.abs(restored - sharp).mean(axis=(1, 2, 3))
    exponent = 1.0 / (np.tan((1 - 1 / (2 * 4)) * np.pi / 2) - 1)  # t = 1, T = 3
    v = np.where(content < 40.0, (1 - np.minimum(content, 40.0) / 40.0) ** exponent, 0.0)
    assert (v > 0).all() and (v < 1).all()
    expected = np.mean(v * content - 0.5 * v * trainer.critic(restored).numpy())
    logs = trainer.train_step(data)
    assert float(logs["loss"]) == pytest.approx(expected, rel=1e-4)
    assert float(logs["content"]) == pytest.approx(content.mean(), rel=1e-5)
    assert float(trainer.self_paced.running_max) == pytest.approx(content.max(), rel=1e-5)


def test_samples_of_weight_zero_teach_nothing():
    trainer = trainer_of(loss__scheme="SA1-S", loss__critic_steps=1)
    trainer.self_paced.lam.assign(1e-6)  # every loss is above it
    before = [keras.ops.convert_to_numpy(w) for w in trainer.trainable_weights]
    trainer.train_step(batch())
    for a, b in zip(before, trainer.trainable_weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_penalty_pulls_the_critics_slope_to_one():
    trainer = trainer_of(loss__scheme="A1-S", optimizer__learning_rate=1e-3)
    data = batch()
    step = tf.function(lambda: trainer.train_step(data))
    first = float(step()["penalty"])
    for _ in range(30):
        trainer.reset_metrics()
        logs = step()
    assert float(logs["penalty"]) < 0.5 * first


def test_weight_as_input_plane_reaches_the_critic():
    trainer = trainer_of(loss__scheme="SA1-S", loss__critic_weight="input")
    image = tf.concat([batch()[1]], 0)
    low = trainer._scores(image, tf.constant([0.1, 0.1]))
    high = trainer._scores(image, tf.constant([0.9, 0.9]))
    assert np.abs(low - high).min() > 0
    trainer.train_step(batch())


def test_whole_frames_of_any_size_are_validated():
    trainer = trainer_of()
    sharp = picture(37, 50)[None]
    logs = trainer.test_step((tf.constant(sharp), tf.constant(sharp)))
    assert set(logs) == {"psnr", "ssim"}


def test_critic_and_its_optimizer_come_together():
    trainer = trainer_of(loss__scheme="A1-S")
    with pytest.raises(ValueError, match="`critic_optimizer` must be given exactly when"):
        trainer.compile(keras.optimizers.Adam(), content_loss=trainer.content_loss)


def test_bfloat16_trains_and_saves_a_plain_network(tmp_path):
    trainer = trainer_of(run__precision="mixed_bfloat16", loss__scheme="SA1-BS")
    data = batch()
    before = content_of(trainer, data)
    for _ in range(3):
        trainer.train_step(data)
    assert content_of(trainer, data) < before
    assert all(w.dtype == "float32" for w in trainer.generator.weights)
    trainer.generator.save(tmp_path / "generator.keras")
    plain = keras.saving.load_model(tmp_path / "generator.keras")
    assert plain.get_layer("down0_conv").compute_dtype == "float32"
    np.testing.assert_allclose(plain(data[0]), trainer.generator(data[0]), atol=0.02)


def test_mixing_points_are_uniform_and_follow_the_critics_updates():
    trainer = trainer_of(loss__scheme="A1-S")
    images = tf.zeros((1000, 1, 1, 3))
    first = trainer._draw_alpha(images, trainer.critic_optimizer).numpy()
    np.testing.assert_array_equal(trainer._draw_alpha(images, trainer.critic_optimizer), first)
    trainer.critic_optimizer.iterations.assign_add(1)
    assert not np.array_equal(trainer._draw_alpha(images, trainer.critic_optimizer), first)
    assert first.min() >= 0 and first.max() < 1
    # A normal draw, as some published code has it, would fail both lines.
    assert abs(first.mean() - 0.5) < 0.05
    assert abs(first.var() - 1 / 12) < 0.01
