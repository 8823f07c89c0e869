"""The sections of a configuration that are for SEN and RP-GAN alone."""

from dataclasses import dataclass

from tfdeblur.errors import InvalidInput


@dataclass(frozen=True)
class SENConfig:
    """The stacks of SEN and how they share the epochs (000, sections 3 and 6.1).

    Attributes:
        stacks: how many; the first trains alone, then each further one behind frozen ones.
        front: "strided" (appendix A) or "dilated" (the text).
        further_part: share of `run.epochs` that each further stack trains for, at least one
            epoch. The first has the others, by the schedule in `optimizer`.
        ended: epochs of the stacks that have learnt before the run was extended, which keep
            them; set by `--resume`. The next stack then has what the further ones leave.
        further_rate, further_final_factor: in `optimizer`'s place for further stacks: their
            highest rate, and the last as a share of it.
    """

    stacks: int = 2
    front: str = "strided"
    further_part: float = 1 / 7
    ended: tuple[int, ...] = ()
    further_rate: float = 1.25e-5
    further_final_factor: float = 1.0

    def epochs(self, total: int) -> tuple[int, ...]:
        """Epochs that each stack trains for; raises InvalidInput if there are too few."""
        further = max(1, round(self.further_part * total))
        learning = self.stacks - len(self.ended)
        first = total - sum(self.ended) - (learning - 1) * further
        if learning < 1 or first < 1 or min(self.ended, default=1) < 1:
            raise InvalidInput(
                f"`run.epochs` must be enough for {self.stacks} stacks, one after the other. "
                f"Received: run.epochs={total}, sen.further_part={self.further_part:g}"
            )
        return (*self.ended, first, *(learning - 1) * (further,))


@dataclass(frozen=True)
class RPGANConfig:
    """How RP-GAN's samples are deconvolved, and by whose flows (000, sections 4.2 and 6.2).

    Attributes:
        sen: run folder of SEN, or its `.keras` file; it stays as it is.
        prior: "rpgan" (the paper's generator) or "biskip" (Bi-Skip in its place).
        known_flows: share of the photographs blurred while training that are deconvolved with
            their true flow, between 0 and 1; all others with the flow that SEN estimates.
        betas: weight of the anchor in the deconvolution of each level.
        known_betas: the same for photographs that are deconvolved with their true flow, in
            training, and for a user's own flow later; it bears smaller ones. Empty: `betas`.
        tolerance, max_steps: where a deconvolution ends; see `solvers.deconvolve`.
        rasterizer: "gong2018" or "fspecial"; see `operators.MotionBlur`.
        first_part: share of `run.epochs` that train on level 1 (the paper: 40 of 190).
        first_ended: these epochs, where they were over before the run was extended; set by
            `--resume`. 0: `first_part` says.
        buffer: samples that are made at once of all levels, after that.
        buffer_passes: how often each is trained on before new ones are made.
        level_shares: share of the samples of each level, 1 and up; they sum to 1.
        fill_beside: whether level 1 of the next samples is made while training on these; good
            where a core is idle.
        joint: whether SEN learns with the generator, through the deconvolution (not in the
            paper, which names it as future work).
        sen_rate: learning rate of SEN, if it learns, as a share of the generator's.
        flow_weight: weight of SEN's own loss (`loss.flow`), if it learns, on the photographs whose
            flow is known; SEN's flow is then what these are deconvolved with too.
    """

    sen: str = ""
    prior: str = "rpgan"
    known_flows: float = 0.0
    betas: tuple[float, ...] = (0.2, 0.4, 0.8)
    known_betas: tuple[float, ...] = ()
    tolerance: float = 1e-3
    max_steps: int = 50
    rasterizer: str = "gong2018"
    first_part: float = 40 / 190
    first_ended: int = 0
    buffer: int = 1000
    buffer_passes: int = 3
    level_shares: tuple[float, ...] = (0.5, 0.3, 0.2)
    fill_beside: bool = False
    joint: bool = False
    sen_rate: float = 0.01
    flow_weight: float = 0.0

    def first_epochs(self, total: int) -> int:
        """Epochs on level 1: at least one, and at least one is left for the buffer."""
        return self.first_ended or min(max(1, round(self.first_part * total)), max(1, total - 1))
