"""What restoring a pair tells: the sharp picture beside its middle, gains that are too small."""

import json

import numpy as np
import pytest

from tests.data.test_check import average, scene, write
from tfdeblur.data.check.folder import check_folder, restore_pairs
from tfdeblur.data.check.restored import RestoredPair, judge_restored, measure_restored
from tfdeblur.errors import InvalidInput

STEP = 4  # pixels between two frames


def view(at, height=200, width=320):
    """A scene that moves to the left, `at` frames from the first one, which may be half ones."""
    whole = scene(height, width + 10 * STEP)
    left = round(at * STEP)
    return whole[:, left : left + width]


def blur(count):
    return average([view(i) for i in range(count)])


def upright(*images):
    return [np.ascontiguousarray(np.rot90(image)) for image in images]


def judge(*images):
    """Blurred, sharp, restored -> the pair, judged alone."""
    return judge_restored([measure_restored("pair", *images)])[0]


@pytest.mark.parametrize("turned", [list, lambda images: upright(*images)])
@pytest.mark.parametrize(("count", "sharp"), [(8, 4), (8, 3), (10, 5)])
def test_the_sharp_picture_beside_the_restored_middle(count, sharp, turned):
    found = judge(*turned([blur(count), view(sharp), view((count - 1) / 2)]))
    assert found.verdict == "off middle" and found.is_bad
    assert found.offset == pytest.approx(0.5 / count, abs=0.01)
    assert f"{found.offset:.1%} of the blur's length off" in found.reason


def test_a_restored_picture_that_is_the_sharp_one_but_for_noise():
    noise = np.random.default_rng(0).normal(0, 4, view(3).shape)
    restored = np.clip(view(3) + noise, 0, 255).astype("uint8")
    found = judge(blur(7), view(3), restored)
    assert (found.verdict, found.reason, found.is_bad) == ("", "", False)
    assert found.offset < 0.005
    psnr = [
        10 * np.log10(255**2 / np.mean((view(3).astype(float) - image) ** 2))
        for image in (blur(7), restored)
    ]
    assert found.before == pytest.approx(psnr[0], abs=1e-3)
    assert found.gain == pytest.approx(psnr[1] - psnr[0], abs=1e-3)


def test_what_is_restored_but_a_little_does_not_tell_where_the_middle_is():
    found = judge(blur(8), view(4), average([view(i) for i in range(1, 7)]))
    assert found.offset is None and not found.is_bad


def test_a_pair_that_loses():
    """Restored it is blurred more."""
    less, more = (average([view(i) for i in range(4 - n, 5 + n)]) for n in (1, 3))
    found = judge(less, view(4), more)
    assert found.verdict == "loses" and found.gain < 0
    assert f"restored it is {-found.gain:.1f} dB further from the sharp picture" in found.reason


def test_equal_pictures_have_no_gain_and_short_blurs_no_offset():
    assert judge(view(0), view(0), view(0)).gain is None
    found = judge(average([view(0), view(0.25)]), view(0), view(0))
    assert found.offset is None and found.verdict == ""


@pytest.mark.parametrize(
    ("kernels", "verdict"),
    [("middle", ""), ("undecided", "off middle"), ("off middle", "off middle"), ("sharp", "")],
)
def test_where_kernels_see_the_middle_the_network_is_not_asked(kernels, verdict):
    pair = RestoredPair("pair", 25.0, 5.0, 0.05, 0.005)
    assert judge_restored([pair], {"pair": kernels})[0].verdict == verdict


@pytest.mark.parametrize(("offset", "sure"), [(0.029, 0.001), (0.05, 0.021)])
def test_offsets_that_are_small_or_not_sure_are_none(offset, sure):
    assert not judge_restored([RestoredPair("pair", 25.0, 5.0, offset, sure)])[0].is_bad


def gaining(*gains):
    return [RestoredPair(f"{i}", 25.0, gain, None, None) for i, gain in enumerate(gains)]


def named(pairs, verdicts=None):
    return {pair.name: pair.verdict for pair in judge_restored(pairs, verdicts) if pair.is_bad}


LIKE_OTHERS = (7.0, 7.5, 8.0, 8.0, 8.5, 9.0, 9.5)  # with one that gains less: 8 - 3 x 1.4826 x 0.75


def test_gains_that_are_less_than_those_of_the_others():
    assert named(gaining(*LIKE_OTHERS, 4.6)) == {"7": "gains less"}
    assert named(gaining(*LIKE_OTHERS, 4.7)) == {}
    assert named(gaining(*LIKE_OTHERS, None, 4.6)) == {"8": "gains less"}
    reason = judge_restored(gaining(*LIKE_OTHERS, 2.0))[-1].reason
    assert "restoring gains +2.0 dB, where the others gain +8.0 dB in the median" in reason


def test_too_few_others_say_nothing():
    assert named(gaining(*LIKE_OTHERS[:6], 0.5)) == {}


def test_pairs_that_are_wrong_otherwise_are_no_measure_but_measured():
    wrong = (0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1)
    pairs = gaining(*LIKE_OTHERS, 4.6, *wrong)
    assert named(pairs) == {}  # half of them: what is usual is what is wrong
    known = {f"{i}": "off middle" for i in range(8, 15)}
    assert set(named(pairs, known)) == {"7", *known}


def test_what_is_alike_is_not_told_apart_by_hairs():
    assert named(gaining(*[8.0] * 8, 7.1)) == {}
    assert named(gaining(*[8.0] * 8, 6.9)) == {"8": "gains less"}


def test_pictures_without_blur_have_nothing_to_gain():
    pairs = gaining(*LIKE_OTHERS, 7.5, -2.0)
    assert named(pairs) == {"8": "loses"}
    assert named(pairs, {"8": "sharp"}) == {}


def test_the_pairs_of_a_folder(tmp_path):
    write(tmp_path, "even", blur(8), view(4))
    write(tmp_path, "odd", blur(7), view(3))
    write(tmp_path, "unusable", blur(5), view(2))
    middles = {blur(8).tobytes(): view(3.5), blur(7).tobytes(): view(3)}

    def restore(image):
        if image.tobytes() not in middles:
            raise InvalidInput("nothing came of it")
        return middles[image.tobytes()]

    found, done = check_folder(tmp_path), []
    restore_pairs(found, restore, lambda: done.append(1))
    assert len(done) == 3
    assert found.failures == {"unusable": "nothing came of it"}
    assert {name: pair.verdict for name, pair in found.restored.items()} == {
        "even": "off middle",
        "odd": "",
    }
    written = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [pair["name"] for pair in written["restored"]] == ["even", "odd"]
    assert written["restored"][0]["offset"] == pytest.approx(1 / 16, abs=0.01)


def test_what_is_finished_is_there_after_an_interruption(tmp_path):
    for name in ("a", "b"):
        write(tmp_path, name, blur(8), view(4))
    found, calls = check_folder(tmp_path), []

    def restore(image):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return view(3.5)

    with pytest.raises(KeyboardInterrupt):
        restore_pairs(found, restore)
    assert {name: pair.verdict for name, pair in found.restored.items()} == {"a": "off middle"}


def test_a_pair_is_bad_if_either_says_so(tmp_path):
    """Two frames are too short for kernels; restored, their pair loses."""
    write(tmp_path, "short", average([view(0), view(0.25)]), view(0))
    found = check_folder(tmp_path)
    assert found.is_good and not any(map(found.is_bad, found.pairs))
    restore_pairs(found, lambda image: blur(5))
    assert not found.is_good and found.is_bad(found.pairs[0])
    assert found.to_dict()["pairs"][0]["bad"] is True
