"""A groove in a notebook: its drum grid as SVG, and a player.

One piece of HTML that holds everything: no script, no file, nothing from a network,
so that it still shows and plays in a notebook that someone else opens later.
"""

import base64
import html
from typing import TYPE_CHECKING

import numpy as np

from keras_musicvae.audio import render, wav_bytes
from keras_musicvae.plots.grid import ROWS, VELOCITY_COLOURS

if TYPE_CHECKING:
    from keras_musicvae.grooves.groove import Groove

# What the player holds is stored in the notebook: 59 kB for each second.
SAMPLE_RATE = 22050
MAX_BARS = 8
MAX_SECONDS = 40.0

_LEFT, _TOP, _ROW = 74, 8, 17
_STEP = 11.5


def groove_to_html(groove: "Groove") -> str:
    """Draws and plays a groove in HTML; notebooks show it for `groove`.

    Long grooves are cut to their first 8 bars (fewer if those last over 40 s), and
    the text says so, to keep the notebook small.

    Args:
        groove: Any groove.

    Returns:
        A `<div>` with an inline SVG (a disc is a hit: the thin tick is its place on
        the grid, size and colour its velocity; pointing at it shows the numbers)
        and an `<audio>` element with mono sound at 22 kHz. The name is escaped.

    Example:
        >>> page = groove_to_html(groove)  # doctest: +SKIP
    """
    bars = _bars_that_fit(groove)
    part = groove if bars >= groove.num_bars else groove.bars(0, max(bars, 1))
    note = _facts(groove)
    if part is not groove:
        note += f" &middot; the first {part.num_bars} shown"
    name = html.escape(groove.name) or "Groove"
    return (
        '<div style="font:13px system-ui,sans-serif;color:#333;background:#fff;'
        'padding:10px 12px;border-radius:6px;display:inline-block;max-width:100%">'
        f'<div style="margin:0 0 4px 2px"><b>{name}</b>'
        f' <span style="color:#666">&nbsp;{note}</span></div>'
        f"{_svg(part)}{_player(part) if bars else ''}</div>"
    )


def _bars_that_fit(groove: "Groove") -> int:
    bars = min(groove.num_bars, MAX_BARS)
    while bars and groove.bars(0, bars).duration > MAX_SECONDS:
        bars -= 1
    return bars


def _facts(groove: "Groove") -> str:
    bars = "1 bar" if groove.num_bars == 1 else f"{groove.num_bars} bars"
    time_signature = "{}/{}".format(*groove.time_signature)
    return f"{bars} of {time_signature} &middot; {groove.tempo:.4g} bpm &middot; " + (
        f"{groove.num_hits} hits"
    )


def _player(groove: "Groove") -> str:
    mono = render(groove, SAMPLE_RATE).mean(axis=1)
    sound = base64.b64encode(wav_bytes(mono, SAMPLE_RATE)).decode("ascii")
    return (
        '<audio controls preload="metadata" style="display:block;height:34px;'
        'width:360px;max-width:100%;margin:6px 0 0 2px" '
        f'src="data:audio/wav;base64,{sound}"></audio>'
    )


def _svg(groove: "Groove") -> str:
    num_steps, rows = groove.hits.shape
    width = _LEFT + num_steps * _STEP + 8
    height = _TOP + rows * _ROW + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'aria-label="Drum grid" viewBox="0 0 {width:g} {height}" '
        f'style="display:block;width:{width:g}px;max-width:100%;height:auto" '
        'font-family="system-ui,sans-serif" font-size="10" fill="#333">'
    ]
    parts += _lines(groove, height - 16)
    for drum, label in enumerate(ROWS):
        y = _row(drum, rows)
        parts.append(
            f'<path d="M{_x(-0.6):g} {y:g}H{_x(num_steps):g}" stroke="#f2f2f2"/>'
        )
        parts.append(f'<text x="{_LEFT - 12}" y="{y + 3.5}" text-anchor="end">')
        parts.append(f"{label}</text>")
    for step, drum in np.argwhere(groove.hits):
        parts.append(_hit(groove, int(step), int(drum), rows))
    parts.append("</svg>")
    return "".join(parts)


def _lines(groove: "Groove", bottom: float) -> list[str]:
    """Bar and beat lines, with the number of each bar."""
    bar = groove.steps_per_bar
    beat = max(1, groove.steps_per_quarter * 4 // groove.time_signature[1])
    parts = []
    for step in range(groove.num_steps + 1):
        x = _x(step)
        if step % bar == 0:
            colour, width = "#555", 1.2
            if step < groove.num_steps:
                number = step // bar + 1
                parts.append(
                    f'<text x="{x:g}" y="{bottom + 12:g}" text-anchor="middle">'
                    f"{number}</text>"
                )
        elif step % bar % beat == 0:
            colour, width = "#bbb", 0.8
        else:
            colour, width = "#ececec", 0.6
        parts.append(
            f'<path d="M{x:g} {_TOP}V{bottom:g}" stroke="{colour}" '
            f'stroke-width="{width}"/>'
        )
    return parts


def _hit(groove: "Groove", step: int, drum: int, rows: int) -> str:
    velocity = float(groove.velocities[step, drum])
    offset = float(groove.offsets[step, drum])
    x, y = _x(step), _row(drum, rows)
    played = _x(step - offset)
    milliseconds = offset * 60_000 / groove.tempo / groove.steps_per_quarter
    side = "early" if milliseconds > 0 else "late"
    bar, position = divmod(step, groove.steps_per_bar)
    return (
        f"<g><title>{ROWS[drum]}, bar {bar + 1}, step {position + 1}: velocity "
        f"{round(127 * velocity)}, {abs(milliseconds):.0f} ms {side}</title>"
        f'<path d="M{x:g} {y - 5.5:g}v11M{x:g} {y:g}H{played:.5g}" stroke="#888" '
        f'stroke-width="0.9" fill="none"/><circle cx="{played:.5g}" cy="{y:g}" '
        f'r="{2.2 + 3.4 * velocity**0.5:.3g}" fill="{_colour(velocity)}"/></g>'
    )


def _x(step: float) -> float:
    return _LEFT + step * _STEP


def _row(drum: int, rows: int) -> float:
    """The kick is the lowest row."""
    return _TOP + (rows - drum - 0.5) * _ROW


def _colour(velocity: float) -> str:
    """The colour of a velocity, as in `plots.plot_groove`."""
    stops = np.array(
        [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in VELOCITY_COLOURS]
    )
    places = np.linspace(0, 1, len(stops))
    red, green, blue = (
        round(float(np.interp(velocity, places, channel))) for channel in stops.T
    )
    return f"#{red:02x}{green:02x}{blue:02x}"
