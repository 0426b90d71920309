"""Where the known part of a groove enters a model."""

from dataclasses import dataclass

from keras_musicvae.grooves.drum_maps import NUM_DRUMS
from keras_musicvae.grooves.frames import NUM_FEATURES
from keras_musicvae.grooves.tasks import KNOWN_DIM


@dataclass(frozen=True)
class KnownPath:
    """Which channels of `known` are read, and by what.

    Attributes:
        encoder: How many channels the encoder reads: the first 9 are the hits, the
            first 27 the values, all 54 the values and the mask.
        decoder: How many the decoder reads, at each step.
        reads_grooves: Whether the encoder reads the groove besides.
    """

    encoder: int = 0
    decoder: int = 0
    reads_grooves: bool = True

    @property
    def is_read(self) -> bool:
        """Whether the model reads `known` at all."""
        return self.encoder + self.decoder > 0

    @property
    def encoder_dim(self) -> int:
        """Width of all that the encoder reads at a step."""
        return self.encoder + NUM_FEATURES * self.reads_grooves


KNOWN_PATHS = {
    "nowhere": KnownPath(),
    "everywhere": KnownPath(KNOWN_DIM, KNOWN_DIM),
    # GrooVAE's humanize, tap2drum and add_closed_hihat: an inverse transformation.
    "magenta_inputs": KnownPath(NUM_FEATURES, reads_grooves=False),
    # GrooVAE's hits_control.
    "magenta_hits": KnownPath(NUM_DRUMS, NUM_DRUMS),
}
