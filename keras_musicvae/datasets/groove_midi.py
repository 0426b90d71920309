"""The Groove MIDI Dataset: 13.6 hours of ten drummers on a Roland TD-11.

Gillick, Roberts, Engel, Eck, Bamman, "Learning to Groove with Inverse Sequence
Transformations", ICML 2019. Licence: CC BY 4.0, by Google LLC.
https://magenta.tensorflow.org/datasets/groove
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from keras_musicvae.datasets.convert import WindowConfig
from keras_musicvae.datasets.folder import preprocess
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.download import PublishedFile, fetch, is_published
from keras_musicvae.errors import ChecksumError
from keras_musicvae.files import user_path
from keras_musicvae.grooves.converter import GrooveConverter

GROOVE_ZIP = PublishedFile(
    name="groove-v1.0.0-midionly.zip",
    url="https://storage.googleapis.com/magentadata/datasets/groove/"
    "groove-v1.0.0-midionly.zip",
    size=3_260_318,
    sha256="651cbc524ffb891be1a3e46d89dc82a1cecb09a57c748c7b45b844c4841dcc1e",
)
"""The official MIDI-only release, 1,150 files."""

URL_VARIABLE = "KERAS_MUSICVAE_GROOVE_URL"
"""Environment variable that names a mirror of the zip."""


def load_data(
    path: str | os.PathLike[str] | None = None,
    num_bars: int = 4,
    hop_bars: int = 1,
    *,
    short: str = "skip",
    steps_per_quarter: int = 4,
    url: str | None = None,
    jobs: int | None = None,
    verbose: bool = True,
) -> tuple[GrooveWindows, GrooveWindows, GrooveWindows]:
    """The Groove MIDI Dataset as windows, in its official splits.

    The first call downloads (3.3 MB) and preprocesses it, which takes some seconds;
    both are cached under `KERAS_HOME` (default `~/.keras`), so later calls take
    milliseconds.

    Args:
        path: The zip, or a folder with its contents, if it is on this machine
            already. Defaults to None: download it.
        num_bars: Bars of a window. Defaults to 4.
        hop_bars: Bars from one window of a file to the next; the windows of
            `w.select(hop_bars=num_bars)` do not overlap. Defaults to 1.
        short: What becomes of bars that do not fill a window: `"skip"`, `"pad"` or
            `"loop"`. Most fills are one bar long. Defaults to `"skip"`.
        steps_per_quarter: The grid; 4 is a step per 16th. Defaults to 4.
        url: A mirror to download from. Defaults to the environment variable
            `KERAS_MUSICVAE_GROOVE_URL`, else the official address.
        jobs: Processes to preprocess with. Defaults to the available processors.
        verbose: Show progress on stderr. Defaults to True.

    Returns:
        `(train, validation, test)`: 15,694, 1,939 and 1,919 windows of 4 bars. Only
        files in 4/4 give windows; `info["report"]` counts the rest.

    Raises:
        DownloadError: no network and no `path`.
        ChecksumError: the zip is not the published one.
        DatasetError: `path` is not the dataset.

    Example:
        ```python
        from keras_musicvae.datasets import groove_midi

        train, validation, test = groove_midi.load_data(num_bars=4)
        x = train[:128]  # (128, 64, 27) float32: hits, velocities, offsets
        ```
    """
    converter = GrooveConverter(num_bars, steps_per_quarter=steps_per_quarter)
    config = WindowConfig(converter=converter, hop_bars=hop_bars, short=short)
    source = user_path(path) if path is not None else download(url=url, verbose=verbose)
    check_zip(source)
    folder = _cache_folder() / f"groove-v1.0.0-{_short_name(source, config)}"
    windows = preprocess(
        source, folder, config, jobs=jobs, overwrite=True, verbose=verbose
    )
    return windows.split("train"), windows.split("validation"), windows.split("test")


def download(
    *,
    url: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    verbose: bool = True,
    **options: Any,
) -> Path:
    """Downloads the MIDI-only zip unless it is in the cache.

    Args:
        url: A mirror. Defaults to `KERAS_MUSICVAE_GROOVE_URL`, else the official
            address.
        folder: Where to keep it. Defaults to `KERAS_HOME/datasets`.
        verbose: Show progress on stderr. Defaults to True.
        **options: `timeout` and `retries` of `download.fetch`.

    Returns:
        The path of the zip, its size and SHA-256 verified.

    Raises:
        DownloadError: no network, a dead server, a refusal.
        ChecksumError: the server sent something else.
        OutputError: the cache cannot be written.
    """
    place = user_path(folder) if folder is not None else _cache_folder()
    if is_published(place / GROOVE_ZIP.name, GROOVE_ZIP):
        return place / GROOVE_ZIP.name
    url = url or os.environ.get(URL_VARIABLE)
    return fetch(GROOVE_ZIP, place, url=url, verbose=verbose, **options)


def check_zip(path: Path) -> None:
    """Verifies a file that goes by the name of the official zip.

    Raises:
        ChecksumError: it has another size or SHA-256.
    """
    if path.name != GROOVE_ZIP.name or not path.is_file():
        return
    if not is_published(path, GROOVE_ZIP):
        raise ChecksumError(
            f"{path} is not the published {GROOVE_ZIP.name} of {GROOVE_ZIP.size} bytes "
            f"with SHA-256 {GROOVE_ZIP.sha256}: it is damaged or changed. Fetch it "
            "again, or rename it if you changed it on purpose."
        )


def keras_home() -> Path:
    """Keras's folder for caches: `KERAS_HOME`, or `~/.keras`."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def _cache_folder() -> Path:
    return keras_home() / "datasets"


def _short_name(source: Path, config: WindowConfig) -> str:
    """A folder name that differs for every other source or configuration."""
    official = source.name == GROOVE_ZIP.name
    what = [config.to_json(), "" if official else str(source.absolute())]
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
    return f"{config.converter.num_bars}bar-{digest[:10]}"
