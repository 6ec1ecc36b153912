"""What a graph may be made of, and what lets no reader see it differently from the runtime."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from edge_inspector.bundle.graph import check_graph_bytes
from edge_inspector.bundle.operators import ALLOWED_OPERATORS, IR_VERSIONS, OPSETS
from edge_inspector.core.errors import BundleError


def _model(*nodes: onnx.NodeProto, opset: int = 17, ir_version: int = 8) -> onnx.ModelProto:
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy"]
    graph = helper.make_graph(list(nodes) or [helper.make_node("Relu", ["x"], ["y"])], "g", info[:1], info[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)


def _check(model: onnx.ModelProto) -> None:
    check_graph_bytes("model.onnx", model.SerializeToString())


def _refused(content: bytes, words: str) -> None:
    with pytest.raises(BundleError, match=words):
        check_graph_bytes("model.onnx", content)


@pytest.mark.parametrize("operator", sorted(ALLOWED_OPERATORS))
def test_every_allowed_operator_exists_and_is_let_in(operator: str) -> None:
    assert onnx.defs.has(operator)

    _check(_model(helper.make_node(operator, ["x"], ["y"])))


@pytest.mark.parametrize(
    "operator",
    [
        *["If", "Loop", "Scan", "SequenceMap", "RandomNormal", "RandomUniformLike", "Bernoulli", "Multinomial"],
        *["StringConcat", "RegexFullMatch", "TfIdfVectorizer", "ImageDecoder", "NonZero", "Optional", "Dropout"],
        *["", "relu", "Relu "],
    ],
)
def test_any_other_operator_is_refused_by_name(operator: str) -> None:
    _refused(_model(helper.make_node(operator, ["x"], ["y"])).SerializeToString(), f"uses the operator '{operator}'")


@pytest.mark.parametrize("version", [OPSETS[0], OPSETS[-1]])
def test_the_ends_of_the_opsets_run_on_the_runtime_here(version: int) -> None:
    model = _model(opset=version, ir_version=IR_VERSIONS[0] if version == OPSETS[0] else IR_VERSIONS[-1])

    _check(model)

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.run(["y"], {"x": np.array([-1.0, 2.0], np.float32)})[0].tolist() == [0.0, 2.0]


@pytest.mark.parametrize("version", [OPSETS[0] - 1, OPSETS[-1] + 1, 0, -1, 2**62])
def test_another_opset_is_refused(version: int) -> None:
    _refused(_model(opset=version).SerializeToString(), "must be of one opset from 13 to 26")


@pytest.mark.parametrize("version", [IR_VERSIONS[0] - 1, IR_VERSIONS[-1] + 1])
def test_another_ir_version_is_refused(version: int) -> None:
    _refused(_model(ir_version=version).SerializeToString(), "must be of one IR version from 7 to 13")


def test_a_foreign_domain_may_be_named_but_not_used() -> None:
    # ONNX Runtime's own quantiser names its domain in every model it writes.
    model = _model(helper.make_node("Relu", ["x"], ["y"], domain="ai.onnx"))
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    _check(model)

    model.graph.node[0].domain = "com.microsoft"
    _refused(model.SerializeToString(), "uses the operator 'com.microsoft:Relu'")


def test_a_field_that_stands_twice_is_not_read_as_the_harmless_one() -> None:
    right = _model().SerializeToString()

    for again in (_model(opset=18), _model(ir_version=9)):
        # Protobuf joins what is written one after the other: the later number wins, lists grow.
        _refused(right + again.SerializeToString(), "must be of one ")
    _refused(right + _model(helper.make_node("If", ["x"], ["z"])).SerializeToString(), "uses the operator 'If'")


def test_text_in_a_tensor_is_refused() -> None:
    text = helper.make_tensor("t", TensorProto.STRING, [1], [b"x"])

    _refused(_model(helper.make_node("Constant", [], ["y"], value=text)).SerializeToString(), "a tensor of text")


@pytest.mark.parametrize("says_so", [True, False])
def test_a_place_in_another_file_is_refused_whatever_the_tensor_says_of_it(says_so: bool) -> None:
    model = _model()
    weight = model.graph.initializer.add(data_type=TensorProto.FLOAT, dims=[1], name="w")
    weight.external_data.add(key="location", value="weights.bin")
    weight.data_location = TensorProto.EXTERNAL if says_so else TensorProto.DEFAULT

    _refused(model.SerializeToString(), "keeps weights in another file")


def test_sparse_weights_are_refused() -> None:
    model = _model()
    model.graph.sparse_initializer.add()

    _refused(model.SerializeToString(), "sparse weights")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it holds no graph"),
        (b"\x3a\x05ab", "cut off or overwritten"),
        (b"\xff" * 20, "cut off or overwritten"),
        (b"\x00\x00", "part of no field"),
        (b"\x3b\x00", "cut off or overwritten"),  # a group, which ONNX never had
        (b"\xba\x80\x80\x80\x10\x00", "part of no field"),  # cut to 32 bits this is field 7
        (b"\x38\x01", "a part is missing"),  # the graph as a number
        (b"\x18\x00\x00\x00ORTM", "in ONNX Runtime's own format"),
    ],
)
def test_what_the_runtime_could_read_otherwise_is_refused(content: bytes, words: str) -> None:
    _refused(content, words)
