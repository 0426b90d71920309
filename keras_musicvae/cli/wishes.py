"""The commands that keep a part of the music and make the rest, and songs of it."""

import argparse
from typing import Any

from keras_musicvae.cli.music import Music, read_music
from keras_musicvae.cli.verbs import PLAYING, Verb
from keras_musicvae.errors import ConfigError, GrooveError


class Wish(Verb):
    """A verb of `models/wishes.py`."""

    options: tuple[str, ...] = ("num_samples", *PLAYING)
    by_name = True


class Humanize(Wish):
    """Play the hits of MIDI files as a drummer might.

    The hits stay in their steps, none is added; velocities and timing are new. At
    strength 0 they are those of the file, at 1 those of the model.

      keras-musicvae humanize beat.mid --strength 0.7 --num-samples 4 --out humanized
      keras-musicvae humanize beat.mid --velocity 0 --style funk --out humanized
    """

    method = "humanize"
    options = ("num_samples", "strength", "timing", "velocity", *PLAYING)
    music = "what to humanize"
    names = "{input}_humanized_{i}"


class Tap2Drum(Wish):
    """Make drums to tapped rhythms.

    The notes of a file may be of any pitches and channels. Each tap becomes a hit of
    one or several drums that has its timing, and nothing is hit where there is no tap.

      keras-musicvae tap2drum taps.mid --style rock --num-samples 4 --out drums
    """

    method = "tap2drum"
    music = "tapped rhythms"
    names = "{input}_drums_{i}"

    def read(self, args: argparse.Namespace, converter: Any) -> Music:
        """The notes of the files, whatever they are."""
        from keras_musicvae.grooves.taps import TAP_READING

        return read_music(args, converter, **TAP_READING)


class Infill(Wish):
    """Make some drums, bars or steps of MIDI files anew.

    What is made anew is what all of --drums, --bars and --steps name; the rest stays as
    it is. Bars, and steps of a bar, count from 0; -1 is the last.

      keras-musicvae infill beat.mid --drums closed_hihat open_hihat --out infilled
      keras-musicvae infill beat.mid --bars 2 3 --style jazz --out infilled
    """

    method = "infill"
    options = ("num_samples", "drums", "infill_bars", "infill_steps", *PLAYING)
    music = "what to change"
    names = "{input}_infilled_{i}"


class Continue(Wish):
    """Go on with MIDI files: the bars that come next.

    The files that are written begin with the music of the input.

      keras-musicvae continue beat.mid --bars 4 --num-samples 3 --out continued
    """

    method = "continue_music"
    options = ("num_samples", "bars", *PLAYING)
    music = "what to continue"
    names = "{input}_continued_{i}"


class Fill(Wish):
    """Make a fill in a bar of MIDI files, or in its last beats.

    The other bars stay as they are. Bars count from 0; -1 is the last.

      keras-musicvae fill verse.mid --beats 2 --num-samples 4 --out fills
    """

    method = "fill"
    options = ("num_samples", "bar", "beats", *PLAYING)
    music = "what gets a fill"
    names = "{input}_fill_{i}"


class Transfer(Wish):
    """Give MIDI files the feel of another one.

    The last file is the one whose velocities and timing are taken; the hits of the
    others stay in their steps.

      keras-musicvae transfer straight.mid shuffle.mid --amount 0.8 --out transferred
    """

    method = "transfer"
    options = ("amount", *PLAYING)
    music = "whose hits are kept, and last of all whose feel is taken"
    needs_all = True
    names = "{input}_transferred"

    def read(self, args: argparse.Namespace, converter: Any) -> Music:
        """All files, of which the last gives a groove no name."""
        music = super().read(args, converter)
        music.names.pop()
        return music

    def play(
        self,
        args: argparse.Namespace,
        model: Any,
        inputs: list[Any],
        options: dict[str, Any],
    ) -> Any:
        """The grooves of all files but the last."""
        *hits_of, feel_of = inputs[0]
        if not hits_of:
            raise GrooveError(
                "transfer takes two MIDI files or more; the last one has the feel. "
                "Received: 1"
            )
        return model.transfer(hits_of, feel_of, **options)


class Song(Wish):
    """Make a song of a form: sections, variations, fills and an end.

    A to Z are sections, A' and A'' variations of A; `fill` turns the last bar of the
    section before it into a fill, `end` adds a bar with a last stroke. MIDI files are
    the sections, in the order in which their letters appear; those that are not given
    are made. song.mid has a marker for each section; its sections lie beside it.

      keras-musicvae song "A A B A' fill end" --style funk --tempo 96 --out song
      keras-musicvae song "A A' fill B end" verse.mid --out song
    """

    options = ("bars", *PLAYING)
    names = "{name}"

    music = "sections"
    files = "*"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds the arguments of the command."""
        parser.add_argument(
            "form", type=form, metavar="FORM", help='such as "A A B A\' fill end"'
        )
        super().add_arguments(parser)

    def play(
        self,
        args: argparse.Namespace,
        model: Any,
        inputs: list[Any],
        options: dict[str, Any],
    ) -> Any:
        """The song and its sections."""
        from keras_musicvae.songs import song

        return song(model, args.form, *inputs, **options)


def form(text: str) -> str:
    """An argparse type: the form of a song."""
    from keras_musicvae.grooves.forms import read_form

    try:
        read_form(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


WISHES: dict[str, Verb] = {
    verb.__name__.lower(): verb()
    for verb in (Humanize, Tap2Drum, Infill, Continue, Fill, Transfer, Song)
}
