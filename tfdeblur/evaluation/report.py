"""What an evaluation found: one score per image, their means, and how it was measured."""

import math
from dataclasses import dataclass
from typing import Any

from tfdeblur.evaluation.narrow import fitted
from tfdeblur.evaluation.report_base import MeasuredReport
from tfdeblur.evaluation.report_parts import (
    data_line,
    finite_mean,
    machine_line,
    mean,
    model_line,
)
from tfdeblur.text import hanging

# Name of a protocol -> what it says to a reader of the report.
PROTOCOLS = {
    "psnr_rgb_u8": "dB on 8-bit RGB (clipped, rounded), MSE over height, width, channels",
    "ssim_gauss": "per channel, Gaussian window 11, sigma 1.5, data range 255, valid region",
    "ssim_matlab3d": "height x width x RGB volume, Gaussian window 11, sigma 1.5, edges repeated",
}
_LEFT_OUT = (
    "SSIM of the restored images alone, as the terminal is narrow: --json has all, and so has this "
    "table where it goes to a file."
)
_DIGITS = {"psnr_rgb_u8": 2, "ssim_gauss": 4, "ssim_matlab3d": 4}


@dataclass(frozen=True)
class ImageScore:
    """One image: each protocol's value before and after.

    Attributes:
        name: of the pair.
        height, width: pixels.
        blurred, restored: protocol name -> value (`PROTOCOLS`) against the sharp image.
        seconds: of the restorer's call for this image, tracing not included.
        degenerate: True if the restorer fell back to its input.
        confidence: what the restorer says of the whole image, in [0, 1]; None if it says nothing.
        remark: what else it says, such as a solve that did not converge; "" otherwise.
        passes: how many passes are in the result, where the restorer says so.
    """

    name: str
    height: int
    width: int
    blurred: dict[str, float]
    restored: dict[str, float]
    seconds: float
    degenerate: bool = False
    confidence: float | None = None
    remark: str = ""
    passes: int | None = None

    @property
    def gain_db(self) -> float:
        """PSNR gained, dB; 0 where both are the same, infinite values included."""
        return gain(self.blurred["psnr_rgb_u8"], self.restored["psnr_rgb_u8"])


class EvaluationReport(MeasuredReport[ImageScore]):
    """Scores of restored images, before and after."""

    protocols = PROTOCOLS

    def mean(self, protocol: str) -> tuple[float, float]:
        """Means over images of a protocol's values: `(blurred, restored)`; NaN without images.

        Infinite values are left out: `exact` counts them.
        """
        return (
            finite_mean(score.blurred[protocol] for score in self.images),
            finite_mean(score.restored[protocol] for score in self.images),
        )

    @property
    def exact(self) -> dict[str, int]:
        """How many "blurred" and "restored" images equal their sharp ones in all 8-bit levels."""
        return {
            "blurred": sum(math.isinf(score.blurred["psnr_rgb_u8"]) for score in self.images),
            "restored": sum(math.isinf(score.restored["psnr_rgb_u8"]) for score in self.images),
        }

    @property
    def mean_gain_db(self) -> float:
        """Mean over images of the PSNR gained, dB; infinite gains are left out."""
        return finite_mean(score.gain_db for score in self.images)

    @property
    def mean_confidence(self) -> float | None:
        """Mean over images of the confidence; None if there is none."""
        values = [score.confidence for score in self.images if score.confidence is not None]
        return mean(values) if values else None

    def _means(self) -> dict[str, Any]:
        return {
            **{name: _before_after(*self.mean(name)) for name in PROTOCOLS},
            "exact": self.exact,
            "gain_db": json_number(self.mean_gain_db),
            "seconds": json_number(self.mean_seconds),
            **_confidence(self.mean_confidence),
        }

    def _image(self, score: ImageScore) -> dict[str, Any]:
        before_after = {
            name: _before_after(score.blurred[name], score.restored[name]) for name in PROTOCOLS
        }
        return {
            "name": score.name,
            "height": score.height,
            "width": score.width,
            **before_after,
            "gain_db": json_number(score.gain_db),
            "seconds": json_number(score.seconds),
            "degenerate": score.degenerate,
            **_confidence(score.confidence),
            **({} if score.passes is None else {"passes": score.passes}),
            "remark": score.remark,
        }

    def table(self, columns: int | None = None) -> str:
        """One row per image and one of means, "blurred -> restored", fixed width, for people.

        Args:
            columns: of the terminal; what does not fit is left out: the blurred images' SSIM, then
                columns. None: all is shown.
        """
        whole = self._whole_table()
        if columns is None or max(map(len, whole.splitlines())) < columns:
            return whole
        return self._narrow_table(columns)

    def _narrow_table(self, columns: int) -> str:
        heads = ["image", "psnr_rgb_u8, dB  (gain)", "ssim_gauss", "ssim_matlab3d", "seconds"]
        sure = self.mean_confidence is not None
        heads += ["confidence"] if sure else []
        rows = []
        for score in self.images:
            cells = _narrow(score.name, score.blurred, score.restored, score.gain_db, score.seconds)
            rows.append(cells + ([_sure(score.confidence, sure).strip()] if sure else []))
        if self.images:
            blurred, restored = ({k: self.mean(k)[i] for k in PROTOCOLS} for i in (0, 1))
            cells = _narrow("mean", blurred, restored, self.mean_gain_db, self.mean_seconds)
            rows.append(cells + ([_sure(self.mean_confidence, sure).strip()] if sure else []))
        head, *lines = fitted(heads, rows, columns, ("ssim_matlab3d", "seconds", "ssim_gauss"))
        below = [head]
        for line, score in zip(lines, self.images, strict=False):
            below += [line, *([hanging("  ", _remark(score), columns)] if _remark(score) else [])]
        if self.images:
            below += ["-" * max(map(len, (head, *lines))), lines[-1]]
            below.append(hanging("", _LEFT_OUT, columns))
        return "\n".join(below)

    def _whole_table(self) -> str:
        width = max([len(score.name) for score in self.images] + [len("image"), len("mean")])
        heads = ["psnr_rgb_u8, dB  (gain)", "ssim_gauss", "ssim_matlab3d"]
        lines = [f"{'image':<{width}}  {heads[0]:<26}  {heads[1]:<16}  {heads[2]:<16}  seconds"]
        sure = self.mean_confidence is not None
        lines[0] += "  confidence" if sure else ""
        for score in self.images:
            pairs = {name: (score.blurred[name], score.restored[name]) for name in PROTOCOLS}
            remark = _remark(score)
            row = _row(score.name, width, pairs, score.gain_db, score.seconds)
            row += _sure(score.confidence, sure) + (f"  {remark}" if remark else "")
            lines.append(row)
        if self.images:
            lines.append("-" * len(lines[0]))
            means = {name: self.mean(name) for name in PROTOCOLS}
            row = _row("mean", width, means, self.mean_gain_db, self.mean_seconds)
            lines.append(row + _sure(self.mean_confidence, sure))
        return "\n".join(lines)

    def summary(self, columns: int | None = None) -> str:
        """Data set, split, count, model and machine: what a reader must know about the table.

        Args:
            columns: of the terminal, to wrap at; None: nothing is wrapped.
        """
        facts = {
            "data": data_line(self.data, self.split, len(self.images), self.count),
            "model": model_line(self.model, self.settings),
            **PROTOCOLS,
            "seconds": "wall time of one call per image, first call of each size not counted",
            "machine": machine_line(self.machine),
        }
        if any(self.exact.values()):
            facts["exact"] = (
                f"{self.exact['blurred']} blurred and {self.exact['restored']} restored images "
                "equal their sharp ones: infinite values are left out of the means"
            )
        if self.mean_confidence is not None:
            facts["confidence"] = (
                "0 to 1: how well re-blurring the result explains the input; of several passes, "
                "the first"
            )
        return "\n".join(hanging(f"{name:<15}", text, columns) for name, text in facts.items())


def gain(before: float, after: float) -> float:
    """`after - before`, and 0 where both are equal: inf - inf would be NaN."""
    return 0.0 if before == after else after - before


def _confidence(value: float | None) -> dict[str, float | str]:
    return {} if value is None else {"confidence": json_number(value)}


def _before_after(blurred: float, restored: float) -> dict[str, float | str]:
    return {"blurred": json_number(blurred), "restored": json_number(restored)}


def json_number(value: float) -> float | str:
    """`value`, or "inf", "-inf", "nan"."""
    # Bare Infinity and NaN are not JSON: strict readers would refuse the whole file.
    return float(value) if math.isfinite(value) else str(float(value))


def _row(
    name: str,
    width: int,
    pairs: dict[str, tuple[float, float]],
    gain_db: float,
    seconds: float,
) -> str:
    psnr, gauss, matlab = (_show(*pairs[protocol], _DIGITS[protocol]) for protocol in PROTOCOLS)
    return f"{name:<{width}}  {psnr} ({gain_db:+6.2f})   {gauss}  {matlab}  {seconds:7.3f}"


def _narrow(
    name: str,
    blurred: dict[str, float],
    restored: dict[str, float],
    gain_db: float,
    seconds: float,
) -> list[str]:
    """Cells of a row that shows SSIM of the restored image alone, with fewer digits."""
    before, after = blurred["psnr_rgb_u8"], restored["psnr_rgb_u8"]
    psnr = f"{before:.2f} -> {after:.2f} ({gain_db:+6.2f})"
    likeness = [f"{restored[key]:.3f}" for key in ("ssim_gauss", "ssim_matlab3d")]
    return [name, psnr, *likeness, f"{seconds:.3f}"]


def _remark(score: ImageScore) -> str:
    return score.remark or ("degenerate: the blurred image was kept" if score.degenerate else "")


def _sure(confidence: float | None, shown: bool) -> str:
    """The column of the confidence, which is there if any image has one."""
    if not shown:
        return ""
    return " " * 12 if confidence is None else f"  {confidence:10.3f}"


def _show(before: float, after: float, digits: int) -> str:
    return f"{before:6.{digits}f} -> {after:6.{digits}f}"
