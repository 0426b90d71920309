"""What drummers ask for: humanize, tap2drum, infill, continue, fill, transfer.

performance = decode(z, known, condition): here a part of the music is known, and comes
out bit for bit, with its pitches; `completion.py` makes the rest. A model of the task
`generate` does all of them; a model that reads what is known does its own task.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.arguments import ARGUMENTS, checked_num_samples
from keras_musicvae.errors import ConfigError, GrooveError
from keras_musicvae.grooves.cells import cells_of
from keras_musicvae.grooves.conditions import CONDITIONS, conditions_of
from keras_musicvae.grooves.examples import Examples
from keras_musicvae.grooves.frames import (
    HITS,
    NUM_FEATURES,
    OFFSETS,
    VELOCITIES,
    Frames,
)
from keras_musicvae.grooves.groove import Groove
from keras_musicvae.grooves.pieces import Piece
from keras_musicvae.grooves.taps import read_taps
from keras_musicvae.grooves.tasks import TAP_DRUM, find_task
from keras_musicvae.models.completion import Completion, Part
from keras_musicvae.models.pipeline import (
    DEFAULT_TEMPO,
    Playing,
    reports_of,
    title_of,
)
from keras_musicvae.models.results import Grooves
from keras_musicvae.models.verbs import DEFAULT_TEMPERATURE, FEEL


class Wishes(Completion):
    """Verbs that keep a part of the music and make the rest.

    All of them take `music` of any length (see `MusicVerbs`), one or several;
    `num_samples` takes of each; `temperature`, `seed` and `tempo`; and `**options`:
    values of the model's conditions, such as `style="funk"`, and how files are read,
    such as `drum_map`. They give `Grooves`: the takes of the first input, then those
    of the second...; a take has the drum map of its input.

    They raise `ConfigError` for an argument that is out of range, and for a model
    without a preprocessor or of another task; `GrooveError` and `MidiError` for music
    that cannot be read, is in another time signature or has no hit.
    """

    def humanize(
        self,
        music: Any,
        num_samples: int = 1,
        *,
        strength: float = 1.0,
        timing: float | None = None,
        velocity: float | None = None,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        **options: Any,
    ) -> Grooves:
        """The same hits, played as a drummer might: other velocities and timing.

        Args:
            music: Whose hits are kept, each in its step; none is added.
            num_samples: Takes of each input. Defaults to 1.
            strength: From 0, velocities and timing of the input, to 1, the default,
                those of the model; values between lie between them.
            timing: The strength for the timing. Defaults to `strength`.
            velocity: The strength for the velocities. Defaults to `strength`.
            temperature: From 0 upwards. Defaults to 1.
            seed: Integer of at least 0; None draws one. Every seed is another take.
            tempo: Defaults to that of the music.
            **options: Conditions and how files are read.

        Example:
            >>> model.humanize("beat.mid", strength=0.7, style="funk")
            ... # doctest: +SKIP
        """
        shares = [
            _share(name, own, strength)
            for name, own in (("velocity", velocity), ("timing", timing))
        ]
        playing = Playing(temperature, seed, tempo)
        pieces, condition = self._asked(
            "humanize", music, playing, options, ("humanize",)
        )
        parts = [Part(piece, _hits_of(piece)) for piece in pieces]

        return self._takes(
            pieces,
            parts,
            playing,
            condition,
            (num_samples, "humanized"),
            lambda number, made: blended(pieces[number].frames, made, *shares),
        )

    def tap2drum(
        self,
        taps: Any,
        num_samples: int = 1,
        *,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        **options: Any,
    ) -> Grooves:
        """Drums to a tapped rhythm: hits where it has taps, and nowhere else.

        In each step with a tap at least one drum is hit; the loudest of the step has
        the timing of the tap. A model of the task `tap2drum` has learnt which drums;
        with one of the task `generate` they are those of the draw that fits best.

        Args:
            taps: A rhythm: MIDI files of any pitches and channels, `Groove`s or arrays,
                of which the loudest hit of each step is the tap; or the times of the
                taps in seconds from the first downbeat, a list of numbers.
            num_samples: Takes of each rhythm. Defaults to 1.
            temperature: From 0 upwards. Defaults to 1.
            seed: Integer of at least 0; None draws one.
            tempo: Quarter notes per minute; give it with times of taps. Defaults to
                that of the music, or to 120.
            **options: Conditions and how files are read.

        Example:
            >>> model.tap2drum([0, 0.5, 1, 1.25, 1.5], tempo=120)  # doctest: +SKIP
        """
        playing = Playing(temperature, seed, tempo)

        def read(taps: Any, reading: Mapping[str, Any]) -> list[Piece]:
            bpm = playing.tempo or DEFAULT_TEMPO
            return read_taps(taps, self.preprocessor, bpm, **reading)

        pieces, condition = self._asked(
            "tap2drum", taps, playing, options, ("tap2drum",), read
        )
        parts = [_tapped(piece) for piece in pieces]
        return self._takes(
            pieces,
            parts,
            playing,
            condition,
            (num_samples, "drums"),
            lambda number, made: timed_by_taps(parts[number], made),
        )

    def infill(
        self,
        music: Any,
        num_samples: int = 1,
        *,
        drums: str | Iterable[str] | None = None,
        bars: int | Iterable[int] | None = None,
        steps: int | Iterable[int] | None = None,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        **options: Any,
    ) -> Grooves:
        """Some drums in some steps of some bars made anew; the rest stays as it is.

        Args:
            music: What is changed.
            num_samples: Takes of each input. Defaults to 1.
            drums: Names in `DRUMS`, one or several. Defaults to all.
            bars: Bars from 0, negative ones from the end, one or several. Defaults to
                all.
            steps: Steps of the bar, alike. Defaults to all.
            temperature: From 0 upwards. Defaults to 1.
            seed: Integer of at least 0; None draws one.
            tempo: Defaults to that of the music.
            **options: Conditions and how files are read.

        Example:
            >>> model.infill("beat.mid", drums=["closed_hihat", "ride"])
            ... # doctest: +SKIP
            >>> model.infill("beat.mid", bars=2, steps=range(8, 16))
            ... # doctest: +SKIP
        """
        playing = Playing(temperature, seed, tempo)
        pieces, condition = self._asked("infill", music, playing, options, ("infill",))
        parts = []
        for piece in pieces:
            anew = cells_of(
                piece.length, piece.steps_per_bar, drums=drums, bars=bars, steps=steps
            )
            if anew.all():
                raise ConfigError(
                    "`infill` must leave something as it is: give some of `drums`, "
                    "`bars` and `steps`. For new grooves there is `sample`."
                )
            parts.append(Part(piece, np.tile(~anew, 3)))
        return self._takes(pieces, parts, playing, condition, (num_samples, "infilled"))

    def continue_music(
        self,
        music: Any,
        num_samples: int = 1,
        *,
        bars: int = 4,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        **options: Any,
    ) -> Grooves:
        """Music, and the bars that come next.

        Args:
            music: What is continued; it is the start of each take, as it is.
            num_samples: Takes of each input. Defaults to 1.
            bars: How many bars follow, 1 to 1,024. Defaults to 4.
            temperature: From 0 upwards. Defaults to 1.
            seed: Integer of at least 0; None draws one.
            tempo: Defaults to that of the music.
            **options: Conditions and how files are read.

        Example:
            >>> longer = model.continue_music("beat.mid", bars=4)  # doctest: +SKIP
        """
        bars = ARGUMENTS["bars"].checked(bars)
        playing = Playing(temperature, seed, tempo)
        pieces, condition = self._asked(
            "continue_music", music, playing, options, ("infill", "continue")
        )
        parts = []
        for piece in pieces:
            longer = piece.looped(piece.length + bars)
            known = np.zeros(longer.frames.shape, bool)
            known[: len(piece.frames)] = True
            parts.append(Part(longer, known))
        return self._takes(
            pieces, parts, playing, condition, (num_samples, "continued")
        )

    def fill(
        self,
        music: Any,
        num_samples: int = 1,
        *,
        bar: int = -1,
        beats: int | None = None,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        **options: Any,
    ) -> Grooves:
        """A fill in one bar, or in its last beats; the other bars stay as they are.

        The fill goes on from the bars before; those of a loop that is shorter than the
        model's windows are its own. With a model that has the condition `fill` it is
        asked for.

        Args:
            music: What gets a fill.
            num_samples: Takes of each input. Defaults to 1.
            bar: The bar, from 0, or from the end. Defaults to -1, the last one.
            beats: How many beats the fill lasts, at most those of a bar. Defaults to
                the whole bar.
            temperature: From 0 upwards. Defaults to 1.
            seed: Integer of at least 0; None draws one.
            tempo: Defaults to that of the music.
            **options: Conditions and how files are read.

        Example:
            >>> model.fill("verse.mid", beats=2)  # doctest: +SKIP
        """
        playing = Playing(temperature, seed, tempo)
        pieces, condition = self._asked(
            "fill", music, playing, options, ("infill", "continue")
        )
        if "fill" in self._conditions:
            condition = {"fill": True, **condition}
        steps = self._fill_steps(beats)
        parts, places = [], []
        for piece in pieces:
            cells = cells_of(piece.length, piece.steps_per_bar, bars=bar, steps=steps)
            last = int(np.flatnonzero(cells.any(axis=1))[-1]) + 1
            # The window ends with the fill, as those do from which a model learns.
            before = np.arange(last - self.num_steps, last) % len(piece.frames)
            known = np.ones((self.num_steps, NUM_FEATURES), bool)
            known[-len(steps) :] = False
            window = replace(piece, frames=piece.frames[before])
            parts.append(Part(window, known, alike=False))
            places.append(slice(last - len(steps), last))

        def insert(number: int, made: Frames) -> Frames:
            frames = pieces[number].frames.copy()
            frames[places[number]] = made[-len(steps) :]
            return frames

        return self._takes(
            pieces, parts, playing, condition, (num_samples, "fill"), insert
        )

    def transfer(
        self,
        hits_of: Any,
        feel_of: Any,
        *,
        amount: float = 1.0,
        temperature: float = DEFAULT_TEMPERATURE,
        seed: int | None = None,
        tempo: float | None = None,
        **options: Any,
    ) -> Grooves:
        """The hits of some music with the feel of other music.

        The latent, the loudness and the swing are those of `feel_of`.

        Args:
            hits_of: Whose hits are kept, each in its step.
            feel_of: Whose velocities and timing are taken: one for all, or one for each
                of `hits_of`; it is repeated until it is as long.
            amount: From 0, the feel of `hits_of`, to 1, the default.
            temperature: From 0 upwards. Defaults to 1.
            seed: Integer of at least 0; None draws one.
            tempo: Defaults to that of `hits_of`.
            **options: Conditions and how files are read.

        Example:
            >>> model.transfer("straight.mid", feel_of="shuffle.mid")
            ... # doctest: +SKIP
        """
        share = ARGUMENTS["amount"].checked(amount)
        playing = Playing(temperature, seed, tempo)
        pieces, condition = self._asked(
            "transfer", hits_of, playing, options, ("humanize",)
        )
        others = self._others(feel_of, pieces, "feel_of")
        feel = self._read(others, playing.draws)
        z, _ = self._encode(feel)
        read = self._read(pieces, playing.draws, None, condition)
        if "condition" in read.batch:
            names = [name for name in FEEL if name not in condition]
            codes = conditions_of(
                self._conditions,
                read.batch["condition"],
                feel.batch["condition"],
                names,
            )
            read = replace(read, batch={**read.batch, "condition": codes})
        # Where both hit a drum, the accent is that of `feel_of`, not only its chance.
        behind = self._noise_behind(z, feel, playing)
        kept = find_task("humanize").known(self._examples(pieces))
        frames = self._decode(z, read, playing, behind, kept)
        made = [
            blended(piece.frames, piece.join(frames[span]), share, share)
            for piece, span in zip(pieces, read.spans, strict=True)
        ]
        return self._as_grooves(pieces, made, playing, (1, "transferred"))

    # --- Stages ---------------------------------------------------------------

    def _asked(
        self,
        verb: str,
        music: Any,
        playing: Playing,
        options: dict[str, Any],
        tasks: Sequence[str],
        read: Callable[[Any, Mapping[str, Any]], list[Piece]] | None = None,
    ) -> tuple[list[Piece], dict[str, Any]]:
        """The music, and the conditions among the options of a verb.

        Args:
            verb: The name of the verb.
            music: What the verb was given.
            playing: Gets the reports of the files.
            options: Conditions, and how files are read.
            tasks: The tasks of models that can do this, beside `generate`.
            read: Reads the music. Defaults to music of any kind.
        """
        self._check_task(verb, tasks)
        condition = {name: options.pop(name) for name in set(options) & set(CONDITIONS)}
        pieces = (read or self._pieces)(music, options)
        playing.reports = reports_of(pieces)
        for number, piece in enumerate(pieces, start=1):
            if not (piece.frames[:, HITS] > 0).any():
                where = f"input {number} of {len(pieces)}" if len(pieces) > 1 else "it"
                raise GrooveError(f"`{verb}` needs music with hits: {where} has none.")
        return pieces, self._with_tempo(condition, playing.tempo) or {}

    def _check_task(self, verb: str, tasks: Sequence[str]) -> None:
        if self.preprocessor is None:
            raise ConfigError(
                f"`{verb}` takes music, not arrays alone: set `model.preprocessor = "
                f"GrooveConverter({self.num_bars})`."
            )
        task, able = self.preprocessor.task, ["generate", *tasks]
        if task.knows and task.name not in able:
            raise ConfigError(
                f"`{verb}` needs a model of the task {' or '.join(able)}. "
                f"Received: one of the task {task.name!r}"
            )

    def _fill_steps(self, beats: Any) -> list[int]:
        """The steps of a bar that a fill of so many beats takes."""
        beats = ARGUMENTS["beats"].checked(beats)
        in_bar = self.preprocessor.time_signature[0]
        if beats is not None and beats > in_bar:
            raise ConfigError(
                f"`beats` must be at most {in_bar}, the beats of a bar. "
                f"Received: beats={beats}"
            )
        steps = self.steps_per_bar
        number = steps if beats is None else max(1, beats * steps // in_bar)
        return list(range(steps - number, steps))

    def _takes(
        self,
        pieces: Sequence[Piece],
        parts: Sequence[Part],
        playing: Playing,
        condition: Mapping[str, Any],
        takes: tuple[int, str],
        finish: Callable[[int, Frames], Frames] | None = None,
    ) -> Grooves:
        """Takes of parts as grooves.

        Args:
            pieces: The music that was given.
            parts: What of it is known.
            playing: How what is missing is drawn.
            condition: Values by the names of conditions.
            takes: How many of each, and the word for their names.
            finish: From the number of the part and a take of it to the result.
        """
        number = checked_num_samples(takes[0])
        made = self._completed(parts, number, playing, condition)
        if finish is not None:
            made = [finish(i // number, frames) for i, frames in enumerate(made)]
        return self._as_grooves(pieces, made, playing, (number, takes[1]))

    def _as_grooves(
        self,
        pieces: Sequence[Piece],
        made: Sequence[Frames],
        playing: Playing,
        takes: tuple[int, str],
    ) -> Grooves:
        """Takes as grooves, with names, tempos, pitches of the music."""
        number, word = takes
        grooves = []
        for index, frames in enumerate(made):
            piece = pieces[index // number]
            count = f" {index % number + 1}" if number > 1 else ""
            title = title_of(piece, playing.tempo, f" {word}{count}")
            groove = self.preprocessor.to_groove(frames, title.tempo, name=title.name)
            groove = replace(groove, tempo_changes=title.tempo_changes)
            if piece.groove is not None:
                groove = _with_pitches(groove, piece.groove)
            grooves.append(groove)
        return Grooves(
            grooves,
            seed=playing.draws.seed,
            temperature=playing.temperature,
            reports=playing.reports,
        )


def blended(given: Frames, made: Frames, velocity: float, timing: float) -> Frames:
    """Frames of the same hits, so far on the way from given ones to others."""
    frames = given.copy()
    for columns, share in ((VELOCITIES, velocity), (OFFSETS, timing)):
        way = (1.0 - share) * given[:, columns] + share * made[:, columns]
        frames[:, columns] = way
    return frames


def timed_by_taps(part: Part, made: Frames) -> Frames:
    """Frames in which the loudest hit of each step has the timing of the tap.

    The others of the step keep their distance from it, inside the step.
    """
    hits, offsets = made[:, HITS] > 0, made[:, OFFSETS]
    rows = np.arange(len(made))
    loudest = np.where(hits, made[:, VELOCITIES], -1).argmax(axis=1)
    taps = part.piece.frames[:, OFFSETS.start + TAP_DRUM]
    moved = offsets + (taps - offsets[rows, loudest])[:, None]
    moved[rows, loudest] = taps
    frames = made.copy()
    frames[:, OFFSETS] = np.where(hits, np.clip(moved, -1, 1), 0)
    return frames


def _share(name: str, own: Any, strength: Any) -> float:
    """The strength of the timing or the velocities."""
    strength = ARGUMENTS["strength"].checked(strength)
    own = ARGUMENTS[name].checked(own)
    return float(strength if own is None else own)


def _hits_of(piece: Piece) -> NDArray[np.bool_]:
    """Of a piece its hits and rests."""
    known = np.zeros(piece.frames.shape, bool)
    known[:, HITS] = True
    return known


def _tapped(piece: Piece) -> Part:
    """A tapped rhythm, as the task says: nothing is hit where there is no tap."""
    whole = Examples(piece.frames[None], piece.length)
    taps = find_task("tap2drum").known(whole)[0]
    struck = taps[:, TAP_DRUM] > 0
    silent = np.repeat(~struck[:, None], NUM_FEATURES, axis=1)
    frames = taps[:, :NUM_FEATURES]
    return Part(replace(piece, frames=frames), silent, struck=struck, read=taps)


def _with_pitches(groove: Groove, source: Groove) -> Groove:
    """A groove in the drum map of its source, whose hits keep their pitches."""
    pitches = None
    if source.pitches is not None:
        shared = min(groove.num_steps, source.num_steps)
        pitches = np.zeros(groove.hits.shape, np.uint8)
        pitches[:shared] = source.pitches[:shared] * groove.hits[:shared]
    return replace(groove, pitches=pitches, drum_map=source.drum_map)
