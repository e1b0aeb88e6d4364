"""Eight doubles at a time inside numba: a vector type and its arithmetic.

numba leaves vectorisation to LLVM's loop vectoriser, which gives up on short loops over arrays
that might alias, and reorders sums only under ``fastmath``, where the last bits then depend on the
width of the machine's registers. Here the vector is a type of its own: every lane is an IEEE
operation, every horizontal sum is one fixed tree, and LLVM maps eight lanes to whatever registers
there are. The same inputs therefore give the same bits on every machine with a fused multiply-add.

``exp8`` and ``log8`` are within 1 and 2 units in the last place. ``exp8`` saturates outside
[-345, 345], so that the product of two of its values is finite; ``log8`` takes positive normal
numbers only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

LANES = 8

_F64 = ir.DoubleType()
_I64 = ir.IntType(64)
_V = ir.VectorType(_F64, LANES)
_VI = ir.VectorType(_I64, LANES)
_I32 = ir.IntType(32)


class Vector8(types.Type):
    """numba's name for eight doubles held in registers."""

    def __init__(self) -> None:
        super().__init__(name="float64x8")


vector8 = Vector8()


@register_model(Vector8)
class Vector8Model(models.PrimitiveModel):
    """The LLVM type behind `Vector8`."""

    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _V)  # type: ignore[no-untyped-call]


def _constant(value: float) -> Any:
    return ir.Constant(_V, [ir.Constant(_F64, value)] * LANES)


def _constant_int(value: int) -> Any:
    return ir.Constant(_VI, [ir.Constant(_I64, value)] * LANES)


def _call(builder: Any, name: str, args: list[Any]) -> Any:
    kind = ir.FunctionType(_V, [_V] * len(args))
    insert: Any = cgutils.get_or_insert_function
    function = insert(builder.module, kind, f"llvm.{name}.v8f64")
    return builder.call(function, args)


def _shuffle(builder: Any, value: Any, order: list[int]) -> Any:
    mask = ir.Constant(ir.VectorType(_I32, LANES), [ir.Constant(_I32, i) for i in order])
    return builder.shuffle_vector(value, value, mask)


def _tree(builder: Any, value: Any, combine: Callable[[Any, Any], Any]) -> Any:
    value = combine(value, _shuffle(builder, value, [4, 5, 6, 7, 0, 1, 2, 3]))
    value = combine(value, _shuffle(builder, value, [2, 3, 0, 1, 6, 7, 4, 5]))
    value = combine(value, _shuffle(builder, value, [1, 0, 3, 2, 5, 4, 7, 6]))
    return builder.extract_element(value, ir.Constant(_I32, 0))


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    view = context.make_array(array_type)(context, builder, array)
    return builder.bitcast(builder.gep(view.data, [index]), _V.as_pointer())


def operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """numba's ``intrinsic``, seen by a type checker as a function of vectors."""
    return cast("Callable[..., Any]", intrinsic(function))


@operation
def load8(typingctx: Any, array: Any, index: Any) -> Any:  # noqa: ARG001
    """array[index : index + 8] of a contiguous one-dimensional float64 array."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        return builder.load(pointer, align=8)

    return vector8(array, types.intp), codegen


@operation
def store8(typingctx: Any, array: Any, index: Any, value: Any) -> Any:  # noqa: ARG001
    """array[index : index + 8] = value."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        builder.store(args[2], pointer, align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector8), codegen


@operation
def splat8(typingctx: Any, value: Any) -> Any:  # noqa: ARG001
    """The same double in all lanes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        one = builder.insert_element(ir.Constant(_V, ir.Undefined), args[0], ir.Constant(_I32, 0))
        return _shuffle(builder, one, [0] * LANES)

    return vector8(types.float64), codegen


@operation
def spread8(typingctx: Any, array: Any, index: Any) -> Any:  # noqa: ARG001
    """array[index] in all lanes; the index is not negative."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, args[0])
        value = builder.load(builder.gep(view.data, [args[1]]))
        one = builder.insert_element(ir.Constant(_V, ir.Undefined), value, ir.Constant(_I32, 0))
        return _shuffle(builder, one, [0] * LANES)

    return vector8(array, types.intp), codegen


@operation
def add8(typingctx: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
    """a + b."""
    return vector8(vector8, vector8), lambda _c, builder, _s, args: builder.fadd(*args)


@operation
def sub8(typingctx: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
    """a - b."""
    return vector8(vector8, vector8), lambda _c, builder, _s, args: builder.fsub(*args)


@operation
def mul8(typingctx: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
    """a * b."""
    return vector8(vector8, vector8), lambda _c, builder, _s, args: builder.fmul(*args)


@operation
def div8(typingctx: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
    """a / b."""
    return vector8(vector8, vector8), lambda _c, builder, _s, args: builder.fdiv(*args)


@operation
def fma8(typingctx: Any, a: Any, b: Any, c: Any) -> Any:  # noqa: ARG001
    """a * b + c, rounded once."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return _call(builder, "fma", list(args))

    return vector8(vector8, vector8, vector8), codegen


@operation
def max8(typingctx: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
    """The larger of a and b, lane by lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return vector8(vector8, vector8), codegen


@operation
def abs8(typingctx: Any, value: Any) -> Any:  # noqa: ARG001
    """The absolute values of the lanes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return _call(builder, "fabs", list(args))

    return vector8(vector8), codegen


@operation
def sqrt8(typingctx: Any, value: Any) -> Any:  # noqa: ARG001
    """The square roots of the lanes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return _call(builder, "sqrt", list(args))

    return vector8(vector8), codegen


@operation
def where_less8(typingctx: Any, a: Any, b: Any, yes: Any, no: Any) -> Any:  # noqa: ARG001
    """yes where a < b, else no; a NaN is not less."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.select(builder.fcmp_ordered("<", args[0], args[1]), args[2], args[3])

    return vector8(vector8, vector8, vector8, vector8), codegen


@operation
def where_positive8(typingctx: Any, test: Any, value: Any) -> Any:  # noqa: ARG001
    """value where test > 0, else 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        positive = builder.fcmp_ordered(">", args[0], _constant(0.0))
        return builder.select(positive, args[1], _constant(0.0))

    return vector8(vector8, vector8), codegen


@operation
def sum8(typingctx: Any, value: Any) -> Any:  # noqa: ARG001
    """The sum of the lanes, always by the same tree."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return _tree(builder, args[0], builder.fadd)

    return types.float64(vector8), codegen


@operation
def product8(typingctx: Any, value: Any) -> Any:  # noqa: ARG001
    """The product of the lanes, always by the same tree."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return _tree(builder, args[0], builder.fmul)

    return types.float64(vector8), codegen


@operation
def largest8(typingctx: Any, value: Any) -> Any:  # noqa: ARG001
    """The largest of the lanes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        def larger(a: Any, b: Any) -> Any:
            return builder.select(builder.fcmp_ordered(">", a, b), a, b)

        return _tree(builder, args[0], larger)

    return types.float64(vector8), codegen


# Three rounds turn eight vectors into the vector of their sums: two become one that holds the
# partial sums of both, lane by lane.
_ROUNDS = (
    ([0, 8, 2, 10, 4, 12, 6, 14], [1, 9, 3, 11, 5, 13, 7, 15]),
    ([0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]),
    ([0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]),
)


def _eight(combine: str) -> Callable[[Any, Any, Any, Any], Any]:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        parts = []
        for i in range(LANES):
            at = builder.add(args[1], ir.Constant(_I64, i * LANES))
            pointer = _pointer(context, builder, signature.args[0], args[0], at)
            parts.append(builder.load(pointer, align=8))
        for orders in _ROUNDS:
            masks = [
                ir.Constant(ir.VectorType(_I32, LANES), [ir.Constant(_I32, i) for i in order])
                for order in orders
            ]
            parts = [
                getattr(builder, combine)(
                    *(builder.shuffle_vector(parts[i], parts[i + 1], mask) for mask in masks)
                )
                for i in range(0, len(parts), 2)
            ]
        return parts[0]

    return codegen


@operation
def sums8(typingctx: Any, array: Any, index: Any) -> Any:  # noqa: ARG001
    """Lane i is the sum of array[index + 8 i : index + 8 i + 8], always by the same tree."""
    return vector8(array, types.intp), _eight("fadd")


@operation
def products8(typingctx: Any, array: Any, index: Any) -> Any:  # noqa: ARG001
    """Lane i is the product of array[index + 8 i : index + 8 i + 8], always by the same tree."""
    return vector8(array, types.intp), _eight("fmul")


# Adding this constant leaves the nearest integer in the low bits of the significand.
_MAGIC = 1.5 * 2.0**52
_LN2_HIGH = float.fromhex("0x1.62e42fefa0000p-1")
_LN2_LOW = float.fromhex("0x1.cf79abc9e3b39p-40")


def _horner(builder: Any, x: Any, coefficients: list[float]) -> Any:
    value = _constant(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        value = _call(builder, "fma", [value, x, _constant(c)])
    return value


@operation
def exp8(typingctx: Any, x: Any) -> Any:  # noqa: ARG001
    """exp(x), saturating outside [-345, 345]: exp(x) = 2^k exp(r), |r| <= ln(2)/2."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        x = args[0]
        low, high = _constant(-345.0), _constant(345.0)
        x = builder.select(builder.fcmp_ordered("<", x, low), low, x)
        x = builder.select(builder.fcmp_ordered(">", x, high), high, x)
        shifted = _call(builder, "fma", [x, _constant(1.0 / math.log(2.0)), _constant(_MAGIC)])
        k = builder.fsub(shifted, _constant(_MAGIC))
        r = _call(builder, "fma", [k, _constant(-_LN2_HIGH), x])
        r = _call(builder, "fma", [k, _constant(-_LN2_LOW), r])
        value = _horner(builder, r, [1.0 / math.factorial(i) for i in range(14)])
        exponent = builder.shl(builder.bitcast(shifted, _VI), _constant_int(52))
        return builder.bitcast(builder.add(builder.bitcast(value, _VI), exponent), _V)

    return vector8(vector8), codegen


@operation
def log8(typingctx: Any, x: Any) -> Any:  # noqa: ARG001
    """log(x) of positive normal x: log(2^k m) = k ln 2 + 2 atanh((m - 1) / (m + 1))."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        bits = builder.bitcast(args[0], _VI)
        # Subtracting the bits of sqrt(1/2) before the shift puts m in [sqrt(1/2), sqrt(2)).
        offset = _constant_int(0x3FE6A09E667F3BCD)
        one = _constant_int(0x3FF0000000000000)
        moved = builder.add(builder.sub(bits, offset), one)
        biased = builder.lshr(moved, _constant_int(52))
        unbiased = builder.sub(biased, _constant_int(1023))
        m = builder.bitcast(builder.sub(bits, builder.shl(unbiased, _constant_int(52))), _V)
        magic_bits = _constant_int(0x4338000000000000)
        k = builder.fsub(builder.bitcast(builder.add(unbiased, magic_bits), _V), _constant(_MAGIC))
        f = builder.fdiv(builder.fsub(m, _constant(1.0)), builder.fadd(m, _constant(1.0)))
        s = builder.fmul(f, f)
        series = _horner(builder, s, [2.0 / (2 * i + 3) for i in range(10)])
        tail = builder.fmul(builder.fmul(f, s), series)
        tail = _call(builder, "fma", [k, _constant(_LN2_LOW), tail])
        head = _call(builder, "fma", [f, _constant(2.0), tail])
        return _call(builder, "fma", [k, _constant(_LN2_HIGH), head])

    return vector8(vector8), codegen
