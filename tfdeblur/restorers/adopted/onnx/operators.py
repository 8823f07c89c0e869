"""Which operators an ONNX file of somebody else may hold (https://onnx.ai/onnx/operators/).

Those that only compute, as in `restorers.adopted.operators`: no chance, no text, no files, no
sequences, and no bodies of their own (loops and branches).
"""

DOMAINS = ("", "ai.onnx")  # two names of the standard's own operators

ALLOWED = frozenset(
    """
    Constant ConstantOfShape Identity Cast CastLike Dropout EyeLike

    Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor
    Ceil Celu Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid
    HardSwish IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu
    Pow Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum
    SwiGLU Swish Tan Tanh ThresholdedRelu Where Xor

    ArgMax ArgMin CumSum Hardmax LogSoftmax LpNormalization ReduceL1 ReduceL2 ReduceLogSum
    ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Softmax TopK

    Attention AveragePool BatchNormalization Conv ConvInteger ConvTranspose DeformConv
    DequantizeLinear DynamicQuantizeLinear Einsum Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool
    GroupNormalization InstanceNormalization LRN LayerNormalization LpPool MatMul MatMulInteger
    MaxPool MaxUnpool MeanVarianceNormalization QLinearConv QLinearMatMul QuantizeLinear
    RMSNormalization DFT Det

    AffineGrid CenterCropPad Col2Im Compress Concat DepthToSpace Expand Flatten Gather
    GatherElements GatherND GridSample NonZero OneHot Pad Range Reshape Resize Scatter
    ScatterElements ScatterND Shape Size Slice SpaceToDepth Split Squeeze Tile Transpose Trilu
    Unsqueeze Upsample
    """.split()
)
