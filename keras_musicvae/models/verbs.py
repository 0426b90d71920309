"""What a musician asks of the model: sample, encode, decode, reconstruct, similar,
interpolate.

With a preprocessor the verbs take music of any kind and give `Groove`s; with
`model.preprocessor = None` they take and give arrays (KerasHub's rule). All randomness
is drawn by NumPy outside of the compiled functions (`random.py`), so that a seed gives
the same notes on every backend, up to rounding at a hit's threshold.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_musicvae.arguments import (
    checked_grid,
    checked_num_samples,
    checked_similarity,
    checked_temperature,
    checked_tempo,
)
from keras_musicvae.errors import GrooveError
from keras_musicvae.grooves.inputs import Piece
from keras_musicvae.models.latent_paths import grid_among, nearby, path_between
from keras_musicvae.models.performance import (
    DEFAULT_TEMPO,
    MusicPerformance,
    Title,
    noise_rows,
    title_of,
    window_spans,
)
from keras_musicvae.models.random import Draws, Purpose
from keras_musicvae.models.results import Grooves, Latents

__all__ = ["DEFAULT_TEMPERATURE", "DEFAULT_TEMPO", "Grooves", "Latents", "MusicVerbs"]

# The model's own distribution: lower is tidier, higher is wilder. The default of every
# verb.
DEFAULT_TEMPERATURE = 1.0


class MusicVerbs(MusicPerformance):
    """The musical side of `MusicVAE`.

    Music is, with a preprocessor, the path of a MIDI file, its bytes, a
    `miditoolkit.MidiFile`, a `Groove` or an array (steps, frame_dim), or a list of
    these; of any length, in the time signature and read with the drum map of the
    preprocessor.
    It is cut into windows of `num_bars` bars and put together again; what is shorter
    than a window is repeated until it fills one. Without a preprocessor music is an
    array (steps, frame_dim) or (number, steps, frame_dim), and so is every result.
    """

    def sample(
        self,
        num_samples: int = 1,
        *,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float = DEFAULT_TEMPO,
        controls: ArrayLike | None = None,
    ) -> Any:
        """New grooves: latents from the prior, decoded.

        Args:
            num_samples: How many. The first of 5 is the one that `num_samples=1` gives.
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
        num_samples = checked_num_samples(num_samples)
        seed = Draws(seed).seed
        z = self.prior.draw(
            Draws(seed).normal(Purpose.LATENTS, (num_samples, self.latent_dim)),
            Draws(seed).uniform(Purpose.COMPONENTS, (num_samples,)),
        )
        return self.decode(
            z, temperature=temperature, seed=seed, tempo=tempo, controls=controls
        )

    def encode(
        self,
        music: Any,
        *,
        sample: bool = False,
        seed: int | None = None,
        controls: ArrayLike | None = None,
    ) -> Latents:
        """Where music lies in the latent space: the posterior of each window.

        Args:
            music: Music of any kind, one or several, see `MusicVerbs`.
            sample: False, the default, gives the mean of the posterior, the best
                single estimate; True a random draw from it.
            seed: Of the draw; None draws one, which the result reports.
            controls: (windows, num_steps, control_dim), if the model has controls. A
                model of the variant `"hits_control"` takes them from the music.

        Returns:
            The pair (z, z_stddev), each (windows, latent_dim), window after window,
            input after input; `Latents` also says which row is which.

        Raises:
            GrooveError: Another time signature, grid or shape than the model's.
            MidiError: A file that cannot be read.
            ConfigError: `seed` or `controls` is not allowed.

        Example:
            >>> z, z_stddev = model.encode("beat.mid")  # doctest: +SKIP
            >>> z.shape  # doctest: +SKIP
            (2, 256)
        """
        drawn = Draws(seed).seed if sample else None
        pieces = self._pieces(music)
        z, stddev = self._posterior(pieces, self._window_controls(controls, pieces))
        if drawn is not None:
            rows = noise_rows(pieces)
            shape = (max(rows) + 1, self.latent_dim)
            z = z + stddev * Draws(drawn).normal(Purpose.POSTERIOR, shape)[rows]
        starts = [(i, bar) for i, p in enumerate(pieces) for bar in p.start_bars]
        return Latents(
            z,
            stddev,
            inputs=[i for i, _ in starts],
            start_bars=[bar for _, bar in starts],
            tempos=[pieces[i].tempo_at(bar) for i, bar in starts],
            seed=drawn,
        )

    def decode(
        self,
        z: ArrayLike | Latents,
        *,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        controls: ArrayLike | None = None,
    ) -> Any:
        """Grooves from latents, one from each.

        Args:
            z: (number, latent_dim), or (latent_dim,) for one, or what `encode` gave.
            temperature: From 0 (deterministic) upwards. Defaults to 1.
            seed: Integer of at least 0; None draws one. Not used at temperature 0.
            tempo: Quarter notes per minute. Defaults to that of the music that was
                encoded, or else to 120.
            controls: (num_steps, control_dim) or (number, ...), if the model has any.

        Returns:
            As `sample`.

        Raises:
            ConfigError: An argument is out of range.
            GrooveError: `z` is not of that shape, or not finite.
        """
        temperature, tempo = checked_temperature(temperature), checked_tempo(tempo)
        seed = Draws(seed).seed
        tempos: Sequence[float | None] = []
        if isinstance(z, Latents):
            tempos, z = z.tempos, z.z
        latents = self._checked_latents(z)
        number = len(latents)
        arrays = self._write(
            latents, range(number), seed, temperature, self._controls(controls, number)
        )
        if self.preprocessor is None:
            return arrays
        grooves = [
            self._groove(array, Title(f"groove {i}", tempo or own or DEFAULT_TEMPO))
            for i, (array, own) in enumerate(
                zip(arrays, tempos or [None] * number, strict=True), start=1
            )
        ]
        return Grooves(grooves, seed=seed, temperature=temperature)

    def reconstruct(
        self,
        music: Any,
        *,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        controls: ArrayLike | None = None,
    ) -> Any:
        """Music as the model understands it: encoded to its mean, and decoded.

        For a model of a variant this is the variant's work: `"humanize"` plays a
        quantised groove, `"tap2drum"` a tapped rhythm.

        Args:
            music: Music of any kind, one or several, see `MusicVerbs`. Each gives what
                it would give alone.
            temperature: From 0 (deterministic) upwards. Defaults to 1.
            seed: Integer of at least 0; None draws one.
            tempo: Quarter notes per minute. Defaults to that of the music, tempo
                changes included; 120 for arrays.
            controls: As in `encode`.

        Returns:
            One `Groove` for each input, of its length, as `Grooves`; without a
            preprocessor an array of the shape of `music`.

        Raises:
            GrooveError, MidiError, ConfigError: As `encode`.

        Example:
            >>> model.reconstruct("beat.mid", seed=3)[0].save("again.mid")
            ... # doctest: +SKIP
        """
        temperature, tempo = checked_temperature(temperature), checked_tempo(tempo)
        seed = Draws(seed).seed
        pieces = self._pieces(music)
        told = self._window_controls(controls, pieces)
        z, _ = self._posterior(pieces, told)
        written = self._write(z, noise_rows(pieces), seed, temperature, told)
        titles = [title_of(piece, tempo) for piece in pieces]
        return self._joined(pieces, written, titles, seed, temperature)

    def similar(
        self,
        music: Any,
        num_samples: int = 1,
        similarity: float = 0.8,
        *,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        controls: ArrayLike | None = None,
    ) -> Any:
        """Variations: grooves from latents near that of the music.

        Args:
            music: Music of any kind, one or several, see `MusicVerbs`.
            num_samples: How many variations of each input. Defaults to 1.
            similarity: From 0, unrelated grooves, to 1, the latent of the music itself:
                how far along an arc from a latent of the prior to it, see
                `latent_paths.nearby`. Defaults to 0.8, close variations.
            temperature: From 0 (deterministic) upwards. Defaults to 1.
            seed: Integer of at least 0; None draws one.
            tempo: As in `reconstruct`.
            controls: As in `encode`.

        Returns:
            `Grooves`, the variations of the first input, then those of the second...,
            each of its input's length; without a preprocessor an array.

        Raises:
            GrooveError, MidiError, ConfigError: As `encode`.

        Example:
            >>> model.similar("beat.mid", 4, similarity=0.9)  # doctest: +SKIP
        """
        num_samples, similarity = (
            checked_num_samples(num_samples),
            checked_similarity(similarity),
        )
        temperature, tempo = checked_temperature(temperature), checked_tempo(tempo)
        seed = Draws(seed).seed
        pieces = self._pieces(music)
        told = self._window_controls(controls, pieces)
        mean, _ = self._posterior(pieces, told)
        # All variations of a piece, then those of the next; windows innermost.
        z, source = [], []
        purposes = (Purpose.NEIGHBOURS, Purpose.COMPONENTS)
        rng, choice = (Draws(seed).stream(purpose) for purpose in purposes)
        for piece, span in zip(pieces, window_spans(pieces), strict=True):
            if piece.groove is not None:  # As `noise_rows`: each piece starts anew.
                rng, choice = (Draws(seed).stream(purpose) for purpose in purposes)
            shape = (num_samples, *mean[span].shape)
            others = self.prior.draw(
                rng.standard_normal(shape, np.float32), choice.random(shape[:-1])
            )
            z.append(nearby(mean[span], others, self.prior.centre, similarity))
            source += [*range(span.start, span.stop)] * num_samples
        written = self._write(
            np.concatenate([part.reshape(-1, self.latent_dim) for part in z]),
            noise_rows(pieces, num_samples),
            seed,
            temperature,
            None if told is None else told[source],
        )
        variations = [piece for piece in pieces for _ in range(num_samples)]
        titles = [
            title_of(piece, tempo, f" similar {i}")
            for piece in pieces
            for i in range(1, num_samples + 1)
        ]
        return self._joined(variations, written, titles, seed, temperature)

    def interpolate(
        self,
        music: Any,
        steps: int | tuple[int, int] = 5,
        *,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        controls: ArrayLike | None = None,
    ) -> Any:
        """Grooves on the way from one groove to another, or in the midst of four.

        Two inputs A and B give a row, four a grid, row by row:

            A . . . B        A . . . B
                             . . . . .
                             C . . . D

        The latents lie on arcs (`latent_paths.slerp`), and all grooves are drawn with
        the same noise, so that only the latent changes from one to the next. Where
        inputs differ in length, the shorter ones are repeated.

        Args:
            music: A list of two or four inputs, see `MusicVerbs`.
            steps: For two inputs, how many grooves, both ends included; for four
                (rows, columns), or one number for both. Defaults to 5.
            temperature: From 0 (deterministic) upwards. Defaults to 1.
            seed: Integer of at least 0; None draws one.
            tempo: Quarter notes per minute. Defaults to a way from the tempo of the
                one to that of the other.
            controls: (num_steps, control_dim), if the model has any, for all windows;
                of the variant `"hits_control"`, the hits to play.

        Returns:
            `Grooves`, with `grid` set for four inputs; without a preprocessor an array
            (grooves, steps, frame_dim).

        Raises:
            GrooveError, MidiError, ConfigError: As `encode`; or not two or four inputs.

        Example:
            >>> for groove in model.interpolate(["a.mid", "b.mid"], 8):
            ...     groove.save(f"{groove.name}.mid")  # doctest: +SKIP
        """
        temperature, tempo = checked_temperature(temperature), checked_tempo(tempo)
        seed = Draws(seed).seed
        pieces = self._pieces(music)
        rows, columns = checked_grid(steps, len(pieces))
        points = rows * columns
        longest = max(piece.length for piece in pieces)
        pieces = [piece.looped(longest) for piece in pieces]
        heard = None if self._hears_hits else controls
        z, _ = self._posterior(pieces, self._window_controls(heard, pieces))
        windows = len(z) // len(pieces)
        ends = z.reshape(len(pieces), windows, self.latent_dim)
        if len(pieces) == 2:
            path = path_between(ends[0], ends[1], columns)
        else:
            path = grid_among(ends, rows, columns)
        written = self._write(
            path.reshape(-1, self.latent_dim),
            [*range(windows)] * points,
            seed,
            temperature,
            self._controls(controls, windows * points),
        )
        if tempo is None:
            tempos = _tempos_among(pieces, rows, columns)
        else:
            tempos = [tempo] * points
        titles = [Title(f"step {i}", bpm) for i, bpm in enumerate(tempos, start=1)]
        grooves = self._joined(pieces[:1] * points, written, titles, seed, temperature)
        if isinstance(grooves, Grooves) and len(pieces) == 4:
            grooves.grid = (rows, columns)
        return grooves

    def _checked_latents(self, z: ArrayLike) -> Any:
        try:
            latents = np.atleast_2d(np.asarray(z, np.float32))
        except (TypeError, ValueError):
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


def _tempos_among(pieces: Sequence[Piece], rows: int, columns: int) -> list[float]:
    """Tempos that change evenly from corner to corner, like the latents."""
    corners = [piece.tempo_at(0) or DEFAULT_TEMPO for piece in pieces]
    if len(pieces) == 2:
        return np.linspace(corners[0], corners[1], columns).tolist()
    left, right = (np.linspace(corners[i], corners[i + 2], rows) for i in (0, 1))
    return np.linspace(left, right, columns, axis=1).ravel().tolist()
