"""The commands that make music: a method of `MusicVAE` each, with files in and out.

A row of `VERBS` is a command. Its options are those arguments of the method that the
row names; their ranges, defaults and help texts are in `keras_musicvae/arguments.py`.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras_musicvae.cli.music import Music, add_music, read_music, unique_names
from keras_musicvae.cli.options import (
    add_argument,
    add_backend,
    name_or_path,
    path,
    start_keras,
)
from keras_musicvae.cli.output import (
    add_output,
    check_output,
    write_grooves,
    write_latents_file,
)

if TYPE_CHECKING:
    from keras_musicvae.models.music_vae import MusicVAE

_PLAYING = ("temperature", "seed", "tempo")


@dataclass(frozen=True)
class Verb:
    """One command.

    Attributes:
        name: The command.
        help: What it does, in a line.
        description: The head of its help.
        files: The names of the files that it writes: `{input}` is the name of what a
            groove was made from, `{i}` a number. Empty: it writes latents.
        music: What the MIDI files are that it reads; empty: it reads none.
        arguments: The method's arguments that are options.
        method: The method of `MusicVAE`, if it is not called like the command.
        reads_latents: Whether it reads a file of latents.
        needs_all: Whether one file that cannot be read ends it.
    """

    name: str
    help: str
    description: str
    files: str = ""
    music: str = ""
    arguments: Sequence[str] = _PLAYING
    method: str = ""
    reads_latents: bool = False
    needs_all: bool = False


VERBS = (
    Verb(
        "generate",
        "generate new grooves as MIDI files",
        """Generates new grooves and writes them as MIDI files.

The same seed gives the same notes on every backend. `generate.json` records what the
files were made with, and the command that makes them again.

  keras-musicvae generate --num-samples 5 --seed 1 --tempo 96 --out samples
""",
        files="groove_{i}",
        arguments=("num_samples", *_PLAYING),
        method="sample",
    ),
    Verb(
        "reconstruct",
        "encode MIDI files and decode them again",
        """Encodes MIDI files of any length and decodes them again.

With a preset for a task this does the task: a humanize preset plays a quantized beat,
a tap2drum preset turns a tapped rhythm into a groove.

  keras-musicvae reconstruct beat.mid --temperature 0 --out reconstructed
  keras-musicvae reconstruct 'beats/*.mid' --wav --png --out reconstructed
""",
        files="{input}_reconstructed",
        music="what to reconstruct",
    ),
    Verb(
        "interpolate",
        "make grooves between two or four MIDI files",
        """Makes grooves between two MIDI files, or between four.

Two files are the ends of a row; four are the corners of a grid:

  A . . . B        A . . . B
                   . . . . .
                   C . . . D

  keras-musicvae interpolate a.mid b.mid --steps 8 --out between
  keras-musicvae interpolate a.mid b.mid c.mid d.mid --steps 3 5 --out grid
""",
        files="step_{i}",
        music="two or four MIDI files",
        arguments=("steps", *_PLAYING),
        needs_all=True,
    ),
    Verb(
        "similar",
        "make variations of MIDI files",
        """Makes variations of MIDI files: grooves from latents near theirs.

  keras-musicvae similar beat.mid --num-samples 4 --similarity 0.9 --out variations
""",
        files="{input}_similar_{i}",
        music="what to vary",
        arguments=("num_samples", "similarity", *_PLAYING),
    ),
    Verb(
        "encode",
        "write the latents of MIDI files to a .npz file",
        """Encodes MIDI files and writes their latents to a NumPy file.

The .npz file holds `z` and `z_stddev` (windows, latent_dim) and, for each row, the
`source`, `start_bar` and `tempo` of its window. `decode` reads it. A .json file beside
it records what it was made with.

  keras-musicvae encode 'beats/*.mid' --out latents.npz
""",
        music="what to encode",
        arguments=("sample", "seed"),
    ),
    Verb(
        "decode",
        "decode latents to MIDI files",
        """Decodes latents and writes the grooves as MIDI files, one for each row.

Takes what `encode` wrote, or any .npz file with an array `z`, or a .npy file, of the
shape (number, latent_dim).

  keras-musicvae decode latents.npz --temperature 0 --out decoded
""",
        files="{input}",
        reads_latents=True,
    ),
)


def add_arguments(verb: Verb, parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of a command."""
    from keras_musicvae.arguments import ARGUMENTS

    if verb.music:
        add_music(parser, verb.music)
    if verb.reads_latents:
        parser.add_argument("files", type=path, metavar="FILE", help=".npz or .npy")
    for name in verb.arguments:
        add_argument(parser, ARGUMENTS[name])
    parser.add_argument(
        "--preset",
        type=name_or_path,
        default="groove_4bar",
        help="name, folder or address of a preset (default: groove_4bar)",
    )
    parser.add_argument(
        "--drum-map",
        type=name_or_path,
        metavar="MAP",
        help="which pitch is which drum in MIDI files: a name, such as general_midi, "
        "or a JSON file (default: the preset's)",
    )
    add_output(parser, grooves=bool(verb.files))
    add_backend(parser)
    parser.add_argument(
        "--quiet", action="store_true", help="print warnings and errors only"
    )


def run(verb: Verb, args: argparse.Namespace) -> int:
    """Runs a command; returns its exit code: 1 if a file failed, else 0."""
    from keras_musicvae.errors import GrooveError

    check_output(args)
    music, inputs = Music(), []
    if verb.reads_latents:
        from keras_musicvae.cli.latents import read_latents
        from keras_musicvae.files import sha256_of

        latents, names = read_latents(args.files)
        music.names, inputs = unique_names(names), [latents]
        music.inputs = [{"file": str(args.files), "sha256": sha256_of(args.files)}]
    model = _open_model(args)
    if verb.music:
        music = read_music(args, model.preprocessor)
        inputs = [music.grooves]
        if verb.needs_all and music.failures:
            raise GrooveError(f"every file of `{verb.name}` must be readable")
    result = getattr(model, verb.method or verb.name)(*inputs, **_chosen(verb, args))
    if verb.files:
        return write_grooves(args, result, music, verb.files)
    return write_latents_file(args, result, music)


def _chosen(verb: Verb, args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of the method; what was left open keeps its default."""
    chosen = {name: getattr(args, name) for name in verb.arguments}
    for name, value in chosen.items():
        if isinstance(value, list):
            chosen[name] = value[0] if len(value) == 1 else tuple(value)
    return {name: value for name, value in chosen.items() if value is not None}


def _open_model(args: argparse.Namespace) -> "MusicVAE":
    """Loads the preset, after all that can fail at once has been tried."""
    from keras_musicvae.presets.sources import find_preset

    if args.drum_map is not None:
        from keras_musicvae.grooves.drum_maps import get_drum_map

        get_drum_map(args.drum_map)
    find_preset(args.preset)
    start_keras(args)
    from keras_musicvae.grooves.converter import GrooveConverter
    from keras_musicvae.models.music_vae import MusicVAE

    model = MusicVAE.from_preset(args.preset)
    if model.preprocessor is None:  # Saved by someone who works with arrays.
        model.preprocessor = GrooveConverter(model.num_bars)
    return model
