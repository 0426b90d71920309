"""Makes more of the training windows: other dynamics, another feel, another first bar.

A model soon knows the velocities and offsets of a thousand performances by heart, while
those of other drummers stay as uncertain as before. What is changed here is what a
drummer could have played as well: no hit comes or goes.
"""

from dataclasses import replace

import numpy as np

from keras_musicvae.grooves.examples import Examples

# Half of the windows stay as they were played, so that real dynamics remain the rule.
SHARE = 0.5
# Standard deviations, over windows, of the logarithms of the exponent of velocities
# and of the factor of offsets.
VELOCITY_SPREAD = 0.2
OFFSET_SPREAD = 0.2
# Standard deviation of a common shift, in half steps as in the arrays: at 120 bpm a
# whole half step is 62.5 ms, so this is 2.5 ms.
SHIFT_SPREAD = 0.04


def augmented(examples: Examples, generator: np.random.Generator) -> Examples:
    """Windows as they could have been played.

    Each window is changed with the probability `SHARE`, in all of these ways:

    - it starts at another of its bars, and the bars before come last;
    - velocities v become v^a with one exponent for the window, which keeps silence and
      the loudest stroke where they are: softer or louder, with more or less contrast;
    - offsets are stretched by one factor and shifted together: looser or tighter,
      pushed or laid back.

    Args:
        examples: The windows.
        generator: Source of chance.

    Returns:
        The windows with new grooves, velocities in [0, 1], offsets in [-1, 1], both 0
        where there is no hit; and with the bars in which they begin now.

    Example:
        >>> import numpy as np
        >>> examples = Examples(np.ones((2, 32, 27), np.float32), num_bars=2)
        >>> augmented(examples, np.random.default_rng(0)).grooves.shape
        (2, 32, 27)
    """
    grooves, num_bars = examples.grooves, examples.num_bars
    batch, steps = len(grooves), grooves.shape[1]
    bars = generator.integers(num_bars, size=batch)
    exponents = generator.lognormal(0.0, VELOCITY_SPREAD, batch)
    factors = generator.lognormal(0.0, OFFSET_SPREAD, batch)
    shifts = generator.normal(0.0, SHIFT_SPREAD, batch)
    kept = generator.random(batch) >= SHARE
    bars[kept], exponents[kept], factors[kept], shifts[kept] = 0, 1.0, 1.0, 0.0

    rows = (np.arange(steps) + bars[:, None] * (steps // num_bars)) % steps
    turned = np.take_along_axis(grooves, rows[..., None], axis=1)
    hits, velocities, offsets = np.split(turned, 3, axis=-1)
    each = (slice(None), None, None)
    powers = velocities ** exponents[each]
    moved = np.clip(offsets * factors[each] + shifts[each], -1.0, 1.0)
    changed = np.concatenate([hits, hits * powers, hits * moved], axis=-1)
    starts = [
        None if start is None else int(start + bar)
        for start, bar in zip(examples.start_bar, bars, strict=False)
    ]
    return replace(examples, grooves=changed.astype(np.float32), start_bar=starts)
