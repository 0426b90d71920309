"""Plays MIDI files as the model understands them: encoded, and decoded again.

With a preset for a task this does the task: a humanize preset plays a quantised beat,
a tap2drum preset turns a tapped rhythm into a groove. Files may be of any length.

  keras-musicvae reconstruct beat.mid --temperature 0 --out reconstructed
  keras-musicvae reconstruct 'beats/*.mid' --wav --png --out reconstructed
"""

import argparse

from keras_musicvae.cli.music import (
    add_model,
    add_music,
    add_playing,
    open_model,
    read_music,
    report_nothing,
    write_grooves,
)

HELP = "encode MIDI files and decode them again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `reconstruct`."""
    add_music(parser, "what to reconstruct")
    add_model(parser)
    add_playing(parser)


def run(args: argparse.Namespace) -> int:
    """Runs `reconstruct`."""
    model = open_model(args)
    music = read_music(args, model)
    if not music.grooves:
        return report_nothing(music)
    grooves = model.reconstruct(
        music.grooves, temperature=args.temperature, seed=args.seed, tempo=args.tempo
    )
    names = [f"{name}_reconstructed" for name in music.names]
    return write_grooves(args, grooves, names, music.paths, music.failures)
