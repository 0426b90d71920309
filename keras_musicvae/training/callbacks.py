"""What happens during a run: keep, log, show, warn."""

import csv
import logging
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from keras_musicvae.errors import TrainingError
from keras_musicvae.files import replacing
from keras_musicvae.progress import Progress
from keras_musicvae.training.checkpoint import save_checkpoint

logger = logging.getLogger(__name__)

Logs = Mapping[str, float] | None

# Fewer bits than this in a whole groove, or fewer latent dimensions in use, and the
# decoder ignores the latent.
COLLAPSED_BITS = 2.0
COLLAPSED_UNITS = 2


class RunRecorder(keras.callbacks.Callback):
    """Keeps a run on disk: a checkpoint after each epoch, and a CSV log.

    Args:
        folder: The run's folder.
        settings: What the run was started with; stored in the checkpoint.
        history: Rows of the epochs before, of a resumed run.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], history: list[dict]
    ) -> None:
        super().__init__()
        self.folder = folder
        self.settings = settings
        self.history = history
        self._start = time.monotonic()

    @property
    def best(self) -> dict | None:
        """The epoch with the lowest validation loss."""
        return min(self.history, key=lambda row: row["val_loss"], default=None)

    @property
    def minutes(self) -> float:
        """The time of the epochs so far, of resumed runs too."""
        return sum(row["seconds"] for row in self.history) / 60

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Called by `fit`."""
        self._start = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Called by `fit`."""
        if not math.isfinite((logs or {}).get("val_loss", math.nan)):
            raise TrainingError(
                f"The loss is not a number after epoch {epoch + 1}: the training "
                "diverged. The last checkpoint is kept; lower the learning rate."
            )
        row = {
            "epoch": epoch + 1,
            "seconds": round(time.monotonic() - self._start, 1),
            **{name: float(value) for name, value in (logs or {}).items()},
        }
        self.history.append(row)
        save_checkpoint(
            self.folder / "checkpoint",
            self.model,
            {"settings": self.settings, "history": self.history},
            best=self.best is row,
        )
        self.write_log()

    def write_log(self) -> None:
        """Writes `log.csv` from the history, which the checkpoint holds."""
        if not self.history:
            return
        for litter in self.folder.glob(".log.csv.*"):  # of a killed run
            litter.unlink(missing_ok=True)
        with (
            replacing(self.folder / "log.csv") as path,
            path.open("w", newline="") as file,
        ):
            writer = csv.DictWriter(file, list(self.history[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.history)


class RunProgress(keras.callbacks.Callback):
    """Shows how far a run is: windows per second, loss, time left.

    Args:
        display: Counts windows of all epochs.
        epochs: Epochs of the run.
        epoch_windows: Windows that an epoch trains on.
        batch_size: Windows of a batch.
    """

    def __init__(
        self, display: Progress, epochs: int, epoch_windows: int, batch_size: int
    ) -> None:
        super().__init__()
        self.display = display
        self.epochs = epochs
        self.epoch_windows = epoch_windows
        self.batch_size = batch_size
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Called by `fit`."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called by `fit`."""
        done = self._epoch * self.epoch_windows + (batch + 1) * self.batch_size
        loss = float((logs or {}).get("loss", math.nan))
        self.display.update(
            done, f"epoch {self._epoch + 1} of {self.epochs}, loss {loss:.1f}"
        )

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Called by `fit`."""
        logs = logs or {}
        self.display.write(
            f"epoch {epoch + 1} of {self.epochs}: loss {logs.get('loss', 0):.1f}, "
            f"validation {logs.get('val_loss', 0):.1f}, "
            f"KL {logs.get('val_kl_bits', 0):.0f} bits"
        )


class CollapseWarning(keras.callbacks.Callback):
    """Warns, while it happens, when the posterior collapses onto the prior."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
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
