"""What a musician asks of the model: sample, encode, decode.

With a preprocessor the verbs take and give `Groove`s; with
`model.preprocessor = None` they take and give arrays (KerasHub's rule). All randomness
is drawn by NumPy outside of the compiled functions, so that a seed gives the same
notes on every backend, up to rounding at a hit's threshold.
"""

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_musicvae.errors import ConfigError, GrooveError
from keras_musicvae.models.player import Player

if TYPE_CHECKING:
    from keras_musicvae.grooves.groove import Groove

# The model's own distribution: lower is tidier, higher is wilder.
DEFAULT_TEMPERATURE = 1.0
DEFAULT_TEMPO = 120.0

# At this many grooves per call the noise alone is a gigabyte.
MAX_NUMBER = 100_000


class Grooves(list["Groove"]):
    """Grooves, and how they came about.

    Attributes:
        seed: The seed that was used; the same seed gives the same grooves.
        temperature: The temperature that was used.
    """

    def __init__(
        self, grooves: Sequence["Groove"], *, seed: int, temperature: float
    ) -> None:
        super().__init__(grooves)
        self.seed = seed
        self.temperature = temperature


class MusicVerbs:
    """The musical side of `MusicVAE`."""

    num_bars: int
    num_steps: int
    frame_dim: int
    control_dim: int
    latent_dim: int
    heads: Any
    preprocessor: Any
    _compiled_player: Player | None

    def sample(
        self,
        number: int = 1,
        *,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float = DEFAULT_TEMPO,
        controls: ArrayLike | None = None,
    ) -> Any:
        """New grooves: latents from the prior, decoded.

        Args:
            number: How many. The first of 5 is the one that `number=1` gives.
            temperature: From 0 (each latent's most likely hits) upwards. Defaults to
                1, the model's own distribution.
            seed: Integer of at least 0; None draws one.
            tempo: Quarter notes per minute of the grooves. Defaults to 120.
            controls: (num_steps, control_dim) or (number, ...), if the model has any.

        Returns:
            `Grooves`, a list that knows its `seed`; without a preprocessor an array
            (number, num_steps, frame_dim).

        Raises:
            ConfigError: An argument is out of range.

        Example:
            >>> model = MusicVAE.from_preset("groove_4bar")  # doctest: +SKIP
            >>> for groove in model.sample(5, seed=1, tempo=96):  # doctest: +SKIP
            ...     groove.save(f"{groove.name}.mid")
        """
        if isinstance(number, bool) or not 1 <= number <= MAX_NUMBER:
            raise ConfigError(
                f"`number` must be an integer from 1 to {MAX_NUMBER}. "
                f"Received: number={number!r}"
            )
        seed = _checked_seed(seed)
        z = _stream(seed, 0).standard_normal((number, self.latent_dim), np.float32)
        return self.decode(
            z, temperature=temperature, seed=seed, tempo=tempo, controls=controls
        )

    def encode(
        self, grooves: Any, *, controls: ArrayLike | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The posterior of each groove.

        Args:
            grooves: `Groove`s of `num_bars` bars, one or several; without a
                preprocessor an array (number, num_steps, frame_dim).
            controls: (number, num_steps, control_dim), if the model has controls.

        Returns:
            z_mean and z_stddev, each (number, latent_dim). The mean is the best single
            estimate of a groove's latent.

        Raises:
            GrooveError: A groove has another length, metre or shape.
        """
        arrays = self._to_arrays(grooves)
        return self._player().encode(arrays, *self._controls(controls, len(arrays)))

    def decode(
        self,
        z: ArrayLike,
        *,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float = DEFAULT_TEMPO,
        controls: ArrayLike | None = None,
    ) -> Any:
        """Grooves from latents.

        Args:
            z: (number, latent_dim), or (latent_dim,) for one.
            temperature: From 0 (deterministic) upwards. Defaults to 1.
            seed: Integer of at least 0; None draws one. Not used at temperature 0.
            tempo: Quarter notes per minute. Defaults to 120.
            controls: (num_steps, control_dim) or (number, ...), if the model has any.

        Returns:
            As `sample`.

        Raises:
            ConfigError: An argument is out of range.
            GrooveError: `z` is not of that shape, or not finite.
        """
        if not 0 <= temperature < 1e6:
            raise ConfigError(
                "`temperature` must be a number of at least 0. "
                f"Received: temperature={temperature!r}"
            )
        seed = _checked_seed(seed)
        z = np.atleast_2d(np.asarray(z, np.float32))
        if z.ndim != 2 or z.shape[1] != self.latent_dim or not np.isfinite(z).all():
            raise GrooveError(
                f"`z` must be finite numbers of the shape (number, {self.latent_dim}). "
                f"Received: an array of the shape {z.shape}"
            )
        noise = _uniform(_stream(seed, 1), (len(z), self.num_steps, self._noise_dim()))
        arrays = self._player().write(
            z, noise, temperature, *self._controls(controls, len(z))
        )
        if self.preprocessor is None:
            return arrays
        grooves = [
            self.preprocessor.to_groove(array, tempo=tempo, name=f"groove {i + 1}")
            for i, array in enumerate(arrays)
        ]
        return Grooves(grooves, seed=seed, temperature=temperature)

    def _to_arrays(self, grooves: Any) -> NDArray[np.float32]:
        if self.preprocessor is not None and not isinstance(grooves, np.ndarray):
            if not isinstance(grooves, Sequence):
                grooves = [grooves]
            arrays = np.stack(
                [
                    self.preprocessor.to_inputs(self.preprocessor.to_array(groove))
                    for groove in grooves
                ]
            )
        else:
            arrays = np.asarray(grooves, np.float32)
        shape = (self.num_steps, self.frame_dim)
        if arrays.ndim == 2:
            arrays = arrays[None]
        if arrays.ndim != 3 or arrays.shape[1:] != shape or not len(arrays):
            raise GrooveError(
                f"Grooves must be an array of the shape (number, {shape[0]}, "
                f"{shape[1]}). Received: the shape {arrays.shape}"
            )
        return arrays

    def _controls(self, controls: ArrayLike | None, number: int) -> list:
        shape = (number, self.num_steps, self.control_dim)
        if controls is None:
            if self.control_dim:
                raise ConfigError(
                    f"This model needs `controls` of the shape {shape[1:]} or {shape}."
                )
            return []
        array = np.asarray(controls, np.float32)
        if not self.control_dim or array.shape not in (shape, shape[1:]):
            allowed = f"{shape[1:]} or {shape}" if self.control_dim else "None"
            raise ConfigError(
                f"`controls` must be {allowed}. Received: the shape {array.shape}"
            )
        return [np.ascontiguousarray(np.broadcast_to(array, shape))]

    def _noise_dim(self) -> int:
        return self.heads.noise_dim

    def _player(self) -> Player:
        if self._compiled_player is None:
            self._compiled_player = Player(self)
        return self._compiled_player


def _checked_seed(seed: int | None) -> int:
    if seed is None:
        return secrets.randbits(32)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ConfigError(f"`seed` must be an integer of at least 0. Received: {seed!r}")
    return int(seed)


def _stream(seed: int, purpose: int) -> np.random.Generator:
    """Independent streams for latents and for noise, each filled example by example."""
    return np.random.default_rng([seed, purpose])


def _uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """In (0, 1), never at the ends, where a logarithm is infinite."""
    integers = rng.integers(0, 1 << 23, shape, np.uint32)
    return ((integers + 0.5) / (1 << 23)).astype(np.float32)
