"""What a run is trained and validated on, by its configuration."""

import pytest

from tests.training.makers import tiny, write_pairs
from tfdeblur.data.blur_source import BlurringSource
from tfdeblur.data.mixed_source import MixedSource
from tfdeblur.errors import DataError
from tfdeblur.training.sources import open_data

BLUR = {"data__blur_extent": 5, "data__blur_strength": "mild", "data__blur_law": "physical"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pairs in train and test, and photographs that are in neither."""
    folder = tmp_path_factory.mktemp("data")
    write_pairs(folder / "pairs" / "train", 3)
    write_pairs(folder / "pairs" / "test", 1, first=3)
    write_pairs(folder / "others", 2, first=4)
    return folder


def test_photographs_alone_are_not_validated(folder):
    data = open_data(tiny(folder / "others" / "sharp", data__blur="motion-flow", **BLUR))
    assert isinstance(data.train, BlurringSource) and data.validation is None
    blur = data.train.blur
    assert (blur.max_extent, blur.strength, blur.law) == (5, "mild", "physical")


@pytest.mark.parametrize("kind", ["", "motion-flow"])
def test_photographs_beside_pairs_leave_validation_as_it_is(folder, kind):
    photographs = str(folder / "others" / "sharp")
    settings = {"data__blur_photos": photographs, "data__blur_share": 0.25, "data__blur": kind}
    data = open_data(tiny(folder / "pairs", **settings, **BLUR))
    assert isinstance(data.train, MixedSource) and data.train.share == 0.25
    assert data.train.names == ["000", "001", "002"]
    assert data.validation.names == ["003"]


def test_photographs_that_are_validated_on_are_refused(folder):
    photographs = str(folder / "pairs" / "test" / "sharp")
    with pytest.raises(DataError, match="1 pairs are in training and in validation"):
        open_data(tiny(folder / "pairs", data__blur_photos=photographs, **BLUR))
