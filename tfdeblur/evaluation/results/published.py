"""What papers report, by the protocol that their columns belong to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

# The papers say "SSIM". That of this name is what the evaluation code of most GOPRO tables
# computes; the complex-wavelet one is probable for DeblurGAN's 0.958.
_GOPRO, _CW = ("psnr_rgb_u8", "ssim_matlab3d"), ("psnr_rgb_u8", "cw_ssim")
_KOHLER = ("kohler_psnr", "kohler_msssim")
RP_GAN = "the motion-flow paper (SEN + RP-GAN)"
BI_SKIP = "the Bi-Skip paper"


class Fit(Enum):
    """Where published numbers stand: in the table of what was measured, or in one of their own."""

    BESIDE = "beside"
    APART = "apart"
    NOT = "not"


@dataclass(frozen=True)
class Published:
    """One method in one table of a paper.

    Attributes:
        method: its name there.
        source: paper and table.
        values: protocol name -> value, as printed: more digits would be made up.
        seconds: for an image, as printed, on the paper's machine; "" where it is not said.
    """

    method: str
    source: str
    values: dict[str, str]
    seconds: str = ""


@dataclass(frozen=True)
class Column:
    """Published numbers of one data set.

    Attributes:
        protocols: names of protocols whose tables they stand in.
        data: which images they are of.
        images: how many.
        named: pattern of the names of the data set.
        names: pattern of the names of its images; "" where they say nothing.
        rows: the methods.
        remark: what a reader must know.
    """

    protocols: tuple[str, ...]
    data: str
    images: int | None
    named: str
    names: str
    rows: tuple[Published, ...]
    remark: str

    def fits(self, protocol: str, data: str, images: Sequence[str]) -> Fit:
        """How a table belongs to this data set, by its name and those of most of its images."""
        if protocol not in self.protocols:
            return Fit.NOT
        most = 2 * sum(bool(re.search(self.names, name)) for name in images) > len(images)
        told = bool(re.search(self.named, data)), most and bool(self.names)
        if not any(told):
            return Fit.NOT
        # Images of the data set among somebody's own pairs, or others under its name: what was
        # published is of interest there, but is no row of that table.
        return Fit.BESIDE if told[0] and most else Fit.APART


def _rows(source: str, names: tuple[str, str], *rows: tuple) -> tuple[Published, ...]:
    return tuple(
        Published(method, source, dict(zip(names, (psnr, ssim), strict=True)), *seconds)
        for method, psnr, ssim, *seconds in rows
    )


_SSIM = (
    "Where a paper says SSIM and not which, its number stands under ssim_matlab3d, as most "
    "published GOPRO columns are that, and Kupyn's under cw_ssim, which is probable: read these "
    "as likely, not as known."
)
COLUMNS = (
    Column(
        ("gopro",),
        "GOPRO, the whole test set",
        1111,
        # Cameras of that maker name photographs GOPR0001, too; frames of its videos are named so
        # in this data set alone.
        *(r"(?i)gopro", r"(?i)GOPR\d{4}_\d\d_\d\d"),
        (
            *_rows(
                f"{RP_GAN}, table 2",
                _GOPRO,
                ("Sun", "24.64", "0.8429", "20 min"),
                ("Nah", "29.08", "0.9135", "3.09"),
                ("Tao", "30.10", "0.9323", "1.6"),
                ("RP-GAN, iteration 1", "30.03", "0.9352", "17"),
                ("RP-GAN, iteration 2", "30.96", "0.9487", "32"),
                ("RP-GAN, iteration 3", "31.25", "0.9518", "47"),
            ),
            *_rows(f"{BI_SKIP}, table 2", _CW, ("Kupyn", "28.7", "0.958", "0.85")),
            *_rows(
                f"{BI_SKIP}, table 2",
                _GOPRO,
                ("Tao", "30.26", "0.9342", "1.87"),
                ("Bi-Skip", "30.37", "0.9541", "0.76"),
            ),
            Published(
                "MAXIM, all three stages",
                "Tu et al., CVPR 2022, arXiv:2201.02973",
                {"psnr_rgb_u8": "32.86"},
            ),
        ),
        _SSIM,
    ),
    Column(
        ("kohler", "kohler_proxy"),
        "Köhler, 48 images against all frames of the paths",
        48,
        *(r"(?i)k(o|ö|oe)hler", r"(?i)blurry\d+_\d+|kohler"),
        (
            *_rows(
                f"{RP_GAN}, table 3",
                _KOHLER,
                ("Sun", "25.22", "0.7735"),
                ("Nah", "26.48", "0.8079"),
                ("Tao", "26.80", "0.8375"),
                ("RP-GAN, iteration 1", "27.25", "0.8642"),
                ("RP-GAN, iteration 2", "28.46", "0.8933"),
                ("RP-GAN, iteration 3", "29.19", "0.9128"),
            ),
            *_rows(
                f"{BI_SKIP}, table 2",
                _KOHLER,
                ("Kupyn", "26.1", "0.816"),
                ("Tao", "26.75", "0.8370"),
                ("Bi-Skip", "26.98", "0.8407"),
            ),
        ),
        "kohler_proxy is against one reference frame, and no official number: its rows and the "
        "published ones may not be compared.",
    ),
    *(
        Column(
            ("flow",),
            f"motions on MSCOCO, {extent} pixels at most",
            None,
            *(rf"mscoco_{extent}\b", ""),
            tuple(
                Published(method, f"{RP_GAN}, table 1", {"flow_mse": mse})
                for method, mse in zip(("Sun", "Gong", "SEN"), errors, strict=True)
            ),
            "",
        )
        for extent, errors in ((23, ("24.34", "5.54", "2.71")), (46, ("63.37", "7.21", "4.24")))
    ),
)


def columns_of(protocol: str, data: str, images: Sequence[str], how: Fit) -> list[Column]:
    """The published columns that belong to a table in this way."""
    return [column for column in COLUMNS if column.fits(protocol, data, images) is how]
