"""Songs: sections, variations of them, fills and an ending, on the verbs alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_musicvae.arguments import ARGUMENTS
from keras_musicvae.errors import ConfigError
from keras_musicvae.grooves.conditions import CONDITIONS
from keras_musicvae.grooves.drum_maps import DRUMS, NUM_DRUMS
from keras_musicvae.grooves.forms import read_form
from keras_musicvae.grooves.groove import Groove, join_grooves
from keras_musicvae.models.pipeline import DEFAULT_TEMPO
from keras_musicvae.models.random import Draws, Purpose
from keras_musicvae.models.results import Grooves

if TYPE_CHECKING:
    from keras_musicvae.models.music_vae import MusicVAE

# How much of the first section another one keeps, and how much a variation.
OTHER_SECTION = 0.4
VARIATION = 0.8

_LAST_STROKE = [DRUMS.index("kick"), DRUMS.index("crash")]


def song(
    model: "MusicVAE",
    form: str,
    music: Any = None,
    *,
    bars: int = 4,
    temperature: float = 1.0,
    seed: int | None = None,
    tempo: float | None = None,
    **options: Any,
) -> Grooves:
    """A song of a form.

    The first section is drawn from the prior, others are distant relatives of it, so
    that a song stays in its style; `similar` makes them, and the variations. A section
    that comes again is the same again.

    Args:
        model: Draws all that is not given.
        form: Sections, variations, fills and an end, see `read_form`.
        music: The sections, in the order in which their letters appear: music of any
            kind and length, one or several. Defaults to none: all are drawn.
        bars: Bars of a section that is drawn, 1 to 1,024. Defaults to 4.
        temperature: As in `MusicVAE.sample`.
        seed: Integer of at least 0; None draws one.
        tempo: Quarter notes per minute. Defaults to that of the first section.
        **options: Conditions, such as `style="funk"`, and how files are read.

    Returns:
        The song, with a marker for each section, then its sections one by one.

    Raises:
        ConfigError: Another form, an argument out of range, or more music than letters.
        GrooveError, MidiError: As the verbs.

    Example:
        >>> model = MusicVAE.from_preset("groove_4bar")  # doctest: +SKIP
        >>> song(model, "A A B A' fill end", style="funk").save("song")
        ... # doctest: +SKIP
    """
    sections = read_form(form)
    letters = list(dict.fromkeys(each.letter for each in sections if each.letter))
    condition = {name: options.pop(name) for name in set(options) & set(CONDITIONS)}
    maker = _Maker(model, ARGUMENTS["bars"].checked(bars), temperature, seed)
    given = [] if music is None else maker.read(music, letters, options)
    for _ in letters[len(given) :]:
        given.append(maker.section(given, tempo, condition))
    bpm = given[0].tempo if tempo is None else tempo
    played = dict(zip(letters, given, strict=True))
    parts: list[Groove] = []
    for number, section in enumerate(sections, start=1):
        name = section.name
        if section.end:
            played[name] = _last_stroke(parts[-1])
        if section.theme not in played:
            source = played[section.letter]
            played[section.theme] = maker.similar(source, VARIATION, condition)
        if name not in played:
            played[name] = maker.made("fill", played[section.theme], **condition)
        part = played[name].with_tempo(bpm)
        parts.append(replace(part, name=f"{number:02} {name}", markers=((0.0, name),)))
    return Grooves(
        [join_grooves(parts, name="song"), *parts],
        seed=maker.seed,
        temperature=temperature,
    )


class _Maker:
    """Makes the sections of a song, each call of a verb with a seed of its own."""

    def __init__(
        self, model: "MusicVAE", bars: int, temperature: float, seed: int | None
    ) -> None:
        self.model, self.bars, self.temperature = model, bars, temperature
        self.seed = Draws(seed).seed
        self.calls = 0

    def made(self, verb: str, *music: Any, **options: Any) -> Groove:
        """The one groove that a verb gives."""
        self.calls += 1
        seed = int(
            Draws(self.seed).at(self.calls).stream(Purpose.CHOICE).integers(2**32)
        )
        method = getattr(self.model, verb)
        grooves = method(*music, temperature=self.temperature, seed=seed, **options)
        groove: Groove = grooves[0]
        return groove

    def read(
        self, music: Any, letters: Sequence[str], reading: Mapping[str, Any]
    ) -> list[Groove]:
        """The sections that were given."""
        converter = self.model.preprocessor
        if converter is None:
            raise ConfigError(
                "A song needs music, not arrays: set `model.preprocessor = "
                f"GrooveConverter({self.model.num_bars})`."
            )
        pieces = converter.pieces(music, **reading)
        if len(pieces) > len(letters):
            raise ConfigError(
                f"The form has the sections {', '.join(letters)}: give as much music "
                f"at most. Received: {len(pieces)}"
            )
        return [
            piece.groove or converter.to_groove(piece.frames, DEFAULT_TEMPO)
            for piece in pieces
        ]

    def section(
        self, others: Sequence[Groove], tempo: float | None, condition: dict[str, Any]
    ) -> Groove:
        """A new section: the first of a song, or a relative of the first."""
        if others:
            return self.similar(others[0], OTHER_SECTION, condition)
        groove = self.made("sample", tempo=tempo, condition=condition)
        if groove.num_bars < self.bars:
            missing = self.bars - groove.num_bars
            groove = self.made("continue_music", groove, bars=missing, **condition)
        return groove.bars(0, self.bars)

    def similar(
        self, groove: Groove, similarity: float, condition: dict[str, Any]
    ) -> Groove:
        """A relative of a section."""
        return self.made("similar", groove, similarity=similarity, condition=condition)


def _last_stroke(groove: Groove) -> Groove:
    """A bar with a kick and a crash on the one, as loud as the loudest hit before."""
    hits = np.zeros((groove.steps_per_bar, NUM_DRUMS), bool)
    hits[0, _LAST_STROKE] = True
    return replace(
        groove.bars(0, 1),
        hits=hits,
        velocities=hits * groove.velocities.max(),
        offsets=hits * np.float32(0),
        pitches=None,
    )
