"""Give a foreign ONNX network the signature of a bundle's: `pixels` in, `embedding` out, all in one file."""

from __future__ import annotations

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, helper

from models.errors import CheckpointMismatch, CheckpointUnreadable, UsageError
from models.exporting.quantise import is_quantised
from models.importing.preprocessing import Ends

FLOATS = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16"}
OWN_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
"""Operators that ONNX Runtime brings along."""
IMAGE_AXES = 4
TAKEN = ("pixels", "embedding")


def rewire(source: Path, target: Path, ends: Ends, *, normalise: bool, any_width: bool) -> None:
    """Write the network of `source` with a bundle's input and output.

    A free batch axis and, with `any_width`, a free width are declared; whether the network keeps to that is for a run
    to show. Half precision gets casts at both ends, axes past the second of the output are flattened.

    Args:
        source: with weights inside or in files beside it.
        target: one file.
        ends: names of input and output.
        normalise: append an L2 norm.
        any_width: the last axis of the input is free.

    Raises:
        CheckpointUnreadable: no ONNX file, weights missing, too large, or operators that ONNX Runtime has not.
        CheckpointMismatch: no such input or output, or not floating-point images in.
        UsageError: the network computes in integers already.
    """
    model = _load(source)
    if is_quantised(model):
        raise UsageError(
            f"{source} computes in 8-bit integers already. Give the float network: its 8-bit form is made here with "
            "--precision int8, and held against it."
        )
    entry = _pick(_inputs(model.graph), ends.input, f"{source}: input")
    exit_ = _pick(list(model.graph.output), ends.output, f"{source}: output")
    for value in (entry, exit_):
        if value.type.tensor_type.elem_type not in FLOATS:
            raise CheckpointMismatch(f"{source}: {value.name} is not float32 or float16; export the network so.")
    if len(entry.type.tensor_type.shape.dim) != IMAGE_AXES:
        raise CheckpointMismatch(f"{source}: {entry.name} has no four axes; a network takes images (N, 3, H, W).")
    shape: list[int | str] = ["batch", 3, _size_of(entry, 2), "width" if any_width else _size_of(entry, 3)]
    for name in TAKEN:
        _rename(model.graph, name, f"given/{name}")
    _put_ends(model.graph, entry, exit_, normalise=normalise)
    _declare(model.graph, shape)
    _save(model, source, target)


def _load(source: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(str(source))
    except (OSError, DecodeError, ValueError, onnx.checker.ValidationError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise CheckpointUnreadable(
            f"{source} is no ONNX file, or its weights are not beside it: {reason}. Export it again into one file."
        ) from error
    if not model.graph.node:
        raise CheckpointUnreadable(f"{source} holds no network. Export it again.")
    own = {(function.domain, function.name) for function in model.functions}
    foreign = {f"{node.domain}::{node.op_type}" for node in model.graph.node if node.domain not in OWN_DOMAINS}
    foreign -= {f"{domain}::{name}" for domain, name in own}
    if foreign:
        raise CheckpointUnreadable(
            f"{source} needs operators that ONNX Runtime does not have: {', '.join(sorted(foreign)[:5])}. Libraries of "
            "custom operators are not loaded; export the network with standard ONNX operators."
        )
    return model


def _inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    weights = {weight.name for weight in graph.initializer}
    return [value for value in graph.input if value.name not in weights]


def _pick(values: list[onnx.ValueInfoProto], wanted: str, what: str) -> onnx.ValueInfoProto:
    names = [value.name for value in values]
    if wanted and wanted not in names:
        raise CheckpointMismatch(f"{what} {wanted!r} does not exist; there are {names}.")
    if not wanted and len(values) != 1:
        raise CheckpointMismatch(
            f"{what} is not given and there are {len(values)}: {names}. Name one in the TOML file."
        )
    return values[names.index(wanted)] if wanted else values[0]


def _size_of(value: onnx.ValueInfoProto, axis: int) -> int | str:
    size = value.type.tensor_type.shape.dim[axis]
    return int(size.dim_value) if size.HasField("dim_value") else f"axis_{axis}"


def _rename(graph: onnx.GraphProto, name: str, other: str) -> None:
    """Give a value another name wherever it stands, inner graphs included."""
    for node in graph.node:
        node.input[:] = [other if value == name else value for value in node.input]
        node.output[:] = [other if value == name else value for value in node.output]
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                _rename(inner, name, other)
    for value in (*graph.input, *graph.output, *graph.initializer):
        if value.name == name:
            value.name = other


def _put_ends(
    graph: onnx.GraphProto, entry: onnx.ValueInfoProto, exit_: onnx.ValueInfoProto, *, normalise: bool
) -> None:
    """Set casts, a flattening and a norm around the network."""
    before = [helper.make_node("Cast", ["pixels"], [entry.name], to=entry.type.tensor_type.elem_type)]
    after = [
        helper.make_node("Cast", [exit_.name], ["skyfix/single"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["skyfix/single"], ["skyfix/row" if normalise else "embedding"], axis=1),
    ]
    if normalise:
        after.append(helper.make_node("LpNormalization", ["skyfix/row"], ["embedding"], axis=-1, p=2))
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)


def _declare(graph: onnx.GraphProto, shape: list[int | str]) -> None:
    del graph.input[:], graph.output[:], graph.value_info[:]
    graph.input.append(helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape))
    graph.output.append(helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", "size"]))


def _save(model: onnx.ModelProto, source: Path, target: Path) -> None:
    try:
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, str(target))
    except (ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise CheckpointUnreadable(
            f"{source} does not pass the ONNX checker: {str(error).splitlines()[0][:300]}"
        ) from error
