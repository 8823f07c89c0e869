"""`curves.png` of a run: drawn from the history, one epoch is enough, earlier epochs stay."""

import keras
import numpy as np

from tfdeblur.image.codec import read_image
from tfdeblur.training.curves import Curves, Rate, read_curves, with_blurred

HISTORY = """epoch,content,learning_rate,loss,v,val_psnr,val_ssim
0,0.5,0.001,0.6,1.0,NA,NA
1,0.4,0.0005,0.5,0.75,24.5,0.8
"""


def test_columns_become_panels(tmp_path):
    (tmp_path / "history.csv").write_text(HISTORY)
    curves = read_curves(tmp_path / "history.csv")
    assert list(curves)[0] == "training: losses"
    assert curves["training: losses"] == {
        "content": [(1, 0.5), (2, 0.4)],
        "loss": [(1, 0.6), (2, 0.5)],
    }
    assert curves["validation: psnr, dB"] == {"val_psnr": [(2, 24.5)]}
    assert curves["v: weight of the samples, self-paced"] == {"v": [(1, 1.0), (2, 0.75)]}
    assert curves["learning rate"] == {"learning_rate": [(1, 0.001), (2, 0.0005)]}


def test_validation_has_the_blurred_images_beside_it(tmp_path):
    (tmp_path / "history.csv").write_text(HISTORY + "2,0.4,0.0005,0.5,0.75,25.5,0.9\n")
    curves = read_curves(tmp_path / "history.csv")
    assert with_blurred(dict(curves), tmp_path) == curves  # a run of before, or none
    (tmp_path / "run.json").write_text('{"data": {"blurred_psnr": 23.5, "blurred_ssim": null}}')
    found = with_blurred(curves, tmp_path)
    assert found["validation: psnr, dB"]["blurred"] == [(2, 23.5), (3, 23.5)]
    assert "blurred" not in found["validation: ssim"]
    Curves(tmp_path).on_epoch_end(2)
    assert (tmp_path / "curves.png").is_file()


def test_what_says_nothing_is_left_out_and_what_is_small_stands_alone(tmp_path):
    text = "epoch,content,loss,pixel,v\n0,0.6,0.6,0.006,1.0\n1,0.5,0.5,0.005,1.0\n"
    (tmp_path / "history.csv").write_text(text)
    assert read_curves(tmp_path / "history.csv") == {
        "training: losses": {"loss": [(1, 0.6), (2, 0.5)]},
        "training: pixel": {"pixel": [(1, 0.006), (2, 0.005)]},
    }


def test_a_loss_of_zero_is_a_point(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss\n0,0.0\n")
    assert read_curves(tmp_path / "history.csv") == {"training: losses": {"loss": [(1, 0.0)]}}


def test_the_picture_is_written_after_one_epoch_and_anew_after_each(tmp_path):
    one, two = HISTORY.splitlines()[:2], HISTORY.splitlines()
    curves = Curves(tmp_path)
    (tmp_path / "history.csv").write_text("\n".join(one))
    curves.on_epoch_end(0)
    first = read_image(tmp_path / "curves.png").rgb
    (tmp_path / "history.csv").write_text("\n".join(two))
    curves.on_epoch_end(1)
    second = read_image(tmp_path / "curves.png").rgb
    assert first.std() > 0 and not np.array_equal(first[: len(second)], second[: len(first)])
    assert [path.name for path in tmp_path.glob("*.part")] == []


def test_a_picture_that_cannot_be_written_does_not_end_the_run(tmp_path, caplog):
    (tmp_path / "history.csv").write_text(HISTORY)
    (tmp_path / "curves.png").mkdir()
    Curves(tmp_path).on_epoch_end(0)
    assert "curves.png cannot be written" in caplog.text


def test_the_rate_is_that_of_the_schedule():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 10, 0.0)
    model.compile(keras.optimizers.SGD(schedule), "mse")
    rate, logs = Rate(), {}
    rate.set_model(model)
    model.optimizer.iterations.assign(5)
    rate.on_epoch_end(0, logs)
    assert logs == {"learning_rate": 0.5}
