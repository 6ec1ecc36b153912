"""What a bundle's graph may be made of: the one list for the line, which refuses the rest, and for `export/`."""

from __future__ import annotations

OPSETS = range(13, 27)
"""Versions of the operators. 13 brought scales per channel to the quantised ones; ONNX Runtime 1.31 knows up to 26."""

IR_VERSIONS = range(7, 14)
"""Versions of the file format: 7 came with opset 13, 13 with opset 26."""

ALLOWED_OPERATORS = frozenset(
    {"Add", "Sub", "Mul", "Div", "Neg", "Abs", "Pow", "Sqrt", "Exp", "Log", "Reciprocal", "Erf", "Floor", "Min", "Max"}
    | {"Clip", "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Mish", "Gelu", "HardSigmoid", "HardSwish"}
    | {"Sigmoid", "Tanh", "Softplus", "Softsign", "Softmax", "LogSoftmax", "Equal", "Less", "Greater", "Where"}
    | {"Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "InstanceNormalization", "LayerNormalization"}
    | {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax", "ReduceMin"}
    | {"ReduceSum", "ReduceL2", "Cast", "Identity", "Constant", "ConstantOfShape", "Shape", "Reshape", "Flatten"}
    | {"Squeeze", "Unsqueeze", "Transpose", "Concat", "Split", "Slice", "Gather", "Expand", "Pad", "Resize"}
    | {"DepthToSpace", "SpaceToDepth", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}
    | {"ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"}
)
"""Plain arithmetic of classifiers, in floats and quantised: every provider has it, each answer depends on the tile
alone, and its work does not depend on what the tile shows. None reads files, runs code, repeats, branches, draws
random numbers or handles text."""
