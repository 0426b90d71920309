"""The groove checkpoints that Magenta released, and where.

Addresses and descriptions are from the README of `magenta/models/music_vae` (Python)
and from `music/checkpoints/checkpoints.json` of magenta-js; the configurations from
`magenta/models/music_vae/configs.py`. `docs/magenta_checkpoints.md` says what of it
could be verified. Magenta publishes no checksums; a TensorFlow checkpoint carries its
own.
"""

from dataclasses import dataclass

_PYTHON = "https://storage.googleapis.com/magentadata/models/music_vae/checkpoints/"
_BROWSER = "https://storage.googleapis.com/magentadata/js/checkpoints/"
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


def _tap2drum(bars: int) -> Released:
    return Released(
        bars,
        "tap2drum",
        f"{bars}-bar drums from a tapped rhythm",
        browser=f"{_BROWSER}groovae/tap2drum_{bars}bar",
    )


RELEASED: dict[str, Released] = {
    "groovae_4bar": Released(
        4,
        "generate",
        "4-bar groove autoencoder",
        python=f"{_PYTHON}groovae_4bar.tar",
        browser=f"{_BROWSER}music_vae/groovae_4bar",
    ),
    "groovae_2bar_humanize": Released(
        2,
        "humanize",
        "timing and dynamics for a quantised pattern of 2 bars",
        python=f"{_PYTHON}groovae_2bar_humanize.tar",
        browser=f"{_BROWSER}music_vae/groovae_2bar_humanize",
    ),
    "groovae_2bar_tap_fixed_velocity": Released(
        2,
        "tap2drum",
        "2-bar drums from a tapped rhythm",
        python=f"{_PYTHON}groovae_2bar_tap_fixed_velocity.tar",
    ),
    "groovae_2bar_add_closed_hh": Released(
        2,
        "add_closed_hihat",
        "adds or replaces the closed hi-hat of 2 bars",
        python=f"{_PYTHON}groovae_2bar_add_closed_hh.tar",
    ),
    "groovae_2bar_hits_control": Released(
        2,
        "humanize",
        "2-bar groove autoencoder that plays given hits",
        python=f"{_PYTHON}groovae_2bar_hits_control.tar",
    ),
    **{f"tap2drum_{bars}bar": _tap2drum(bars) for bars in (1, 2, 3, 4)},
}
