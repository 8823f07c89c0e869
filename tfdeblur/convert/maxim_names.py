"""What MAXIM's authors call each variable of ours (standard library only).

Their names are those of the checkpoint: `stage_0_encoder_block_1/Conv_0/kernel`.
"""

import re

from tfdeblur.errors import DataError

_SCALES = 3
_PER_STAGE = 2 * _SCALES**2  # resized features, numbered through all stages

# Parts of our layer names -> theirs. `stage{s}_` is cut off before.
_PLACES = {
    r"input(\d)": r"input_conv_\1",
    r"fuse(\d)_": r"input_fuse_sam_\1/",
    r"encoder(\d)_gating_": r"encoder_block_\1/cross_gating_block/",
    r"encoder(\d)_": r"encoder_block_\1/",
    r"bottleneck(\d)_": r"global_block_\1/",
    r"gating(\d)_up": r"cross_gating_block_\1/ConvTranspose_0",
    r"gating(\d)_": r"cross_gating_block_\1/",
    r"decoder(\d)_up": r"decoder_block_\1/ConvTranspose_0",
    r"decoder(\d)_": r"decoder_block_\1/UNetEncoderBlock_0/",
    r"attend(\d)_features": r"supervised_attention_module_\1/Conv_0",
    r"attend(\d)_mask": r"supervised_attention_module_\1/Conv_2",
}
_BETWEEN = {
    r"mlp(\d)_grid_": r"SplitHeadMultiAxisGmlpLayer_\1/GridGmlpLayer/",
    r"mlp(\d)_block_": r"SplitHeadMultiAxisGmlpLayer_\1/BlockGmlpLayer/",
    r"mlp(\d)_": r"SplitHeadMultiAxisGmlpLayer_\1/",
    r"gate_([xy])_": r"SplitHeadMultiAxisGating_\1/",
}
_LAST = {
    "match": "Conv_0",
    "down": "Conv_1",
    "match_x": "Conv_0",
    "match_y": "Conv_1",
    "norm": "LayerNorm",
    "norm_x": "LayerNorm_x",
    "norm_y": "LayerNorm_y",
    "in": "in_project",
    "out": "out_project",
    "in_x": "in_project_x",
    "in_y": "in_project_y",
    "out_x": "out_project_x",
    "out_y": "out_project_y",
    "grid_mix": "Dense_0",
    "block_mix": "Dense_1",
    "conv1": "conv1",
    "conv2": "conv2",
    "squeeze": "channel_attention/Conv_0",
    "excite": "channel_attention/Conv_1",
    "mlp_in": "channel_mixing/Dense_0",
    "mlp_out": "channel_mixing/Dense_1",
    "": "",
}
_VARIABLES = {"kernel": "kernel", "bias": "bias", "gain": "scale", "offset": "bias"}


def published_name(path, stages):
    """The authors' name of a variable.

    Args:
        path: str, `path` of a variable of `networks.Maxim`: "LAYER/VARIABLE".
        stages: int, stages of that network; the published network has three.

    Raises:
        DataError: if no such variable is known.
    """
    layer, _, variable = path.rpartition("/")
    layer = layer.rpartition("/")[2]
    found = re.fullmatch(r"stage(\d)_(.+)", layer)
    if not found or variable not in _VARIABLES:
        raise DataError(f"`{path}` is no variable of MAXIM.")
    stage, rest = int(found[1]), found[2]
    module = _resized(stage, rest) or _output(stage, rest) or _module(stage, rest)
    return f"{module}/{_VARIABLES[variable]}"


def _module(stage, rest):
    place, rest = _replaced(rest, _PLACES)
    between, rest = _replaced(rest, _BETWEEN)
    # Inside the MLP of one half the gate has a module of its own.
    half = re.search(r"(Grid|Block)GmlpLayer/$", between)
    inside = {"gate_norm": "intermediate_layernorm", "mix": "Dense_0"}
    if half and rest in inside:
        return f"stage_{stage}_{place}{between}{half[1]}GatingUnit/{inside[rest]}"
    if rest == "norm" and not half and re.search(r"(GmlpLayer_\d|Gating_[xy])/$", between):
        rest = "LayerNorm_in"
    else:
        attention = re.fullmatch(r"attention(\d)_(.+)", rest)
        if attention:
            block = "channel_attention_block_1" + ("_" if "global" in place else "") + attention[1]
            between, rest = f"{block}/", attention[2]
        if place.startswith("global_block") and rest == "match":
            rest = "input_proj"
        else:
            rest = _LAST.get(rest, rest)
    return f"stage_{stage}_{place}{between}{rest}"


def _replaced(text, table):
    """The beginning of `text` in the authors' words, and what is left of it."""
    for pattern, theirs in table.items():
        found = re.match(pattern, text)
        if found:
            return found.expand(theirs), text[found.end() :]
    return "", text


def _output(stage, rest):
    """The convolution that makes an image; only the last of three stages has one of its own."""
    found = re.fullmatch(r"output(\d)", rest)
    if not found:
        return None
    if stage == 2:
        return f"stage_2_output_conv_{found[1]}"
    return f"stage_{stage}_supervised_attention_module_{found[1]}/Conv_1"


def _resized(stage, rest):
    """Convolutions of resized features: bridges of all scales first, then skips."""
    found = re.fullmatch(r"(bridge|skip)(\d)_from(\d)_match", rest)
    if not found:
        return None
    kind, scale, other = found[1], int(found[2]), int(found[3])
    place = (_SCALES - 1 - scale) * _SCALES
    if kind == "bridge":
        place += other
    else:
        place += _SCALES**2 + _SCALES - 1 - other
    return f"UpSampleRatio_{stage * _PER_STAGE + place}/Conv_0"
