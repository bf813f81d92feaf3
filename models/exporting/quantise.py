"""A network whose large products run in 8-bit integers."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx

from models.artefact import appear_whole, sha256_file, write_manifest
from models.bundle import ModelBundle, open_model_bundle
from models.errors import UsageError

PRODUCTS = ("MatMul", "Gemm")
INTEGER_OPS = {"MatMulInteger", "ConvInteger", "QLinearMatMul", "QLinearConv", "DequantizeLinear"}


class NothingToQuantise(UsageError):
    """A network without products of constant weights."""


def is_quantised(model: onnx.ModelProto) -> bool:
    """Say whether a network already computes in integers."""
    return any(node.op_type in INTEGER_OPS for node in model.graph.node)


def quantise_file(source: Path, target: Path) -> int:
    """Write a network with 8-bit weights; activations are brought to 8 bits as they come.

    Only products with constant weights change. Convolutions, such as the patch embedding, stay in float32: they are
    few, near the pixels, and slower in integers. Weights are scaled for each output channel and kept to 7 of the 8
    bits, so that no sum overflows the 16 bits in which processors without VNNI add: the result is the same everywhere.

    Returns:
        How many products changed.

    Raises:
        NothingToQuantise: it has no such product.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(str(source))
    _use_weights_directly(model.graph)
    _give_own_weights(model.graph)
    single, other = _products(model.graph)
    if not single:
        raise NothingToQuantise(f"{source.name} has no product with constant float32 weights: int8 changes nothing.")
    with _silence():
        quantize_dynamic(
            model,
            str(target),
            op_types_to_quantize=list(PRODUCTS),
            nodes_to_exclude=[*other, *(f"{name}_MatMul" for name in other)],  # what it makes of a Gemm
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
    changed = onnx.load(str(target))
    del changed.metadata_props[:]  # what the quantiser noted for itself
    changed.metadata_props.extend(model.metadata_props)
    onnx.checker.check_model(changed)
    onnx.save(changed, str(target))
    return len([node for node in changed.graph.node if node.op_type == "MatMulInteger"])


def _products(graph: onnx.GraphProto) -> tuple[list[str], list[str]]:
    """Name the products with constant weights of float32, and all others; nodes without a name get one."""
    weights = {weight.name for weight in graph.initializer if weight.data_type == onnx.TensorProto.FLOAT}
    for number, node in enumerate(graph.node):
        node.name = node.name or f"node_{number}"
    products = [node for node in graph.node if node.op_type in PRODUCTS]
    single = [node.name for node in products if node.input[1] in weights]
    return single, [node.name for node in products if node.input[1] not in weights]


def _use_weights_directly(graph: onnx.GraphProto) -> None:
    """Take out the Identity nodes by which exporters share equal weights: a product must see that they are constant."""
    weights = {weight.name for weight in graph.initializer}
    given = {value.name for value in graph.output}
    same = [node for node in graph.node if node.op_type == "Identity" and node.input[0] in weights]
    source = {node.output[0]: node.input[0] for node in same if node.output[0] not in given}
    for node in graph.node:
        node.input[:] = [source.get(name, name) for name in node.input]
    for node in same:
        if node.output[0] in source:
            graph.node.remove(node)


def _give_own_weights(graph: onnx.GraphProto) -> None:
    """Copy weights that a Gemm shares with others: the quantiser transposes them in place."""
    weights = {weight.name: weight for weight in graph.initializer}
    uses = Counter(name for node in graph.node for name in node.input)
    for number, node in enumerate(graph.node):
        if node.op_type == "Gemm" and node.input[1] in weights and uses[node.input[1]] > 1:
            copy = graph.initializer.add()
            copy.CopyFrom(weights[node.input[1]])
            copy.name = node.input[1] = f"{copy.name}_of_{number}"


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the quantiser from talking to the root logger, and from configuring it while it does so."""
    handler, before = logging.NullHandler(), logging.root.manager.disable
    logging.root.addHandler(handler)
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
        logging.root.removeHandler(handler)


def quantise_bundle(bundle: ModelBundle, out: Path) -> ModelBundle:
    """Write a bundle whose two networks compute in 8-bit integers; parity and certificate are still the old ones.

    Raises:
        NothingToQuantise: one of them has no product of constant weights.
        UsageError: `out` is taken.
    """
    views = {}
    with appear_whole(out) as folder:
        for name, path in (("ground", bundle.ground_path), ("aerial", bundle.aerial_path)):
            quantise_file(path, folder / path.name)
            views[name] = getattr(bundle.manifest, name).model_copy(update={"sha256": sha256_file(folder / path.name)})
        write_manifest(folder, bundle.manifest.model_copy(update={**views, "precision": "int8"}))
    return open_model_bundle(out)
