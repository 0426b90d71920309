"""The groove checkpoints that Magenta released, and where: `released.json`.

Addresses and descriptions are from the README of `magenta/models/music_vae` (Python)
and from `music/checkpoints/checkpoints.json` of magenta-js; the configurations from
`magenta/models/music_vae/configs.py`. `docs/magenta_checkpoints.md` says what of it
could be verified. Magenta publishes no checksums; a TensorFlow checkpoint carries its
own.
"""

import json
from dataclasses import dataclass
from pathlib import Path

LICENSE = "Apache-2.0"
DATASET = "Groove MIDI Dataset 1.0.0 (Gillick et al., 2019), CC BY 4.0"


@dataclass(frozen=True)
class Released:
    """A released checkpoint.

    Attributes:
        num_bars: bars of a window.
        task: what it is given, a name of `grooves.tasks.TASKS`.
        purpose: what it is for, in a line.
        python: address of the archive with TensorFlow's checkpoint; None if it was
            released for the browser only.
        browser: address of the Magenta.js folder; None if there is none.
    """

    num_bars: int
    task: str
    purpose: str
    python: str | None = None
    browser: str | None = None

    @property
    def address(self) -> str:
        """Where to fetch it from: the full-precision archive if there is one."""
        return self.python or self.browser or ""


_TABLE = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
RELEASED = {name: Released(**entry) for name, entry in _TABLE.items()}
