"""Any groove, for hypothesis."""

import numpy as np
from hypothesis import strategies as st

from keras_musicvae.grooves.drum_maps import DRUM_MAPS, DRUMS
from keras_musicvae.grooves.groove import Groove, bar_steps

TIME_SIGNATURES = [
    (4, 4),
    (3, 4),
    (6, 8),
    (5, 4),
    (5, 8),
    (7, 8),
    (2, 2),
    (12, 8),
    (1, 4),
]
GRIDS = [4, 6, 8, 12]


@st.composite
def grooves(
    draw,
    time_signature=None,
    steps_per_quarter=None,
    max_bars=3,
    drum_map=None,
    min_hits=1,
):
    """A groove with any hits, any tempo changes, articulations of any map."""
    time_signature = time_signature or draw(st.sampled_from(TIME_SIGNATURES))
    grid = steps_per_quarter or draw(st.sampled_from(GRIDS))
    num_steps = draw(st.integers(1, max_bars)) * bar_steps(time_signature, grid)
    cells = draw(
        st.lists(
            st.tuples(
                st.integers(0, num_steps - 1),
                st.integers(0, len(DRUMS) - 1),
                st.floats(0, 1, width=32),
                st.floats(-0.5, 0.5, width=32),
                st.integers(0, 30),
            ),
            min_size=min_hits,
            max_size=40,
        )
    )
    drum_map = drum_map or draw(st.sampled_from(list(DRUM_MAPS.values())))
    hits = np.zeros((num_steps, len(DRUMS)), bool)
    velocities, offsets = np.zeros(hits.shape), np.zeros(hits.shape)
    pitches = np.zeros(hits.shape, np.uint8)
    for step, drum, velocity, offset, choice in cells:
        hits[step, drum] = True
        velocities[step, drum] = velocity
        offsets[step, drum] = offset
        articulations = list(drum_map.drums[DRUMS[drum]])
        pitches[step, drum] = articulations[choice % len(articulations)]
    quarters = num_steps / grid
    tempos = st.integers(200, 4000).map(lambda tenths: tenths / 10)
    changes = draw(
        st.dictionaries(st.integers(1, max(1, int(quarters) - 1)), tempos, max_size=3)
    )
    return Groove(
        hits,
        velocities,
        offsets,
        tempo=draw(tempos),
        time_signature=time_signature,
        steps_per_quarter=grid,
        pitches=draw(st.sampled_from([pitches, None])),
        tempo_changes=tuple(
            (quarter, tempo)
            for quarter, tempo in sorted(changes.items())
            if quarter < quarters
        ),
        name=draw(st.text(max_size=12)),
        drum_map=drum_map,
    )


def resolutions():
    """Ticks per quarter note from 24 to 960 that every grid divides."""
    return st.sampled_from([24, 48, 96, 120, 192, 240, 384, 480, 600, 960])
