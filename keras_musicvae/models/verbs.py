"""What a musician asks of the model: sample, encode, decode, reconstruct, similar,
interpolate.

With a preprocessor the verbs take music of any kind and give `Groove`s; with
`model.preprocessor = None` they take and give arrays (KerasHub's rule). All randomness
is drawn by NumPy outside of the compiled functions (`random.py`), so that a seed gives
the same notes on every backend, up to rounding at a hit's threshold.

performance = decode(z, known, condition): a verb is a choice of these three.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_musicvae.arguments import (
    checked_grid,
    checked_num_samples,
    checked_similarity,
)
from keras_musicvae.errors import ConfigError, GrooveError
from keras_musicvae.grooves.conditions import CONDITIONS, Unasked, move_conditions
from keras_musicvae.grooves.pieces import Piece
from keras_musicvae.grooves.tasks import find_task
from keras_musicvae.models.latent_paths import (
    blended_among,
    chosen_among,
    grid_among,
    nearby,
    path_between,
)
from keras_musicvae.models.pipeline import (
    DEFAULT_TEMPO,
    NameAndTempo,
    Playing,
    Reading,
    VerbPipeline,
    reports_of,
    title_of,
)
from keras_musicvae.models.random import Draws, Purpose
from keras_musicvae.models.results import Grooves, Latents

__all__ = ["DEFAULT_TEMPERATURE", "DEFAULT_TEMPO", "Grooves", "Latents", "MusicVerbs"]

# The model's own distribution: lower is tidier, higher is wilder. The default of every
# verb.
DEFAULT_TEMPERATURE = 1.0

# Brings similarities to shares of the noise that is kept, so that hits change evenly:
# measured on the validation windows with `groove_4bar` at temperature 1.
_EVENLY = 1.9

# Conditions that say how hits are played, not which.
FEEL = frozenset(("loudness", "swing"))


class MusicVerbs(VerbPipeline):
    """The musical side of `MusicVAE`.

    Music is, with a preprocessor, the path of a MIDI file, its bytes, a
    `miditoolkit.MidiFile`, a `Groove` or an array (steps, 27), or a list of these; of
    any length, in the time signature and read with the drum map of the preprocessor.
    It is cut into windows of `num_bars` bars and put together again; what is shorter
    than a window is repeated until it fills one. Without a preprocessor music is an
    array (steps, 27) or (number, steps, 27), and so is every result.

    All verbs take two arguments for models that read them:

    - `known`: the music that is known; the model's task says what of it. Where the
      task keeps it, it is in the result, bit for bit. Without a preprocessor the array
      (number, num_steps, 54).
    - `condition`: values by the names of conditions, such as `{"density": 16}`; None
      leaves one open. Without a preprocessor the array (number, condition_dim).

    Verbs that take music also take `**reading`, how files are read: the arguments of
    `inputs.read_pieces`, such as `drum_map`.
    """

    def sample(
        self,
        num_samples: int = 1,
        *,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        known: Any = None,
        condition: Any = None,
        **wishes: Any,
    ) -> Any:
        """New grooves: latents from the prior, decoded.

        Args:
            num_samples: How many. The first of 5 is the one that `num_samples=1` gives.
            temperature: From 0 (each latent's most likely hits) upwards. Defaults to
                1, the model's own distribution.
            seed: Integer of at least 0; None draws one.
            tempo: Quarter notes per minute of the grooves; also the condition of this
                name, if the model has it. Defaults to 120, or to that of `known`.
            known: Music of which a part is known, one or several: each gives
                `num_samples` grooves of its length. Needed if the decoder reads it.
            condition: Values of conditions by name; those that are not given are open.
            **wishes: The same, one by one: `style="funk"`, `density=0.8`,
                `loudness=`, `swing=`, `fill=True`, as the preset has them.

        Returns:
            `Grooves`, a list that knows its `seed`; without a preprocessor an array
            (number, num_steps, 27).

        Raises:
            ConfigError: An argument is out of range, or the model has no such
                condition.

        Example:
            >>> model = MusicVAE.from_preset("groove_4bar")  # doctest: +SKIP
            >>> for groove in model.sample(5, style="funk"):  # doctest: +SKIP
            ...     groove.save(f"{groove.name}.mid")
        """
        num_samples = checked_num_samples(num_samples)
        playing = Playing(temperature, seed, tempo)
        draws = playing.draws
        if wishes:
            condition = {**(condition or {}), **wishes}
        condition = self._with_tempo(condition, playing.tempo)
        if known is None or self.preprocessor is None:
            pieces, copies = self._blank(num_samples), 1
            reading = self._read(
                pieces, draws, known, condition, blank=True, unasked=Unasked.DRAWN
            )
            names = [f"groove {i}" for i in range(1, num_samples + 1)]
            titles = [NameAndTempo(n, playing.tempo or DEFAULT_TEMPO) for n in names]
        else:
            self._check_known()
            pieces, copies = self._pieces(known, {}), num_samples
            reading = self._read(pieces, draws, None, condition, unasked=Unasked.DRAWN)
            titles = _copies_of(pieces, copies, playing.tempo, "take")
        rows = reading.noise_rows(copies)
        reading = reading.repeated(copies)
        shape = (len(rows), self.latent_dim)
        z = self._latents_of(draws.normal(Purpose.LATENTS, shape), reading)
        frames = self._decode(z, reading, playing, self._uniform(playing, rows))
        return self._join(frames, reading, titles, playing)

    def encode(
        self,
        music: Any,
        *,
        sample: bool = False,
        seed: int | None = None,
        known: Any = None,
        condition: Any = None,
        **reading: Any,
    ) -> Latents:
        """Where music lies in the latent space: the posterior of each window.

        Args:
            music: Music of any kind, one or several, see `MusicVerbs`.
            sample: False, the default, gives the mean of the posterior, the best
                single estimate; True a random draw from it.
            seed: Of the draw; None draws one, which the result reports.
            known: Other music that is known. Defaults to the music itself.
            condition: Values of conditions; those that are not given are read from the
                music.
            **reading: How files are read.

        Returns:
            The pair (z, z_stddev), each (windows, latent_dim), window after window,
            input after input; `Latents` also says which row is which.

        Raises:
            GrooveError: Another time signature, grid or shape than the model's.
            MidiError: A file that cannot be read.
            ConfigError: An argument is out of range.

        Example:
            >>> z, z_stddev = model.encode("beat.mid")  # doctest: +SKIP
            >>> z.shape  # doctest: +SKIP
            (2, 256)
        """
        draws = Draws(seed if sample else 0)
        pieces = self._pieces(music, reading)
        read = self._read(pieces, draws, known, condition)
        z, stddev = self._encode(read)
        if sample:
            rows = read.noise_rows()
            shape = (max(rows) + 1, self.latent_dim)
            z = z + stddev * draws.normal(Purpose.POSTERIOR, shape)[rows]
        starts = [(i, bar) for i, p in enumerate(pieces) for bar in p.start_bars]
        return Latents(
            z,
            stddev,
            inputs=[i for i, _ in starts],
            start_bars=[bar for _, bar in starts],
            tempos=[pieces[i].tempo_at(bar) for i, bar in starts],
            seed=draws.seed if sample else None,
        )

    def decode(
        self,
        z: ArrayLike | Latents,
        *,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        known: Any = None,
        condition: Any = None,
    ) -> Any:
        """Grooves from latents, one from each.

        Args:
            z: (number, latent_dim), or (latent_dim,) for one, or what `encode` gave.
            temperature: From 0 (deterministic) upwards. Defaults to 1.
            seed: Integer of at least 0; None draws one. Not used at temperature 0.
            tempo: Quarter notes per minute. Defaults to that of the music that was
                encoded, or else to 120.
            known: Music that is known: one for all latents, or one for each. Needed if
                the decoder reads it.
            condition: Values of conditions; those that are not given are open.

        Returns:
            As `sample`.

        Raises:
            ConfigError: An argument is out of range.
            GrooveError: `z` is not of that shape, or not finite.
        """
        playing = Playing(temperature, seed, tempo)
        tempos: Sequence[float | None] = []
        if isinstance(z, Latents):
            tempos, z = z.tempos, z.z
        latents = self._checked_latents(z)
        number = len(latents)
        condition = self._with_tempo(condition, playing.tempo)
        pieces = self._blank(number)
        reading = self._read(pieces, playing.draws, known, condition, blank=True)
        titles = [
            NameAndTempo(f"groove {i}", playing.tempo or own or DEFAULT_TEMPO)
            for i, own in enumerate(tempos or [None] * number, start=1)
        ]
        noise = self._uniform(playing, range(number))
        frames = self._decode(latents, reading, playing, noise)
        return self._join(frames, reading, titles, playing)

    def reconstruct(
        self,
        music: Any,
        *,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        known: Any = None,
        condition: Any = None,
        **reading: Any,
    ) -> Any:
        """Music as the model understands it: encoded to its mean, and decoded.

        Args:
            music: Music of any kind, one or several, see `MusicVerbs`. Each gives what
                it would give alone.
            temperature: From 0 (deterministic) upwards. Defaults to 1.
            seed: Integer of at least 0; None draws one.
            tempo: Quarter notes per minute. Defaults to that of the music, tempo
                changes included; 120 for arrays.
            known: As in `encode`.
            condition: As in `encode`.
            **reading: How files are read.

        Returns:
            One `Groove` for each input, of its length, as `Grooves`; without a
            preprocessor an array of the shape of `music`.

        Raises:
            GrooveError, MidiError, ConfigError: As `encode`.

        Example:
            >>> model.reconstruct("beat.mid", seed=3)[0].save("again.mid")
            ... # doctest: +SKIP
        """
        playing = Playing(temperature, seed, tempo)
        pieces = self._pieces(music, reading)
        playing.reports = reports_of(pieces)
        read = self._read(pieces, playing.draws, known, condition)
        z, _ = self._encode(read)
        noise = self._uniform(playing, read.noise_rows())
        frames = self._decode(z, read, playing, noise)
        titles = [title_of(piece, playing.tempo) for piece in pieces]
        return self._join(frames, read, titles, playing)

    def similar(
        self,
        music: Any,
        num_samples: int = 1,
        similarity: float = 0.8,
        *,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        known: Any = None,
        condition: Any = None,
        **reading: Any,
    ) -> Any:
        """Variations: grooves from latents and noise near those of the music.

        Its latent moves along an arc towards one of the prior, see
        `latent_paths.nearby`, and of the noise from which the music would have been
        drawn as large a share is new.

        Args:
            music: Music of any kind, one or several, see `MusicVerbs`.
            num_samples: How many variations of each input. Defaults to 1.
            similarity: From 0, unrelated grooves of the same density, loudness and
                swing, to 1, the music itself. In between the hits that change grow
                evenly: at 0.8 a fifth of those that change at 0. Defaults to 0.8,
                close variations.
            temperature: Above 0; at 0 the music itself is not found again, only its
                reconstruction. Defaults to 1.
            seed: Integer of at least 0; None draws one.
            tempo: As in `reconstruct`.
            known: As in `encode`.
            condition: As in `encode`.
            **reading: How files are read.

        Returns:
            `Grooves`, the variations of the first input, then those of the second...,
            each of its input's length; without a preprocessor an array.

        Raises:
            GrooveError, MidiError, ConfigError: As `encode`.

        Example:
            >>> model.similar("beat.mid", 4, similarity=0.9)  # doctest: +SKIP
        """
        num_samples = checked_num_samples(num_samples)
        similarity = 1.0 - (1.0 - checked_similarity(similarity)) ** _EVENLY
        playing = Playing(temperature, seed, tempo)
        pieces = self._pieces(music, reading)
        playing.reports = reports_of(pieces)
        read = self._read(pieces, playing.draws, known, condition)
        mean, _ = self._encode(read)
        z = self._near(mean, read, num_samples, similarity, playing.draws)
        rows = read.noise_rows(num_samples)
        behind = self._noise_behind(mean, read, playing)
        noise = np.where(
            self._uniform(playing, rows, Purpose.CHOICE) < similarity,
            _in_copies(behind, read, num_samples),
            self._uniform(playing, rows),
        )
        copies = read.repeated(num_samples)
        frames = self._decode(z, copies, playing, noise)
        titles = _copies_of(pieces, num_samples, playing.tempo, "similar")
        return self._join(frames, copies, titles, playing)

    def vary(
        self,
        music: Any,
        *,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        **options: Any,
    ) -> Any:
        """The same music, denser or sparser, louder or softer, in another style...

        The music is encoded under its own conditions and decoded under others, from
        the noise from which it would have come itself: what the conditions do not
        change stays. Where only its feel changes, its hits stay bit for bit.

        Args:
            music: Music of any kind, one or several, see `MusicVerbs`.
            temperature: From 0 (deterministic) upwards. Defaults to 1.
            seed: Integer of at least 0; None draws one.
            tempo: As in `reconstruct`; also the condition of this name.
            **options: Changes by the names of the model's conditions: of `density`,
                `loudness` and `swing` in standard deviations of the training windows,
                such as `density=-1`; of others new values, such as `style="jazz"`.
                Others say how files are read.

        Returns:
            As `reconstruct`.

        Raises:
            ConfigError: No change is given, or the model has no such condition.
            GrooveError, MidiError: As `encode`.

        Example:
            >>> model.vary("beat.mid", density=-1, swing=0.5)  # doctest: +SKIP
        """
        playing = Playing(temperature, seed, tempo)
        moves = {name: options.pop(name) for name in set(options) & set(CONDITIONS)}
        conditions = self._conditions
        if not moves:
            names = ", ".join(name for name in conditions if name != "tempo")
            raise ConfigError(
                f"`vary` needs a change of a condition of the model: {names or 'none'}."
            )
        pieces = self._pieces(music, options)
        playing.reports = reports_of(pieces)
        condition = self._with_tempo(None, playing.tempo)
        read = self._read(pieces, playing.draws, None, condition)
        mean, _ = self._encode(read)
        noise, lost = self._noise_of(mean, read)
        moved = move_conditions(conditions, read.batch["condition"], moves)
        changed = replace(read, batch={**read.batch, "condition": moved})
        z = self._latents_of(noise, changed) + lost
        kept = None
        if not set(moves) - FEEL:
            kept = find_task("humanize").known(self._examples(pieces))
        behind = self._noise_behind(mean, read, playing)
        frames = self._decode(z, changed, playing, behind, kept)
        titles = [title_of(piece, playing.tempo, " varied") for piece in pieces]
        return self._join(frames, changed, titles, playing)

    def interpolate(
        self,
        music: Any,
        steps: int | tuple[int, int] = 5,
        *,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        known: Any = None,
        condition: Any = None,
        **reading: Any,
    ) -> Any:
        """Grooves on the way from one groove to another, or between four.

        Two inputs A and B give a row, four a grid, row by row:

            A . . . B        A . . . B
                             . . . . .
                             C . . . D

        The ends are the music itself, at temperatures above 0. On the way the latents
        lie on arcs (`latent_paths.slerp`) in the noise of the prior, conditions such
        as density change evenly, and more and more of the noise from which hits are
        drawn is that of the other end. Where inputs differ in length, the shorter ones
        are repeated.

        Args:
            music: A list of two or four inputs, see `MusicVerbs`.
            steps: For two inputs, how many grooves, both ends included; for four
                (rows, columns), or one number for both. Defaults to 5.
            temperature: From 0 (deterministic) upwards. Defaults to 1.
            seed: Integer of at least 0; None draws one.
            tempo: Quarter notes per minute. Defaults to a way from the tempo of the
                one to that of the other.
            known: Music that is known in all grooves. Needed if the decoder reads it.
            condition: Values of conditions in all grooves; those that are not given are
                open.
            **reading: How files are read.

        Returns:
            `Grooves`, with `grid` set for four inputs; without a preprocessor an array
            (grooves, steps, 27).

        Raises:
            GrooveError, MidiError, ConfigError: As `encode`; or not two or four inputs.

        Example:
            >>> for groove in model.interpolate(["a.mid", "b.mid"], 8):
            ...     groove.save(f"{groove.name}.mid")  # doctest: +SKIP
        """
        playing = Playing(temperature, seed, tempo)
        pieces = self._pieces(music, reading)
        playing.reports = reports_of(pieces)
        rows, columns = checked_grid(steps, len(pieces))
        points = rows * columns
        longest = max(piece.length for piece in pieces)
        pieces = [piece.looped(longest) for piece in pieces]
        arrays = self.preprocessor is None
        ends = self._read(pieces, playing.draws, known if arrays else None, condition)
        read = self._read(pieces[:1], playing.draws, known, condition, blank=True)
        read = read.repeated(points)
        mean, _ = self._encode(ends)
        z, read = self._among(mean, ends, read, rows, columns)
        behind = self._noise_behind(mean, ends, playing)
        corners = behind.reshape(len(pieces), -1, *behind.shape[1:])
        change = self._uniform(playing, range(len(corners[0])), Purpose.CHOICE)
        noise = chosen_among(corners, change, rows, columns).reshape(
            -1, *behind.shape[1:]
        )
        frames = self._decode(z, read, playing, noise)
        if playing.tempo is None:
            tempos = _tempos_among(pieces, rows, columns)
        else:
            tempos = [playing.tempo] * points
        titles = [NameAndTempo(f"step {i}", bpm) for i, bpm in enumerate(tempos, 1)]
        grooves = self._join(frames, read, titles, playing)
        if isinstance(grooves, Grooves) and len(pieces) == 4:
            grooves.grid = (rows, columns)
        return grooves

    # --- Moves ----------------------------------------------------------------

    def _near(
        self,
        mean: Any,
        reading: Reading,
        number: int,
        similarity: float,
        draws: Draws,
    ) -> Any:
        """All variations of a piece, then those of the next; windows innermost."""
        noise, lost = self._noise_of(mean, reading)
        z = []
        normal = draws.stream(Purpose.NEIGHBOURS)
        for piece, span in zip(reading.pieces, reading.spans, strict=True):
            if piece.groove is not None:  # As `noise_rows`: each piece starts anew.
                normal = draws.stream(Purpose.NEIGHBOURS)
            shape = (number, *mean[span].shape)
            others = normal.standard_normal(shape, np.float32)
            z.append(nearby(noise[span], others, similarity))
        moved = np.concatenate([part.reshape(-1, self.latent_dim) for part in z])
        copies = reading.repeated(number)
        lost = _in_copies(lost, reading, number)
        return self._latents_of(moved, copies) + similarity * lost

    def _among(
        self, mean: Any, ends: Reading, read: Reading, rows: int, columns: int
    ) -> tuple[Any, Reading]:
        """Latents and conditions on the way between two pieces, or among four."""
        noise, lost = self._noise_of(mean, ends)
        number = len(ends.pieces)

        def corners(array: Any) -> Any:
            return array.reshape(number, -1, array.shape[-1])

        if number == 2:
            first, last = corners(noise)
            path = path_between(first, last, columns)
        else:
            path = grid_among(corners(noise), rows, columns)
        if "condition" in read.batch:
            way = blended_among(corners(ends.batch["condition"]), rows, columns)
            condition = way.reshape(-1, way.shape[-1])
            read = replace(read, batch={**read.batch, "condition": condition})
        z = self._latents_of(path.reshape(-1, self.latent_dim), read)
        return z + blended_among(corners(lost), rows, columns).reshape(z.shape), read

    def _latents_of(self, noise: Any, reading: Reading) -> Any:
        """Noise as latents of the prior, given the conditions of windows."""
        return self.prior.draw(noise, *self._conditions_of(reading))

    def _noise_of(self, z: Any, reading: Reading) -> tuple[Any, Any]:
        """The noise that the prior makes latents of, and what that way loses of z."""
        noise = self.prior.noise_of(z, *self._conditions_of(reading))
        return noise, z - self._latents_of(noise, reading)

    def _conditions_of(self, reading: Reading) -> tuple[Any, Any]:
        return reading.batch.get("condition"), reading.base

    # --- Arguments ------------------------------------------------------------

    @property
    def _conditions(self) -> dict[str, Any]:
        """The vocabularies of the model's conditions."""
        return getattr(self.preprocessor, "conditions", {})

    def _with_tempo(self, condition: Any, tempo: float | None) -> Any:
        """Conditions with the tempo, if it is one of the model's."""
        if tempo is None or "tempo" not in self._conditions:
            return condition
        return {"tempo": tempo, **(condition or {})}

    def _checked_latents(self, z: ArrayLike) -> Any:
        try:
            latents = np.atleast_2d(np.asarray(z, np.float32))
        except (TypeError, ValueError, OverflowError):
            latents = np.empty(0, np.float32)
        if (
            latents.ndim != 2
            or latents.shape[1] != self.latent_dim
            or not len(latents)
            or not np.isfinite(latents).all()
        ):
            raise GrooveError(
                f"`z` must be finite numbers of the shape (number, {self.latent_dim}). "
                f"Received: an array of the shape {np.shape(z)}"
            )
        return latents


def _in_copies(rows: Any, reading: Reading, copies: int) -> Any:
    """The rows of windows as `Reading.repeated` orders them."""
    parts = [rows[span] for span in reading.spans]
    return np.concatenate([part for part in parts for _ in range(copies)])


def _copies_of(
    pieces: Sequence[Piece], copies: int, tempo: float | None, word: str
) -> list[NameAndTempo]:
    """The titles of several grooves that are made from each piece."""
    return [
        title_of(piece, tempo, f" {word} {i}")
        for piece in pieces
        for i in range(1, copies + 1)
    ]


def _tempos_among(pieces: Sequence[Piece], rows: int, columns: int) -> list[float]:
    """Tempos that change evenly from corner to corner, like the latents."""
    corners = [piece.tempo_at(0) or DEFAULT_TEMPO for piece in pieces]
    if len(pieces) == 2:
        return np.linspace(corners[0], corners[1], columns).tolist()
    left, right = (np.linspace(corners[i], corners[i + 2], rows) for i in (0, 1))
    return np.linspace(left, right, columns, axis=1).ravel().tolist()
