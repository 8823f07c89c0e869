"""`KnownFlow` as a function of arrays, and the flow that each job gets."""

from pathlib import Path

import numpy as np
import pytest

from tests.helpers import picture
from tfdeblur.errors import DataError, InvalidInput
from tfdeblur.files.plan import Job
from tfdeblur.files.plan_flows import with_flows
from tfdeblur.operators import MotionBlur
from tfdeblur.restorers.known_flow import KnownFlow
from tfdeblur.solvers import deconvolve

FLOW = np.broadcast_to(np.float32([5, -3]), (12, 16, 2))


@pytest.mark.parametrize("dtype", ["float32", "uint8", "uint16"])
def test_is_the_deconvolution_clipped_once_in_the_kind_of_the_image(dtype):
    top = 1 if dtype == "float32" else np.iinfo(dtype).max
    image = picture(12, 16) * top
    image = image if dtype == "float32" else np.round(image).astype(dtype)
    calls = []
    restored = KnownFlow(beta=0.05)(image, flow=FLOW, progress=lambda *done: calls.append(done))
    observed = (image / np.float32(top)).astype("float32")[None]
    wanted = deconvolve(MotionBlur(FLOW), observed, observed, 0.05)
    value = np.clip(wanted.value[0], 0, 1)
    assert restored.image.dtype == dtype and np.ptp(value) > 0.5
    np.testing.assert_allclose(restored.image / top, value, atol=1e-3 if top == 1 else 1.01 / top)
    assert (restored.steps, restored.converged) == (wanted.steps[0], True)
    assert restored.residual == pytest.approx(float(wanted.residual[0]), rel=0.1)
    assert calls == [(1, 1)] and not restored.degenerate and restored.remark == ""
    np.testing.assert_array_equal(restored.flow, FLOW)


def test_what_is_not_converged_says_what_to_do():
    image = picture(12, 16)
    short = KnownFlow(max_steps=1)(image, flow=FLOW)
    assert not short.converged and "after 1 steps" in short.remark
    assert "Give more steps, a larger tolerance or a larger beta" in short.remark


ROWS = {
    "batch": ({"image": picture(12, 16)[None]}, "`image` must have shape (height, width, 3)"),
    "0..255": ({"image": 255 * picture(12, 16)}, "`image` must be in [0, 1]"),
    "size": ({"flow": FLOW[:, :-1]}, "`flow` does not fit the image: that is 16x12 pixels"),
    "batch of flows": ({"flow": FLOW[None]}, "Received: shape=(1, 12, 16, 2)"),
    "nan": ({"flow": FLOW * np.nan}, "`flow` must be finite"),
    "long": ({"flow": FLOW * 1e5}, "`flow` holds a motion of 500000 pixels"),
    "lines": ({"rasterizer": "bresenham"}, "rasterizer='bresenham'"),
    "beta": ({"beta": 0.0}, "beta=0.0"),
    "steps": ({"max_steps": 0}, "max_steps=0"),
}


@pytest.mark.parametrize("changed, says", ROWS.values(), ids=list(ROWS))
def test_bad_arguments_are_named(changed, says):
    options = {"image": picture(12, 16), "flow": FLOW, **changed}
    call = {name: options.pop(name) for name in ("image", "flow")}
    with pytest.raises(InvalidInput) as error:
        KnownFlow(**options)(**call)
    assert says in str(error.value)


def test_flows_lie_below_their_folder_as_results_do(tmp_path):
    names = ["a.jpg", "sub/a.png", "b.png", "clip.mp4"]
    jobs = [Job(Path("in", name), Path("out", name)) for name in names]
    jobs.append(Job(Path("bad"), Path("out/bad"), error=InvalidInput("bad")))
    for name in ("a.npz", "sub/a.flo", "clip.npz"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = with_flows(jobs, tmp_path, "out")
    assert [job.flow for job in found[:2]] == [tmp_path / "a.npz", tmp_path / "sub/a.flo"]
    assert isinstance(found[2].error, DataError) and isinstance(found[3].error, InvalidInput)
    assert found[4] is jobs[4]
    one = with_flows(jobs[:3], tmp_path / "a.npz", "out")
    assert {job.flow for job in one} == {tmp_path / "a.npz"}
    with pytest.raises(DataError, match="known_flow='gone'"):
        with_flows(jobs, "gone", "out")
