"""Encoders that make their threads real-time ones leave ours as they were."""

import os

from tests.files.video.makers import identity, write_clip
from tfdeblur.files.video.restore import restore_video
from tfdeblur.files.video.scheduling import scheduling_kept
from tfdeblur.files.video.settings import VideoSettings


def policies():
    found = set()
    for task in os.listdir("/proc/self/task"):
        try:
            found.add(os.sched_getscheduler(int(task)))
        except ProcessLookupError:  # it has ended
            continue
    return found


def test_a_video_in_av1_leaves_them(tmp_path):
    # Where tests run as root, SVT-AV1 would make this thread and its own ones real-time.
    before, seen = policies(), []

    def watched(image, progress=None):
        seen.append(policies())
        return identity(image)

    source = write_clip(tmp_path / "in.mkv", codec="ffv1")
    restore_video(watched, source, tmp_path / "out.mp4", VideoSettings("av1"))
    assert (tmp_path / "out.mp4").stat().st_size > 0
    assert seen and set.union(*seen) == before == policies() == {os.SCHED_OTHER}


def test_a_policy_that_changes_meanwhile_is_put_back():
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    with scheduling_kept():
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        assert os.sched_getscheduler(0) == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
