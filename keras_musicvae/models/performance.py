"""From music to latents and from latents to music: what the verbs have in common."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_musicvae.errors import ConfigError, GrooveError
from keras_musicvae.grooves.inputs import Piece, array_pieces, read_pieces
from keras_musicvae.models.player import Player
from keras_musicvae.models.random import Draws, Purpose
from keras_musicvae.models.results import Grooves

DEFAULT_TEMPO = 120.0

Arrays = NDArray[np.float32]


class Title(NamedTuple):
    """What a groove is called and how fast it is."""

    name: str
    tempo: float
    tempo_changes: tuple[tuple[float, float], ...] = ()


class MusicPerformance:
    """The parts that the verbs are put together from."""

    num_bars: int
    steps_per_bar: int
    control_dim: int
    latent_dim: int
    heads: Any
    prior: Any
    preprocessor: Any
    _compiled_player: Player | None

    if TYPE_CHECKING:  # `MusicVAE` has them.

        @property
        def num_steps(self) -> int: ...  # noqa: D102

        @property
        def frame_dim(self) -> int: ...  # noqa: D102

    def _pieces(self, music: Any) -> list[Piece]:
        """Music as windows of the model; see `grooves/inputs.py`."""
        if self.preprocessor is None:
            if not hasattr(music, "__array__") and not isinstance(music, list | tuple):
                raise GrooveError(
                    "Without a preprocessor the model takes arrays (number, "
                    f"{self.num_steps}, {self.frame_dim}). Set `model.preprocessor = "
                    f"GrooveConverter({self.num_bars})` to give it music. "
                    f"Received: {type(music).__name__}"
                )
            return array_pieces(
                music, self.num_bars, self.steps_per_bar, self.frame_dim
            )
        pieces = read_pieces(music, self.preprocessor)
        converter = self.preprocessor
        if (converter.num_bars, converter.steps_per_bar) != (
            self.num_bars,
            self.steps_per_bar,
        ):
            raise ConfigError(
                f"The preprocessor must cut {self.num_bars} bars of "
                f"{self.steps_per_bar} steps for this model. Received: "
                f"{converter.num_bars} bars of {converter.steps_per_bar} steps"
            )
        return pieces

    def _batch_of(self, music: Any) -> Arrays:
        return np.concatenate([piece.windows for piece in self._pieces(music)])

    def _posterior(
        self, pieces: Sequence[Piece], controls: Arrays | None
    ) -> tuple[Arrays, Arrays]:
        """z_mean and z_stddev of all windows, (windows, latent_dim)."""
        windows = np.concatenate([piece.windows for piece in pieces])
        return self._player().encode(windows, *_present(controls))

    def _write(
        self,
        z: Arrays,
        rows: Sequence[int],
        seed: int,
        temperature: float,
        controls: Arrays | None,
    ) -> Arrays:
        """Latents -> (number, num_steps, frame_dim); `rows`: which noise each gets."""
        shape = (max(rows) + 1, self.num_steps, self.heads.noise_dim)
        noise = Draws(seed).uniform(Purpose.HITS, shape)[list(rows)]
        return self._player().decode(z, noise, temperature, *_present(controls))

    def _joined(
        self,
        pieces: Sequence[Piece],
        written: Arrays,
        titles: Sequence[Title],
        seed: int,
        temperature: float,
    ) -> Any:
        """What was written for the windows of pieces, put together again."""
        parts = np.split(written, np.cumsum([len(p.start_bars) for p in pieces])[:-1])
        joined = [piece.join(part) for piece, part in zip(pieces, parts, strict=True)]
        if self.preprocessor is None:
            return np.stack(joined)
        grooves = [
            self._groove(frames, title)
            for frames, title in zip(joined, titles, strict=True)
        ]
        return Grooves(grooves, seed=seed, temperature=temperature)

    def _groove(self, frames: Arrays, title: Title) -> Any:
        groove = self.preprocessor.to_groove(frames, title.tempo, name=title.name)
        if title.tempo_changes:
            groove = replace(groove, tempo_changes=title.tempo_changes)
        return groove

    # --- Controls -------------------------------------------------------------

    def _controls(self, controls: ArrayLike | None, number: int) -> Arrays | None:
        """Controls for `number` windows: None if the model has none."""
        shape = (number, self.num_steps, self.control_dim)
        if controls is None:
            if self.control_dim:
                raise ConfigError(
                    f"This model needs `controls` of the shape {shape[1:]} or {shape}."
                )
            return None
        array = np.asarray(controls, np.float32)
        if not self.control_dim or array.shape not in (shape, shape[1:]):
            allowed = f"{shape[1:]} or {shape}" if self.control_dim else "None"
            raise ConfigError(
                f"`controls` must be {allowed}. Received: the shape {array.shape}"
            )
        return np.ascontiguousarray(np.broadcast_to(array, shape))

    def _window_controls(
        self, controls: ArrayLike | None, pieces: Sequence[Piece]
    ) -> Arrays | None:
        """Controls for the windows of pieces, by `hits_control` their own hits."""
        if controls is None and self._hears_hits:
            controls = np.concatenate([piece.controls for piece in pieces])
        return self._controls(controls, sum(len(piece.start_bars) for piece in pieces))

    @property
    def _hears_hits(self) -> bool:
        """Whether the controls are the hits of the music itself."""
        variant = getattr(self.preprocessor, "variant", None)
        return bool(self.control_dim) and variant == "hits_control"

    def _player(self) -> Player:
        if self._compiled_player is None:
            self._compiled_player = Player(self)
        return self._compiled_player


def title_of(piece: Piece, tempo: float | None, suffix: str = "") -> Title:
    """The name and the tempo of what a piece becomes; `tempo` replaces its own."""
    name = piece.groove.name if piece.groove is not None else ""
    name = f"{name or 'groove'}{suffix}"
    if tempo is not None:
        return Title(name, tempo)
    if piece.groove is None:
        return Title(name, DEFAULT_TEMPO)
    return Title(name, piece.groove.tempo, piece.groove.tempo_changes)


def noise_rows(pieces: Sequence[Piece], copies: int = 1) -> list[int]:
    """Which row of the noise each window gets.

    Every piece of music starts anew, so that it becomes the same alone or with others;
    the rows of an array are drawn independently of each other.
    """
    rows: list[int] = []
    next_row = 0
    for piece in pieces:
        number = copies * len(piece.start_bars)
        first = next_row if piece.groove is None else 0
        rows += range(first, first + number)
        if piece.groove is None:
            next_row += number
    return rows


def window_spans(pieces: Sequence[Piece]) -> list[slice]:
    """Where the windows of each piece are among those of all."""
    ends = np.cumsum([len(piece.start_bars) for piece in pieces]).tolist()
    return [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]


def _present(controls: Arrays | None) -> list[Arrays]:
    return [] if controls is None else [controls]
