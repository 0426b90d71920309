"""The commands that make music: a method of `MusicVAE` each, with files in and out.

A subclass of `Verb` is a command. Its docstring is its help, and its options are the
arguments of the method, whose ranges, defaults and texts are in `arguments.py`.
"""

import argparse
from collections.abc import Iterable
from typing import Any

from keras_musicvae.cli.music import Music, add_music, read_music
from keras_musicvae.cli.options import (
    add_argument,
    add_backend,
    add_option,
    add_preset,
    add_switch,
    name_or_path,
    open_model,
    path,
    value,
)
from keras_musicvae.cli.output import add_output, check_output, write_results
from keras_musicvae.errors import GrooveError
from keras_musicvae.names import unique_names

PLAYING = ("temperature", "seed", "tempo")


class Verb:
    """One command.

    Attributes:
        method: The method of `MusicVAE`.
        options: The arguments of the method that are options, by their keys.
        music: What the MIDI files are that it reads; empty: it reads none.
        files: How many, as argparse says it.
        needs_all: Whether one file that cannot be read ends the command.
        reads_latents: Whether it reads a file of latents.
        by_name: Whether conditions are arguments of the method, each by its name.
        names: The names of the grooves that it writes: `{input}` is the name of what
            a groove was made from, `{i}` a number; or `{name}`, their own. Empty: it
            writes latents.
    """

    method = ""
    options: tuple[str, ...] = PLAYING
    music = ""
    files = "+"
    needs_all = False
    reads_latents = False
    by_name = False
    names = ""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds the arguments of the command."""
        from keras_musicvae.arguments import ARGUMENTS

        for name in self.options:
            add_argument(parser, ARGUMENTS[name])
        add_preset(parser)
        add_output(parser, grooves=bool(self.names))
        add_backend(parser)
        add_switch(parser, "--quiet", "print warnings and errors only")
        add_option(
            parser,
            "--drum-map",
            "which pitch is which drum in MIDI files: a name, such as general_midi, or "
            "a JSON file (default: the kit that plays the file, else the preset's)",
            name_or_path,
            metavar="MAP",
        )
        conditions = parser.add_argument_group("conditions, if the preset has them")
        from keras_musicvae.grooves.conditions import FlagCondition

        for each in _conditions():
            name = f"--{each.name}"
            if isinstance(each, FlagCondition):
                yes_or_no = argparse.BooleanOptionalAction
                conditions.add_argument(name, action=yes_or_no, help=each.text)
            else:
                add_option(conditions, name, each.text, value, metavar="VALUE")
        if self.reads_latents:
            parser.add_argument("files", type=path, metavar="FILE", help=".npz or .npy")
        if self.music:
            add_music(parser, self.music, self.files)

    def run(self, args: argparse.Namespace) -> int:
        """Runs the command; returns its exit code: 1 if a file failed, else 0."""
        from keras_musicvae.arguments import ARGUMENTS

        check_output(args)
        music, inputs = Music(), []
        if self.reads_latents:
            from keras_musicvae.cli.latents import read_latents

            latents, names = read_latents(args.files)
            music.add_input(args.files)
            music.names, inputs = unique_names(names), [latents]
        model = _open_model(args)
        if self.music and args.files:
            music = self.read(args, model.preprocessor)
            inputs = [music.grooves]
            if self.needs_all and music.failures:
                raise GrooveError("each of the files must be readable")
        options = _given(args, [ARGUMENTS[key].name for key in self.options])
        if condition := _given(args, [each.name for each in _conditions()]):
            options |= condition if self.by_name else {"condition": condition}
        result = self.play(args, model, inputs, options)
        return write_results(args, result, music, self.names)

    def read(self, args: argparse.Namespace, converter: Any) -> Music:
        """The music of the files."""
        return read_music(args, converter)

    def play(
        self,
        args: argparse.Namespace,
        model: Any,
        inputs: list[Any],
        options: dict[str, Any],
    ) -> Any:
        """What the method gives."""
        return getattr(model, self.method)(*inputs, **options)


class Generate(Verb):
    """Generate new grooves as MIDI files.

    The same seed gives the same notes on every backend. `generate.json` records what
    the files were made with, and the command that makes them again.

      keras-musicvae generate --num-samples 5 --seed 1 --tempo 96 --out samples
    """

    method = "sample"
    options = ("num_samples", *PLAYING)
    names = "groove_{i}"


class Reconstruct(Verb):
    """Encode MIDI files and decode them again.

    With a preset for a task this does the task: a humanize preset plays a quantized
    beat, a tap2drum preset turns a tapped rhythm into a groove. Files may be of any
    length.

      keras-musicvae reconstruct beat.mid --temperature 0 --out reconstructed
      keras-musicvae reconstruct 'beats/*.mid' --wav --png --out reconstructed
    """

    method = "reconstruct"
    music = "what to reconstruct"
    names = "{input}_reconstructed"


class Interpolate(Verb):
    """Make grooves between two or four MIDI files.

    Two files are the ends of a row, four the corners of a grid:

      A . . . B        A . . . B
                       . . . . .
                       C . . . D

      keras-musicvae interpolate a.mid b.mid --steps 8 --out between
      keras-musicvae interpolate a.mid b.mid c.mid d.mid --steps 3 5 --out grid
    """

    method = "interpolate"
    options = ("steps", *PLAYING)
    music = "two or four MIDI files"
    needs_all = True
    names = "step_{i}"


class Similar(Verb):
    """Make variations of MIDI files.

    They are decoded from latents near those of the files.

      keras-musicvae similar beat.mid --num-samples 4 --similarity 0.9 --out variations
    """

    method = "similar"
    options = ("num_samples", "similarity", *PLAYING)
    music = "what to make variations of"
    names = "{input}_similar_{i}"


class Vary(Verb):
    """Change MIDI files: denser or sparser, louder or softer, in another style.

    Of density, loudness and swing VALUE is a number of standard deviations of the
    training set, up or down; of other conditions it is the new value. Where only
    loudness or swing changes, the hits stay as they are.

      keras-musicvae vary beat.mid --density -1 --swing 0.5 --out varied
      keras-musicvae vary beat.mid --style jazz --out varied
    """

    method = "vary"
    music = "what to change"
    by_name = True
    names = "{input}_varied"


class Encode(Verb):
    """Write the latents of MIDI files to a .npz file.

    It holds `z` and `z_stddev` (windows, latent_dim) and, for each row, the `source`,
    `start_bar` and `tempo` of its window. `decode` reads it. A .json file beside it
    records what it was made with.

      keras-musicvae encode 'beats/*.mid' --out latents.npz
    """

    method = "encode"
    options = ("sample", "seed")
    music = "what to encode"


class Decode(Verb):
    """Decode latents to MIDI files, one for each row.

    The file is what `encode` wrote, any .npz file with an array `z`, or a .npy file;
    the array has the shape (number, latent_dim).

      keras-musicvae decode latents.npz --temperature 0 --out decoded
    """

    method = "decode"
    reads_latents = True
    names = "{input}"


VERBS: dict[str, Verb] = {
    verb.__name__.lower(): verb()
    for verb in (Generate, Reconstruct, Interpolate, Similar, Vary, Encode, Decode)
}


def _conditions() -> list[Any]:
    """The conditions that are options; the tempo is an argument of the verbs."""
    from keras_musicvae.grooves.conditions import CONDITIONS

    return [each for name, each in CONDITIONS.items() if name != "tempo"]


def _given(args: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """The options of these names that were given, or have a default."""
    options = {name: getattr(args, name) for name in names}
    return {name: value for name, value in options.items() if value is not None}


def _open_model(args: argparse.Namespace) -> Any:
    """Loads the preset, after all that can fail at once has been tried."""
    if args.drum_map is not None:
        from keras_musicvae.grooves.drum_maps import get_drum_map

        get_drum_map(args.drum_map)
    return open_model(args)
