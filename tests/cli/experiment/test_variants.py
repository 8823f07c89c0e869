"""`--vary`: which runs come of it, what they are called, and what is refused."""

import pytest

from tfdeblur.cli.experiment.ablation import base_of, chosen_by, in_common
from tfdeblur.cli.experiment.variants import variants_of
from tfdeblur.cli.main import build_parser
from tfdeblur.config import flatten, override
from tfdeblur.errors import InvalidInput
from tfdeblur.presets import preset
from tfdeblur.record import write_record


def differing(base, config):
    before, after = flatten(base), flatten(config)
    return {name: after[name] for name in after if after[name] != before[name]}


def test_all_combinations_differ_in_what_is_varied_and_nothing_else():
    base = preset("small")
    found = variants_of(base, ["loss.scheme=2-BS, A2-BS-w/o-R", "run.seed=1,2"])
    assert [(variant.name, variant.folder) for variant in found] == [
        ("2-BS, seed=1", "2-BS_seed=1"),
        ("2-BS, seed=2", "2-BS_seed=2"),
        ("A2-BS-w/o-R, seed=1", "A2-BS-w_o-R_seed=1"),
        ("A2-BS-w/o-R, seed=2", "A2-BS-w_o-R_seed=2"),
    ]
    assert differing(base, found[2].config) == {"loss.scheme": "A2-BS-w/o-R", "run.seed": 1}


def test_values_of_lists_are_separated_by_semicolons():
    base = preset("rpgan-small")
    found = variants_of(base, ["rpgan.betas=0.1,0.2,0.4;0.3,0.6,1.2"])
    assert [variant.config.rpgan.betas for variant in found] == [(0.1, 0.2, 0.4), (0.3, 0.6, 1.2)]
    assert found[0].name == "betas=0.1,0.2,0.4" and found[0].folder == "betas=0.1_0.2_0.4"
    weights = variants_of(base, ["loss.artifact_weight=0.01,0"])
    assert [variant.config.loss.artifact_weight for variant in weights] == [0.01, 0.0]


@pytest.mark.parametrize(
    ("vary", "says"),
    [
        ([], "must give at least two values"),
        (["loss.scheme=2-BS"], "must give at least two values"),
        (["loss.scheme"], "must be SECTION.KEY=VALUE"),
        (["loss.scheme="], "must be SECTION.KEY=VALUE"),
        (["loss.shceme=2-BS,1-BS"], "`--vary` takes a known setting.*Did you mean loss.scheme"),
        (["run.seed=0,one"], "`run.seed` must be of type int"),
        (["network.norm=batch,instance"], "`network.norm` must be one of"),
        (["run.seed=0,1", "run.seed=2,3"], "name a setting once. Received: run.seed"),
        (["run.seed=1,1"], "each value once. Received: seed=1 twice"),
        (["network.norm=none, none"], "each value once"),
        (["data.validation=a,b"], "leave the validation pairs alone"),
        (["data.validation_limit=1,2"], "leave the validation pairs alone"),
    ],
)
def test_what_is_refused(vary, says):
    with pytest.raises(InvalidInput, match=says):
        variants_of(preset("small"), vary)


def test_schemes_are_of_bi_skip():
    base = override(preset("rpgan-small"), {})
    with pytest.raises(InvalidInput, match="is for Bi-Skip.*Received: --model rpgan"):
        variants_of(base, ["loss.scheme=2-BS,1-BS"])


def test_precision_of_measuring_is_not_that_of_training():
    command = ["experiment", "ablation", "--data", "x", "--out", "y"]
    wanted = override(preset("small"), {"data.train": "x"})
    for options in ([], ["--precision", "bfloat16"]):
        assert base_of(build_parser().parse_args([*command, *options])) == wanted
    given = base_of(build_parser().parse_args([*command, "--set", "run.precision=float32"]))
    assert given == override(wanted, {"run.precision": "float32"}) != wanted


def test_what_is_varied_is_not_said_of_all_runs():
    base = override(preset("small"), {"data.train": "x", "run.epochs": 3})
    of_all = {"trained": "biskip", "epochs": 3, "pairs": "x"}
    assert in_common(variants_of(base, ["run.seed=0,1"])) == of_all
    assert in_common(variants_of(base, ["loss.scheme=2-BS,1-BS"])) == {**of_all, "seed": 0}


def test_runs_may_have_been_validated_on_other_pairs_than_they_are_measured_on(tmp_path):
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
        write_record(folder, {"data": {"validation_fingerprint": "1f"}})
    assert chosen_by(folders, "1f").endswith("the validation pairs, which it is measured on here")
    assert chosen_by(folders, "2e").endswith("which are not those it is measured on here")
