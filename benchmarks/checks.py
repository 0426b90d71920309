"""Whether two contenders compute the same function, before either is timed."""

import numpy as np

from benchmarks.tasks import Arrays

# Largest norm of a difference over the norm of what is compared: float32 differs by
# the order of additions, tf32 keeps 10 bits of a mantissa and bfloat16 7, over a chain
# of up to 64 steps. A wrong gate, bias or mask changes a gradient by far more.
TOLERANCES = {"float32": 1e-4, "tf32": 2e-2, "bfloat16": 1e-1}

# A threshold between hit and no hit may turn on rounding; what follows then differs.
SAMPLES_THAT_MAY_DIFFER = {"float32": 0.01, "tf32": 0.5, "bfloat16": 0.9}


class DifferentFunctionError(Exception):
    """Two contenders do not compute the same thing, so their times say nothing."""


def differences(outputs: Arrays, expected: Arrays) -> dict[str, float]:
    """How far each output is from what was expected.

    Args:
        outputs: What one contender gave.
        expected: What the other gave, under the same names.

    Returns:
        For each name ||output - expected|| / ||expected||. A gradient is measured
        against at least a thousandth of all gradients together, since one that is
        nearly zero has no digits to compare. For `grooves` it is the share of grooves
        with another hit.

    Raises:
        DifferentFunctionError: Names or shapes differ.
    """
    if set(outputs) != set(expected):
        missing = sorted(set(outputs) ^ set(expected))
        raise DifferentFunctionError(f"Only one of the contenders gave {missing}.")
    gradients = [v for k, v in expected.items() if k.startswith("gradient/")]
    smallest = 1e-3 * float(np.sqrt(sum(_norm(g) ** 2 for g in gradients)))
    found = {}
    for name, value in expected.items():
        other = outputs[name]
        if other.shape != value.shape:
            raise DifferentFunctionError(
                f"{name} has the shape {other.shape}, expected {value.shape}."
            )
        if name == "grooves":
            found[name] = _grooves_with_other_hits(other, value)
            continue
        floor = smallest if name.startswith("gradient/") else 1e-30
        found[name] = _norm(other - value) / max(_norm(value), floor)
    return found


def check(outputs: Arrays, expected: Arrays, precision: str) -> dict[str, float]:
    """The differences, if they are small enough for the precision.

    Returns:
        The largest by kind: `loss`, `gradient`, `later_loss`, `grooves` and so on.

    Raises:
        DifferentFunctionError: One is too large, or not a number.
    """
    largest: dict[str, float] = {}
    for name, difference in differences(outputs, expected).items():
        limit = TOLERANCES[precision]
        if name == "grooves":
            limit = SAMPLES_THAT_MAY_DIFFER[precision]
        if not difference <= limit:  # also where it is not a number
            raise DifferentFunctionError(
                f"{name} differs by {difference:.2g} in {precision}, "
                f"allowed is {limit:.2g}."
            )
        kind = name.partition("/")[0]
        largest[kind] = max(difference, largest.get(kind, 0.0))
    return largest


def _norm(array: np.ndarray) -> float:
    return float(np.linalg.norm(np.asarray(array, "float64")))


def _grooves_with_other_hits(grooves: np.ndarray, expected: np.ndarray) -> float:
    hits = expected.shape[-1] // 3
    same = (grooves[..., :hits] == expected[..., :hits]).all(axis=(1, 2))
    return float(1.0 - same.mean())
