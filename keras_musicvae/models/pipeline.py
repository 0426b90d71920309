"""The pipeline of the verbs: read, encode, move, decode, join.

Music becomes a `Reading`, windows with what the model is given of them; its latents are
moved by the verb; what is decoded from them is joined to grooves again.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.arguments import checked_temperature, checked_tempo
from keras_musicvae.errors import ConfigError, GrooveError
from keras_musicvae.grooves.conditions import Unasked
from keras_musicvae.grooves.examples import Examples
from keras_musicvae.grooves.frames import NUM_FEATURES
from keras_musicvae.grooves.pieces import Piece, array_pieces
from keras_musicvae.grooves.read_report import ReadReport
from keras_musicvae.models.inference import Inference
from keras_musicvae.models.random import Draws, Purpose
from keras_musicvae.models.results import Grooves

DEFAULT_TEMPO = 120.0

Arrays = NDArray[np.float32]


class Playing:
    """How grooves are drawn: the arguments that all verbs have which decode.

    Raises:
        ConfigError: One of them is out of range.
    """

    def __init__(self, temperature: Any, seed: int | None, tempo: Any = None) -> None:
        self.temperature = checked_temperature(temperature)
        self.tempo = checked_tempo(tempo)
        self.draws = Draws(seed)
        self.reports: list[ReadReport] = []

    def at(self, number: int) -> "Playing":
        """The same with other random numbers, for one of several draws."""
        other = copy(self)
        other.draws = self.draws.at(number)
        return other


@dataclass(frozen=True)
class Reading:
    """Pieces of music as the windows that a model reads.

    Attributes:
        pieces: The music.
        batch: What the model reads of all windows, piece after piece.
        base: (windows, condition_dim), the conditions if nothing had been asked for.
    """

    pieces: tuple[Piece, ...]
    batch: Mapping[str, Arrays]
    base: Arrays | None = None

    @property
    def given(self) -> dict[str, Arrays]:
        """The part of the batch that the decoder reads too."""
        return {name: x for name, x in self.batch.items() if name != "grooves"}

    @property
    def spans(self) -> list[slice]:
        """Where the windows of each piece are among those of all."""
        ends = np.cumsum([len(piece.start_bars) for piece in self.pieces]).tolist()
        return [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]

    def noise_rows(self, copies: int = 1) -> list[int]:
        """Which row of the noise each window gets, if each piece comes several times.

        Every piece of music starts anew, so that it becomes the same alone or with
        others; the rows of an array are drawn independently of each other.
        """
        rows: list[int] = []
        next_row = 0
        for piece in self.pieces:
            number = copies * len(piece.start_bars)
            first = next_row if piece.groove is None else 0
            rows += range(first, first + number)
            if piece.groove is None:
                next_row += number
        return rows

    def repeated(self, copies: int) -> "Reading":
        """Each piece several times, one after the other."""
        numbers = [n for n in range(len(self.pieces)) for _ in range(copies)]
        spans = self.spans
        rows = np.concatenate([np.r_[spans[n]] for n in numbers])
        batch = {name: array[rows] for name, array in self.batch.items()}
        base = None if self.base is None else self.base[rows]
        return Reading(tuple(self.pieces[n] for n in numbers), batch, base)


class NameAndTempo(NamedTuple):
    """What a groove is called and how fast it is."""

    name: str
    tempo: float
    tempo_changes: tuple[tuple[float, float], ...] = ()


class VerbPipeline:
    """The stages that the verbs of `MusicVAE` are put together from."""

    num_bars: int
    steps_per_bar: int
    condition_dim: int
    latent_dim: int
    heads: Any
    known_path: Any
    prior: Any
    preprocessor: Any
    _inference: Inference | None

    if TYPE_CHECKING:  # `MusicVAE` has them.

        @property
        def num_steps(self) -> int: ...  # noqa: D102

        def to_batch(self, examples: Examples, **options: Any) -> Any: ...  # noqa: D102

    # --- Read -----------------------------------------------------------------

    def _pieces(self, music: Any, reading: Mapping[str, Any]) -> list[Piece]:
        """Music as pieces; the preprocessor reads what is no array."""
        if self.preprocessor is not None:
            return self.preprocessor.pieces(music, **reading)
        if not hasattr(music, "__array__") and not isinstance(music, list | tuple):
            raise GrooveError(
                f"Without a preprocessor the model takes arrays (number, "
                f"{self.num_steps}, {NUM_FEATURES}). Set `model.preprocessor = "
                f"GrooveConverter({self.num_bars})` to give it music. "
                f"Received: {type(music).__name__}"
            )
        return array_pieces(music, self.num_bars, self.steps_per_bar)

    def _read(
        self,
        pieces: Sequence[Piece],
        draws: Draws,
        known: Any = None,
        condition: Any = None,
        *,
        blank: bool = False,
        unasked: Unasked = Unasked.READ,
    ) -> Reading:
        """Pieces as windows, with what the model is given of them.

        Args:
            pieces: The music.
            draws: Decide what the task leaves to chance.
            known: What is known: music, of which the task says what; without a
                preprocessor the array. None: the task says what of the pieces.
            condition: Values by the names of conditions; without a preprocessor the
                array.
            blank: Whether the pieces hold no music: nothing is known of them, and no
                condition is read from them.
            unasked: What the conditions are that are not given.
        """
        windows = np.concatenate([piece.windows for piece in pieces])
        if blank and unasked is Unasked.READ:
            unasked = Unasked.DEFAULT
        if self.preprocessor is None:
            given = self._given_arrays(len(windows), known, condition)
            return Reading(tuple(pieces), {"grooves": windows, **given})
        if condition is not None and not isinstance(condition, Mapping):
            raise ConfigError(
                "`condition` must be values by the names of conditions, such as "
                f"{{'density': 16}}. Received: {condition!r}"
            )
        options = {
            "condition": condition,
            "unasked": unasked,
            "generator": draws.stream(Purpose.KNOWN),
        }
        batch = self.to_batch(self._examples(pieces), **options)
        if known is not None:
            self._check_known()
            others = self._others(known, pieces, "known")
            options["generator"] = draws.stream(Purpose.KNOWN)
            batch["known"] = self.to_batch(self._examples(others), **options)["known"]
        elif blank and "known" in batch:
            if self.known_path.decoder:
                raise ConfigError(
                    f"This model needs `known`: music, of which its task, "
                    f"{self.preprocessor.task.name!r}, says what is known."
                )
            del batch["known"]
        base = None
        if "condition" in batch:
            if unasked is Unasked.READ:
                unasked = Unasked.DEFAULT
            options = {"unasked": unasked, "generator": draws.stream(Purpose.KNOWN)}
            examples = self._examples(pieces)
            base = self.preprocessor.to_batch(examples, **options)["condition"]
        return Reading(tuple(pieces), batch, base)

    def _check_known(self) -> None:
        """Raises `ConfigError` if nothing can be known."""
        task = self.preprocessor.task
        if not task.knows:
            raise ConfigError(
                f"The model's task, {task.name!r}, knows nothing of a groove: leave "
                "`known` out."
            )

    def _others(self, music: Any, pieces: Sequence[Piece], name: str) -> list[Piece]:
        """Music beside `pieces`, one piece for each and as long.

        Args:
            music: One for all, or one for each.
            pieces: The pieces.
            name: The argument that the music is.
        """
        others = self._pieces(music, {})
        if len(others) == 1:
            others *= len(pieces)
        if len(others) != len(pieces):
            raise GrooveError(
                f"`{name}` must be one piece of music, or one for each of the "
                f"{len(pieces)}. Received: {len(others)}"
            )
        return [
            other.looped(max(piece.length, piece.num_bars))
            for other, piece in zip(others, pieces, strict=True)
        ]

    def _given_arrays(self, number: int, known: Any, condition: Any) -> dict[str, Any]:
        """`known` and `condition` of a model without a preprocessor."""
        needed: dict[str, tuple[Any, tuple[int, ...]]] = {}
        if self.known_path.is_read:
            needed["known"] = (known, (self.num_steps, 2 * NUM_FEATURES))
        if self.condition_dim:
            needed["condition"] = (condition, (self.condition_dim,))
        given = {}
        for name, (value, shape) in needed.items():
            array = np.asarray(value if value is not None else [], np.float32)
            if array.shape not in (shape, (1, *shape), (number, *shape)):
                raise ConfigError(
                    f"Without a preprocessor this model needs `{name}`, an array of "
                    f"the shape {shape} or {(number, *shape)}. Received: "
                    f"{None if value is None else f'the shape {array.shape}'}"
                )
            whole = np.broadcast_to(array, (number, *shape))
            given[name] = np.ascontiguousarray(whole)
        for name, value in (("known", known), ("condition", condition)):
            if value is not None and name not in needed:
                raise ConfigError(f"This model reads no `{name}`: leave it out.")
        return given

    def _examples(self, pieces: Sequence[Piece]) -> Examples:
        return Examples(
            np.concatenate([piece.windows for piece in pieces]),
            self.num_bars,
            tempo=[piece.tempo_at(bar) for piece in pieces for bar in piece.start_bars],
            start_bar=[bar for piece in pieces for bar in piece.start_bars],
        )

    def _blank(self, number: int) -> list[Piece]:
        """Pieces of one window each without any music."""
        frames = np.zeros((self.num_steps, NUM_FEATURES), np.float32)
        return [Piece(frames, self.num_bars, self.steps_per_bar)] * number

    def _batch_of(self, music: Any) -> dict[str, Arrays]:
        """Music as `fit` takes it."""
        return self.to_batch(self._examples(self._pieces(music, {})))

    # --- Encode and decode ----------------------------------------------------

    def _encode(self, reading: Reading) -> tuple[Arrays, Arrays]:
        """z_mean and z_stddev of all windows, each (windows, latent_dim)."""
        return self.inference.encode(reading.batch)

    def _decode(
        self,
        z: Arrays,
        reading: Reading,
        playing: Playing,
        noise: Arrays,
        kept: Arrays | None = None,
    ) -> Arrays:
        """Latents and noise -> (windows, num_steps, 27).

        Args:
            z: (windows, latent_dim).
            reading: What the decoder reads besides.
            playing: How hits and values are drawn.
            noise: (windows, num_steps, heads.noise_dim), uniform in (0, 1).
            kept: (windows, num_steps, 54), what is in the result bit for bit. Defaults
                to what the model's task keeps.
        """
        if kept is None:
            kept = self.kept_of(reading.batch)
        return self.inference.decode(z, noise, playing.temperature, reading.given, kept)

    def _uniform(
        self, playing: Playing, rows: Sequence[int], purpose: Purpose = Purpose.HITS
    ) -> Arrays:
        """Uniform noise for windows: (windows, num_steps, heads.noise_dim)."""
        shape = (max(rows) + 1, self.num_steps, self.heads.noise_dim)
        return playing.draws.uniform(purpose, shape)[list(rows)]

    def _noise_behind(self, z: Arrays, reading: Reading, playing: Playing) -> Arrays:
        """The noise from which the windows themselves would be drawn.

        Whoever changes z, a condition or a part of this noise gets the same music as
        far as nothing speaks against it: a counterfactual (Buesing et al. 2019, arXiv
        1811.06272, draws noise in hindsight).
        """
        chance = self._uniform(playing, reading.noise_rows())
        if not playing.temperature:
            return chance  # Without temperature no noise is heard.
        return self.inference.noise_behind(
            z, chance, playing.temperature, reading.batch
        )

    def kept_of(self, batch: Mapping[str, Arrays]) -> Arrays | None:
        """The known part of a batch, if the model's task keeps it."""
        kept = self.preprocessor is not None and self.preprocessor.task.kept
        return batch.get("known") if kept else None

    @property
    def inference(self) -> Inference:
        """The compiled functions of the model, for arrays of any number."""
        if self._inference is None:
            self._inference = Inference(self)
        return self._inference

    # --- Join -----------------------------------------------------------------

    def _join(
        self,
        frames: Arrays,
        reading: Reading,
        titles: Sequence[NameAndTempo],
        playing: Playing,
    ) -> Any:
        """What was decoded for the windows of pieces, put together again."""
        pairs = zip(reading.pieces, reading.spans, strict=True)
        joined = [piece.join(frames[span]) for piece, span in pairs]
        if self.preprocessor is None:
            return np.stack(joined)
        grooves = []
        for array, title in zip(joined, titles, strict=True):
            groove = self.preprocessor.to_groove(array, title.tempo, name=title.name)
            if title.tempo_changes:
                groove = replace(groove, tempo_changes=title.tempo_changes)
            grooves.append(groove)
        draws, temperature = playing.draws, playing.temperature
        return Grooves(
            grooves,
            seed=draws.seed,
            temperature=temperature,
            reports=playing.reports,
        )


def reports_of(pieces: Sequence[Piece]) -> list[ReadReport]:
    """What was left out of the files that pieces were read from."""
    grooves = (piece.groove for piece in pieces)
    return [groove.report for groove in grooves if groove and groove.report]


def title_of(piece: Piece, tempo: float | None, suffix: str = "") -> NameAndTempo:
    """The name and the tempo of what a piece becomes; `tempo` replaces its own."""
    name = piece.groove.name if piece.groove is not None else ""
    name = f"{name or 'groove'}{suffix}"
    if tempo is not None:
        return NameAndTempo(name, tempo)
    if piece.groove is None:
        return NameAndTempo(name, DEFAULT_TEMPO)
    return NameAndTempo(name, piece.groove.tempo, piece.groove.tempo_changes)
