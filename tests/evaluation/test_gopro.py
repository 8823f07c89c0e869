"""Evaluation of pairs: values before and after, bad pairs named, timing without tracing."""

from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from tests.helpers import picture
from tfdeblur.data.pair_search import Pair
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.evaluation import gopro
from tfdeblur.evaluation.gopro import SourcePair, evaluate_pairs, find_evaluation_pairs
from tfdeblur.metrics import psnr_rgb_u8, ssim_gauss, ssim_matlab3d


@dataclass
class Answer:
    image: np.ndarray
    degenerate: bool = False


class Darken:
    """A restorer whose result is known: 0.6 times as bright. Remembers its calls."""

    def __init__(self, degenerate=False):
        self.calls, self.degenerate = [], degenerate

    def __call__(self, image):
        assert image.dtype == np.float32 and image.ndim == 3
        self.calls.append(image.shape)
        return Answer(image * np.float32(0.6), self.degenerate)  # never half a level


@dataclass
class InMemory:
    name: str
    blurred: object
    sharp: object


def levels(image):
    return np.round(np.clip(image, 0, 1) * 255).astype("uint8")


def write_pair(folder, name, blurred, sharp):
    paths = [folder / role / f"{name}.png" for role in ("blur", "sharp")]
    for path, image in zip(paths, (blurred, sharp), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(levels(image)).save(path)
    return Pair(name, *paths)


@pytest.fixture
def folder(tmp_path):
    for i in range(3):
        sharp = picture(20, 24, seed=i)
        write_pair(tmp_path / "test", f"frame{i}", np.roll(sharp, 1, axis=1), sharp)
    return tmp_path


def test_values_before_and_after(folder):
    pairs = find_evaluation_pairs(folder, "test")
    report = evaluate_pairs(Darken(), pairs, data="d", model="m", split="test")
    assert [score.name for score in report.images] == ["frame0", "frame1", "frame2"]
    assert report.is_complete and report.count == 3 and not report.failures
    for i, score in enumerate(report.images):
        sharp = levels(picture(20, 24, seed=i))
        blurred = np.roll(sharp, 1, axis=1)
        restored = levels(blurred / 255 * 0.6)
        for name, metric in gopro.METRICS.items():
            assert score.blurred[name] == pytest.approx(float(metric(sharp, blurred)[0]), rel=1e-6)
            assert score.restored[name] == pytest.approx(
                float(metric(sharp, restored)[0]), rel=1e-6
            )
        gain = psnr_rgb_u8(sharp, restored) - psnr_rgb_u8(sharp, blurred)
        assert score.gain_db == pytest.approx(float(gain[0]), rel=1e-4)
        assert (score.height, score.width, score.degenerate) == (20, 24, False)
    assert {psnr_rgb_u8, ssim_gauss, ssim_matlab3d} == set(gopro.METRICS.values())


def test_values_are_those_of_the_saved_file(folder):
    """What --panels writes, read back and measured, gives the very numbers of the report."""
    out = folder / "panels"
    report = evaluate_pairs(Darken(), find_evaluation_pairs(folder), panels=out)
    for score in report.images:
        strip = np.asarray(Image.open(out / f"{score.name}.png"))
        assert strip.shape == (20, 3 * 24, 3)
        blurred, restored, sharp = np.split(strip, 3, axis=1)
        for name, metric in gopro.METRICS.items():
            assert float(metric(sharp, restored)[0]) == score.restored[name]
            assert float(metric(sharp, blurred)[0]) == score.blurred[name]


def test_bad_pairs_are_named_and_the_rest_is_done(folder):
    pairs = list(find_evaluation_pairs(folder))
    pairs[1:1] = [
        InMemory("sizes", picture(20, 24), picture(20, 25)),
        InMemory("small", picture(8, 8), picture(8, 8)),
        InMemory("text", b"no image", picture(20, 24)),
        Pair("gone", folder / "no.png", folder / "no.png"),
    ]
    seen = []
    report = evaluate_pairs(
        Darken(), pairs, lambda r: seen.append((len(r.images), len(r.failures)))
    )
    assert [score.name for score in report.images] == ["frame0", "frame1", "frame2"]
    reasons = {bad.name: bad.reason for bad in report.failures}
    assert list(reasons) == ["sizes", "small", "text", "gone"]
    assert reasons["sizes"] == (
        "sizes: `blurred` and `sharp` must have the same size. "
        "Received: blurred 20x24, sharp 20x25 (height x width)"
    )
    assert "at least 11x11 pixels" in reasons["small"]
    assert "text" in reasons["text"] and "no.png" in reasons["gone"]
    assert seen == [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 4), (3, 4)]
    assert not report.is_complete and report.count == 7


def test_first_call_of_a_size_is_not_timed(folder):
    """The restorer is slow where it would trace: that time is reported apart."""
    now = [0.0]

    class Tracing(Darken):
        def __call__(self, image):
            now[0] += 1.0 if image.shape in self.calls else 100.0
            return super().__call__(image)

    pairs = list(find_evaluation_pairs(folder))
    pairs.append(InMemory("wide", picture(20, 30), picture(20, 30)))
    restorer = Tracing()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gopro.time, "perf_counter", lambda: now[0])
        report = evaluate_pairs(restorer, pairs)
    assert [score.seconds for score in report.images] == [1.0] * 4
    assert report.first_call_seconds == {"20x24": 100.0, "20x30": 100.0}
    assert len(restorer.calls) == 6


def test_sixteen_bits_reach_the_restorer():
    """A 16-bit file is restored from all its bits and measured as 8-bit levels."""
    deep = np.round(picture(16, 16) * 65535).astype("uint16")
    seen = []

    def keep(image):
        seen.append(image)
        return Answer(image)

    report = evaluate_pairs(keep, [InMemory("deep", deep, levels(deep / 65535))])
    np.testing.assert_allclose(seen[0], deep / 65535, atol=1e-7)
    assert np.isinf(report.images[0].restored["psnr_rgb_u8"]) and report.images[0].gain_db == 0


def test_degenerate_results_are_marked(folder):
    report = evaluate_pairs(Darken(degenerate=True), find_evaluation_pairs(folder, limit=1))
    assert report.images[0].degenerate
    assert "degenerate" in report.table().splitlines()[1]


def test_what_a_restorer_says_of_its_result_is_in_the_report(folder):
    """Confidence in a column and as a mean, remarks beside their image; neither where none is."""

    def sure(image):
        answer = Answer(image)
        answer.score = 0.25 if len(said) == 0 else 0.75
        answer.remark = "not converged" if len(said) > 0 else ""
        return answer

    said = []
    pairs = find_evaluation_pairs(folder, limit=2)
    report = evaluate_pairs(sure, pairs, lambda report: said.append(len(report.images)))
    assert [score.confidence for score in report.images] == [0.25, 0.75]
    assert report.mean_confidence == 0.5 and report.to_dict()["mean"]["confidence"] == 0.5
    assert report.to_dict()["images"][1]["remark"] == "not converged"
    lines = report.table().splitlines()
    assert lines[0].endswith("confidence") and lines[1].endswith(" 0.250")
    assert lines[2].endswith(" 0.750  not converged") and lines[-1].endswith(" 0.500")
    assert lines[-2] == "-" * len(lines[0])
    plain = evaluate_pairs(Darken(), pairs)
    assert plain.mean_confidence is None and "confidence" not in plain.table()
    assert "confidence" not in plain.to_dict()["mean"]


def test_interrupted_evaluation_keeps_its_finished_part(folder):
    kept = []

    class Interrupted(Darken):
        def __call__(self, image):
            if len(self.calls) == 3:
                raise KeyboardInterrupt
            return super().__call__(image)

    with pytest.raises(KeyboardInterrupt):
        evaluate_pairs(Interrupted(), find_evaluation_pairs(folder), kept.append)
    assert len(kept[-1].images) == 2 and not kept[-1].is_complete


def test_pairs_of_a_folder(folder):
    names = [pair.name for pair in find_evaluation_pairs(folder, only=["*1", "*2"], limit=1)]
    assert names == ["frame1"]
    with pytest.raises(InvalidInput, match=r"`limit` must be at least 1\. Received: limit=0"):
        find_evaluation_pairs(folder, limit=0)
    # A broken file does not stop the list: it costs its own score only.
    (folder / "test" / "blur" / "frame0.png").write_bytes(b"")
    report = evaluate_pairs(Darken(), find_evaluation_pairs(folder))
    assert [bad.name for bad in report.failures] == ["frame0"] and len(report.images) == 2


def test_pairs_of_a_source_are_decoded_one_at_a_time(monkeypatch):
    """A TFDS data set has no paths: pairs come from `load`, a broken one costs its own score."""
    loads = []

    class Source:
        names = ["a", "b", "c"]
        count = 3

        def load(self, index):
            loads.append(index)
            if index == 1:
                raise DataError("b is broken")
            image = levels(picture(16, 16, seed=index))
            return np.stack([image, image])

    monkeypatch.setattr(gopro, "open_source", lambda *args, **kwargs: Source())
    pairs = find_evaluation_pairs("some/name", "test")
    assert len(pairs) == 3 and isinstance(pairs[0], SourcePair) and loads == []
    report = evaluate_pairs(Darken(), pairs)
    assert loads == [0, 1, 2]
    assert [score.name for score in report.images] == ["a", "c"]
    assert [(bad.name, bad.reason) for bad in report.failures] == [("b", "b is broken")]
    assert len(find_evaluation_pairs("some/name", limit=2)) == 2


def test_panels_stay_below_their_folder(tmp_path):
    image = picture(4, 4)
    path = gopro.write_panel(tmp_path / "out", "../up/../x", image, image, image)
    assert path == tmp_path / "out" / "up" / "x.png" and path.is_file()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot be made"):
        evaluate_pairs(Darken(), [], panels=tmp_path / "file" / "below")


def test_patterns_are_of_folders_alone():
    """Not left out without a word where a data set has no files to name."""
    with pytest.raises(InvalidInput, match="`--pairs` needs a folder that exists"):
        find_evaluation_pairs("gopro_large/blur", patterns=("a/*.png", "b/*.png"))
