"""Makes more of the training windows: other dynamics, another feel, another first bar.

A model soon knows the velocities and offsets of a thousand performances by heart, while
those of other drummers stay as uncertain as before. What is changed here is what a
drummer could have played as well: no hit comes or goes.
"""

import numpy as np
from numpy.typing import NDArray

# Half of the windows stay as they were played, so that real dynamics remain the rule.
SHARE = 0.5
# Standard deviations, over windows, of the logarithms of the exponent of velocities
# and of the factor of offsets.
VELOCITY_SPREAD = 0.2
OFFSET_SPREAD = 0.2
# Standard deviation of a common shift, in half steps as in the arrays: at 120 bpm a
# whole half step is 62.5 ms, so this is 2.5 ms.
SHIFT_SPREAD = 0.04

Arrays = NDArray[np.float32]


def augmented(grooves: Arrays, num_bars: int, generator: np.random.Generator) -> Arrays:
    """Windows as they could have been played.

    Each window is changed with the probability `SHARE`, in all of these ways:

    - it starts at another of its bars, and the bars before come last;
    - velocities v become v^a with one exponent for the window, which keeps silence and
      the loudest stroke where they are: softer or louder, with more or less contrast;
    - offsets are stretched by one factor and shifted together: looser or tighter,
      pushed or laid back.

    Args:
        grooves: (batch, steps, 3 * num_drums), hits | velocities | offsets.
        num_bars: Bars of a window.
        generator: Source of chance.

    Returns:
        (batch, steps, 3 * num_drums), new; velocities in [0, 1], offsets in [-1, 1],
        both 0 where there is no hit.

    Example:
        >>> import numpy as np
        >>> grooves = np.ones((2, 32, 27), np.float32)
        >>> augmented(grooves, 2, np.random.default_rng(0)).shape
        (2, 32, 27)
    """
    batch, steps = len(grooves), grooves.shape[1]
    bars = generator.integers(num_bars, size=batch)
    exponents = generator.lognormal(0.0, VELOCITY_SPREAD, batch)
    factors = generator.lognormal(0.0, OFFSET_SPREAD, batch)
    shifts = generator.normal(0.0, SHIFT_SPREAD, batch)
    kept = generator.random(batch) >= SHARE
    bars[kept], exponents[kept], factors[kept], shifts[kept] = 0, 1.0, 1.0, 0.0

    first = bars * (steps // num_bars)
    rows = (np.arange(steps) + first[:, None]) % steps
    turned = np.take_along_axis(grooves, rows[..., None], axis=1)
    hits, velocities, offsets = np.split(turned, 3, axis=-1)
    each = (slice(None), None, None)
    powers = velocities ** exponents[each]
    moved = np.clip(offsets * factors[each] + shifts[each], -1.0, 1.0)
    changed = np.concatenate([hits, hits * powers, hits * moved], axis=-1)
    return changed.astype(np.float32)
