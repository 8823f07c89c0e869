"""`tfdeblur experiment`: the studies of both papers, one command each."""

from typing import Any

from tfdeblur.cli.common import above_zero, at_least_one
from tfdeblur.cli.experiment import run as experiment_run
from tfdeblur.cli.experiment.ablation import add_ablation
from tfdeblur.cli.experiment.arguments import add_experiment
from tfdeblur.cli.experiment.settings import (
    DeepPriorSettings,
    OracleSettings,
    PassesSettings,
    PenaltySettings,
)
from tfdeblur.cli.subcommands import add_subcommands

EPILOG = """\
examples:
  tfdeblur experiment levels --model runs/rpgan --data pairs/ --out levels/ --limit 10
  tfdeblur experiment global-iterations --model runs/rpgan --data GOPRO_Large --out it/ --size 512
  tfdeblur experiment oracle --model runs/rpgan --data synthetic/ --out oracle/
  tfdeblur experiment artifact-penalty --model runs/with --without runs/without \\
      --data pairs/ --out penalty/
  tfdeblur experiment confidence --model runs/rpgan --data pairs/ --out confidence/
  tfdeblur experiment ablation --data pairs/ --val held/ --out schemes/ \\
      --vary loss.scheme=1-BS,2-BS
  tfdeblur experiment deep-prior --data pairs/ --out prior/ --steps 300
  tfdeblur experiment oracle --help
"""


def add_parser(commands: Any) -> None:
    """Adds the arguments of `tfdeblur experiment` and of each experiment."""
    kinds = add_subcommands(
        commands,
        "experiment",
        short="repeat the studies of the papers, most with a trained RP-GAN",
        description="Repeat the studies of the papers: with a trained RP-GAN; deep-prior and "
        "ablation train what they compare.",
        epilog=EPILOG,
        metavar="EXPERIMENT",
        what="what to study:",
    )
    for add in (
        *(_add_levels, _add_global_iterations, _add_oracle, _add_penalty, _add_confidence),
        *(_add_deep_prior, add_ablation),
    ):
        add(kinds)


def _add_levels(kinds: Any) -> None:
    add_experiment(
        kinds,
        "levels",
        "PSNR and SSIM after each level of one run (table 4)",
        "One run with N levels: the image after each deconvolution and after each cleaning by the "
        "generator, beside the paper's table 4.",
        ["--limit 10", "--levels 3 --size 512"],
        make=experiment_run.levels,
        levels=5,
    )


def _add_global_iterations(kinds: Any) -> None:
    parser = add_experiment(
        kinds,
        "global-iterations",
        "the whole system once, twice, three times (tables 2 and 3)",
        "The result of a pass is what the next one estimates from and deconvolves. Quality, "
        "seconds and confidence after each, beside the paper's tables 2 and 3; nothing stops "
        "early. The first image of each size is restored once more, so that no seconds go into "
        "tracing.",
        ["--limit 10", "--passes 2 --size 512"],
        make=experiment_run.global_iterations,
        kind=PassesSettings,
    )
    parser.add_argument(
        "--passes", type=at_least_one, default=3, metavar="N", help="passes to run (default: 3)"
    )


def _add_oracle(kinds: Any) -> None:
    parser = add_experiment(
        kinds,
        "oracle",
        "the true flow against the estimated one, on synthetic pairs",
        "What the errors of the estimated flow cost: deconvolution alone, at several betas, and "
        "every level of the model, with the flow that blurred the image and with the estimate; "
        "and the errors of the estimate. The data is a folder with blur/, sharp/ and flow/, as "
        "`tfdeblur data synthesize` writes it, or a TFDS data set with flows (motion_flow).",
        ["--limit 20", "--beta 0.01 0.05 --size 256"],
        make=experiment_run.oracle,
        kind=OracleSettings,
        flows=True,
    )
    parser.add_argument(
        "--beta",
        type=above_zero,
        nargs="+",
        default=[0.01, 0.03, 0.1, 0.3],
        metavar="B",
        help="of deconvolution alone, one row each (default: 0.01 0.03 0.1 0.3)",
    )


def _add_penalty(kinds: Any) -> None:
    parser = add_experiment(
        kinds,
        "artifact-penalty",
        "a model trained with the artifact penalty, and one without (figure 10)",
        "Every level of two models, trained alike but for the artifact penalty, on the same "
        "images. Where one of the models is missing, the commands that train both are told, and "
        "nothing is done.",
        ["--without runs/without --limit 10"],
        make=experiment_run.artifact_penalty,
        kind=PenaltySettings,
        check=experiment_run.refuse_one_model_alone,
    )
    parser.add_argument(
        "--without", metavar="MODEL", help="the model that was trained without the penalty"
    )


def _add_confidence(kinds: Any) -> None:
    add_experiment(
        kinds,
        "confidence",
        "does the confidence tell where restoring gained?",
        "The confidence of each image, which needs no sharp one, beside the gain in PSNR, which "
        "does; Pearson's and Spearman's correlation over the images, and a picture with a dot for "
        "each (confidence-scatter.png).",
        ["--limit 30"],
        make=experiment_run.confidence,
    )


def _add_deep_prior(kinds: Any) -> None:
    parser = add_experiment(
        kinds,
        "deep-prior",
        "which architecture fits one image faster: Skip or Bi-Skip (no model needed)",
        "Trains one network of each variant, from random weights, until it turns a fixed noise, or "
        "the blurred image, into the sharp one: figures 2 and 4 of the Bi-Skip paper. PSNR after "
        "1000 and 2400 steps and at the end, and its curve over the steps (deep-prior-curves.png). "
        "The defaults take about half an hour of processor time.",
        ["--steps 300 --width 0.5", "--input blurred --variants S BS-w/o-R BS --size 64"],
        make=experiment_run.deep_prior,
        kind=DeepPriorSettings,
        has_model=False,
        limit=1,
        size=128,
    )
    group = parser.add_argument_group("fitting")
    group.add_argument(
        "--input",
        choices=("noise", "blurred"),
        default="noise",
        help="what the networks are fed with (default: noise)",
    )
    group.add_argument(
        "--variants",
        nargs="+",
        default=["S", "BS"],
        metavar="V",
        help="of Bi-Skip: S, BS, BS-cR, BS-w/o-R (default: S BS)",
    )
    group.add_argument(
        "--steps", type=at_least_one, default=2400, metavar="N", help="updates (default: 2400)"
    )
    group.add_argument(
        "--rate", type=above_zero, default=1e-3, metavar="R", help="of Adam (default: 0.001)"
    )
    group.add_argument(
        "--width", type=above_zero, default=1.0, metavar="F", help="factor on channels (default: 1)"
    )
    group.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of weights and noise (default: 0)"
    )
