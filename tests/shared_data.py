"""The one place that knows where the reference data lies.

The Groove MIDI Dataset and the golden outputs of Magenta's code are not part of the
repository. They are looked for in `$KERAS_MUSICVAE_SHARED`, else in `../shared`
beside the checkout; where they are absent, the tests that need them skip.
"""

import os
from pathlib import Path

import pytest

SHARED = Path(
    os.environ.get("KERAS_MUSICVAE_SHARED", Path(__file__).parents[2] / "shared")
)
GROOVE_ZIP = "data/groove-v1.0.0-midionly.zip"


def shared_path(name: str) -> Path:
    """The path of a shared file or folder; skips the calling test if it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"reference data absent: {path}")
    return path
