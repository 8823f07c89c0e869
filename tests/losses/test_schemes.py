import itertools

import pytest

from tfdeblur.errors import InvalidInput
from tfdeblur.losses import SCHEMES_TABLE_1, VARIANTS, parse_scheme

# Written out by hand from table 1: S, A, pixel, P, variant.
TABLE_1 = {
    "A2-S": (False, True, "l2", False, "S"),
    "A2-BS-cR": (False, True, "l2", False, "BS-cR"),
    "A2-BS-w/o-R": (False, True, "l2", False, "BS-w/o-R"),
    "A2-BS": (False, True, "l2", False, "BS"),
    "A2P-BS": (False, True, "l2", True, "BS"),
    "A1P-BS": (False, True, "l1", True, "BS"),
    "1-BS": (False, False, "l1", False, "BS"),
    "2-BS": (False, False, "l2", False, "BS"),
    "P-BS": (False, False, None, True, "BS"),
    "2P-BS": (False, False, "l2", True, "BS"),
    "AP-BS": (False, True, None, True, "BS"),
    "SA1P-BS": (True, True, "l1", True, "BS"),
}


@pytest.mark.parametrize(("name", "parts"), TABLE_1.items())
def test_the_twelve_names_of_table_1(name, parts):
    scheme = parse_scheme(name)
    assert scheme.name == name
    assert parts == (
        scheme.self_paced,
        scheme.adversarial,
        scheme.pixel,
        scheme.perceptual,
        scheme.variant,
    )


def test_table_1_is_whole():
    assert [row.name for row in SCHEMES_TABLE_1] == list(TABLE_1)
    best = max(SCHEMES_TABLE_1, key=lambda row: row.psnr)
    assert best == ("SA1P-BS", 29.82, 0.9330)
    assert min(SCHEMES_TABLE_1, key=lambda row: row.ssim).name == "P-BS"


def test_every_combination_parses_to_itself_or_is_refused_for_want_of_content():
    for s, a, pixel, p, variant in itertools.product(
        ("", "S"), ("", "A"), ("", "1", "2"), ("", "P"), VARIANTS
    ):
        name = f"{s}{a}{pixel}{p}-{variant}"
        if pixel or p:
            assert parse_scheme(name).name == name
            assert parse_scheme(name.lower()) == parse_scheme(name.upper()) == parse_scheme(name)
        else:
            with pytest.raises(InvalidInput, match="must name a content loss"):
                parse_scheme(name)


def test_spaces_around_and_parsed_schemes_are_accepted():
    scheme = parse_scheme(" a2-bs-CR\n")
    assert scheme.name == "A2-BS-cR"
    assert parse_scheme(scheme) is scheme


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("AS1P-BS", "Did you mean"),
        ("A1P", "Did you mean"),
        ("SA1P_BS", "Did you mean SA1P-BS?"),
        ("A2-BS-wo-R", "Did you mean A2-BS-w/o-R?"),
        ("A12-BS", "Did you mean"),
        ("A3-BS", "Did you mean"),
        ("", "Received: scheme=''"),
        (None, "Received: scheme=None"),
    ],
)
def test_a_wrong_name_is_explained(name, suggestion):
    with pytest.raises(InvalidInput) as caught:
        parse_scheme(name)
    text = str(caught.value)
    assert suggestion in text
    assert f"Received: scheme={name!r}" in text
    assert "S self-paced, A adversarial, 1 pixel L1 or 2 pixel L2, P perceptual" in text
    assert all(known in text for known in TABLE_1)
    assert isinstance(caught.value, ValueError)


def test_no_content_says_why_and_what_to_try():
    with pytest.raises(InvalidInput, match=r"nothing else ties.*scheme='SA-BS-cR'.*SA1-BS-cR"):
        parse_scheme("SA-BS-cR")


def test_content_loss_of_a_scheme():
    def features(image):
        return image

    loss = parse_scheme("SA1P-BS").content_loss(features, pixel_weight=3, feature_weight=2)
    assert (loss.pixel, loss.pixel_weight, loss.feature_weight) == ("l1", 3.0, 2.0)
    assert loss.uses_features
    assert parse_scheme("P-BS").content_loss(features).pixel is None
    # Features at hand do not sneak into a scheme without P.
    assert not parse_scheme("A2-BS").content_loss(features).uses_features
    with pytest.raises(InvalidInput, match=r"the P of AP-BS.*--vgg FILE.*such as 1-BS"):
        parse_scheme("AP-BS").content_loss()
