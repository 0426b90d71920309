"""What happens after an epoch: keep, log, warn."""

import csv
import io
import logging
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from keras_musicvae.errors import TrainingError
from keras_musicvae.files import replacing
from keras_musicvae.training.checkpoint import save_checkpoint

logger = logging.getLogger(__name__)

BEST_WEIGHTS = "best.weights.h5"

# Fewer bits than this in a whole groove, or fewer latent dimensions in use, and the
# decoder has stopped listening to the latent.
COLLAPSED_BITS = 2.0
COLLAPSED_UNITS = 2


class RunRecorder(keras.callbacks.Callback):
    """Keeps a run on disk: checkpoint, best weights by validation loss, CSV log.

    Args:
        folder: The run's folder.
        settings: What the run was started with; stored in the checkpoint.
        history: Rows of the epochs before, of a resumed run.
        averaging: What put averages of the weights in their place for validation.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        history: list[dict],
        averaging: keras.callbacks.SwapEMAWeights | None = None,
    ) -> None:
        super().__init__()
        self.folder = folder
        self.settings = settings
        self.history = history
        self.averaging = averaging
        self._start = time.monotonic()

    @property
    def best(self) -> dict | None:
        """The epoch with the lowest validation loss."""
        return min(self.history, key=lambda row: row["val_loss"], default=None)

    @property
    def minutes(self) -> float:
        """The time of the epochs so far, of resumed runs too."""
        return sum(row["seconds"] for row in self.history) / 60

    def on_epoch_begin(
        self, epoch: int, logs: Mapping[str, float] | None = None
    ) -> None:
        """Called by `fit`."""
        self._start = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Called by `fit`."""
        if not math.isfinite((logs or {}).get("val_loss", math.nan)):
            raise TrainingError(
                f"The loss is not a number after epoch {epoch + 1}: the training "
                "diverged. The last checkpoint is kept; lower the learning rate."
            )
        row = {
            "epoch": epoch + 1,
            "seconds": round(time.monotonic() - self._start, 1),
            **{k: float(v) for k, v in (logs or {}).items()},
        }
        self.history.append(row)
        if self.best is row:
            self._save_best()
        save_checkpoint(
            self.folder / "checkpoint",
            self.model,
            {"settings": self.settings, "history": self.history},
        )
        with replacing(self.folder / "log.csv") as path:
            path.write_text(self._csv())

    def _save_best(self) -> None:
        # Keras insists on the ending of the name.
        temporary = self.folder / "best.new.weights.h5"
        # The best weights are those that were validated; training, and the checkpoint
        # with it, goes on with the others.
        if self.averaging:
            self.averaging.on_test_begin()
        self.model.save_weights(temporary, overwrite=True)
        if self.averaging:
            self.averaging.on_test_end()
        temporary.replace(self.folder / BEST_WEIGHTS)

    def _csv(self) -> str:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.history[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.history)
        return text.getvalue()


class CollapseWarning(keras.callbacks.Callback):
    """Warns, while it happens, when the posterior collapses onto the prior."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Called by `fit`."""
        logs = logs or {}
        bits, units = logs.get("kl_bits"), logs.get("active_units")
        if bits is None or units is None:
            return
        if bits < COLLAPSED_BITS or units < COLLAPSED_UNITS:
            logger.warning(
                "The posterior is collapsing: KL %.2f bits, %.1f active latent units "
                "after epoch %d. The decoder ignores the latent. Raise free_bits, "
                "lower beta or anneal it (beta_rate), raise the decoder's dropout.",
                bits,
                units,
                epoch + 1,
            )
