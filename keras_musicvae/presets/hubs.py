"""Presets on Hugging Face and Kaggle, through the clients of the two hubs.

The clients keep their own caches and credentials (`HF_HOME`, `HF_TOKEN`,
`KAGGLEHUB_CACHE`...), as users of KerasHub know them. They are optional: the extra
`keras-musicvae[hub]`.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from keras_musicvae.errors import (
    DownloadError,
    PresetFileError,
    PresetFormatError,
    UnknownPresetError,
)
from keras_musicvae.presets.folder import (
    CONFIG,
    MAX_JSON_BYTES,
    METADATA,
    PREPROCESSOR,
    WEIGHTS,
    PresetFolder,
)
from keras_musicvae.presets.schema import MAX_WEIGHTS_BYTES

HUGGING_FACE = re.compile(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?/?", re.ASCII)
KAGGLE = re.compile(r"kaggle://([\w.-]+/[\w.-]+/[\w.-]+/[\w.-]+(?:/\d+)?)/?", re.ASCII)
_TIMEOUT = 10.0  # seconds


def fetch_from_hugging_face(address: str, *, weights: bool = True) -> Path:
    """Fetches a preset from the Hugging Face Hub, or finds it in the hub's cache.

    Args:
        address: `hf://org/model` or `hf://org/model@revision`.
        weights: Whether to fetch the weights too.

    Returns:
        The folder of the snapshot in the cache.

    Raises:
        PresetFormatError: The address is malformed, or a file too large.
        UnknownPresetError: There is no such repository, or it is private.
        PresetFileError: The repository lacks a file.
        DownloadError: The hub cannot be reached and the cache lacks the preset, or
            `huggingface_hub` is not installed.
    """
    match = HUGGING_FACE.fullmatch(address)
    if not match:
        raise PresetFormatError(
            "A Hugging Face preset is `hf://org/model` or `hf://org/model@revision`. "
            f"Received: preset={address!r}"
        )
    hub = client("huggingface_hub", address)

    def fetch(name: str) -> Path:
        return _hugging_face_file(hub, address, match[1], match[2], name)

    return _fetch_all(fetch, address, weights)


def fetch_from_kaggle(address: str, *, weights: bool = True) -> Path:
    """Fetches a preset from Kaggle Models, or finds it in `kagglehub`'s cache.

    Args:
        address: `kaggle://org/model/keras/variation`, with `/version` for a fixed one.
        weights: Whether to fetch the weights too.

    Returns:
        The folder in the cache.

    Raises:
        PresetFormatError: The address is malformed.
        UnknownPresetError: There is no such model, or it is private.
        PresetFileError: The model lacks a file.
        DownloadError: Kaggle cannot be reached, or `kagglehub` is not installed.
    """
    match = KAGGLE.fullmatch(address)
    if not match:
        raise PresetFormatError(
            "A Kaggle preset is `kaggle://org/model/keras/variation[/version]`. "
            f"Received: preset={address!r}"
        )
    kagglehub = client("kagglehub", address)

    def fetch(name: str) -> Path:
        with _kaggle_errors(address, name):
            return Path(kagglehub.model_download(match[1], name))

    return _fetch_all(fetch, address, weights)


def _fetch_all(fetch: Callable[[str], Path], address: str, weights: bool) -> Path:
    """Fetches the files that a model is made of; returns their folder.

    Not the card: people edit it on the hub, where its hash stays behind.
    """
    folder = fetch(METADATA).parent
    files = [CONFIG]
    if PREPROCESSOR in PresetFolder(folder, label=address).digests:
        files.append(PREPROCESSOR)
    if weights:
        files.append(WEIGHTS)
    for name in files:
        fetch(name)
    return folder


def client(package: str, address: str) -> Any:
    """The package of a hub."""
    try:
        return import_module(package)
    except ImportError:
        raise DownloadError(
            f"The preset {address!r} needs the package `{package}`. Install "
            'it with: pip install "keras-musicvae[hub]"'
        ) from None


def _hugging_face_file(
    hub: Any, address: str, repository: str, revision: str | None, name: str
) -> Path:
    """Fetches one file, unless the cache has it; returns its path in the cache."""
    errors = import_module("huggingface_hub.errors")
    place = {"repo_id": repository, "filename": name, "revision": revision}
    try:
        # One request without retries finds a dead network at once (the download
        # itself would retry for 20 s) and how much there is to fetch.
        url = hub.hf_hub_url(**place)
        size = hub.get_hf_file_metadata(url, timeout=_TIMEOUT).size
        limit = MAX_WEIGHTS_BYTES if name == WEIGHTS else MAX_JSON_BYTES
        if size is not None and size > limit:
            raise PresetFormatError(
                f"`{name}` of preset {address!r} is too large: at most {limit} bytes "
                f"are fetched. Received: {size} bytes."
            )
        return Path(hub.hf_hub_download(**place))
    except errors.RepositoryNotFoundError:
        raise UnknownPresetError(
            f"There is no model repository {repository!r} on Hugging Face, or it is "
            "private. Check the name; for a private one run `hf auth login`. "
            f"Received: preset={address!r}"
        ) from None
    except errors.RevisionNotFoundError:
        raise UnknownPresetError(
            f"The repository {repository!r} on Hugging Face has no revision "
            f"{revision!r}. Received: preset={address!r}"
        ) from None
    except errors.RemoteEntryNotFoundError:
        raise PresetFileError(
            f"`{name}` doesn't exist in preset {address!r}. Is it a preset of "
            "keras_musicvae? `model.save_to_preset(folder)` writes all the files."
        ) from None
    except PresetFormatError:
        raise
    except Exception as error:
        # No network, HF_HUB_OFFLINE, a broken transfer; the exceptions of the hub and
        # of its HTTP client have no common base. What was fetched before?
        with suppress(Exception):
            return Path(hub.hf_hub_download(**place, local_files_only=True))
        cache = import_module("huggingface_hub.constants").HF_HUB_CACHE
        raise DownloadError(
            f"Cannot fetch `{name}` of preset {address!r} from Hugging Face "
            f"({first_line(error)}), and it is not in the cache ({cache}). "
            "Check the network, or use a packaged preset (`keras-musicvae presets`) or "
            "a local folder."
        ) from error


@contextmanager
def _kaggle_errors(address: str, name: str) -> Iterator[None]:
    """Turns what `kagglehub` raises into our errors."""
    try:
        yield
    except OSError as error:  # `requests` and its HTTP errors
        response = getattr(error, "response", None)
        status = getattr(response, "status_code", None)
        if status == 404 and name != METADATA:
            raise PresetFileError(
                f"`{name}` doesn't exist in preset {address!r}."
            ) from None
        if status in (401, 403, 404):
            raise UnknownPresetError(
                f"Kaggle has no preset at this address, or it is private (status "
                f"{status}). Check the name; log in with `kagglehub.login()`. "
                f"Received: preset={address!r}"
            ) from None
        raise DownloadError(
            f"Cannot fetch `{name}` of preset {address!r} from Kaggle "
            f"({first_line(error)}). Check the network, or use a packaged preset "
            "(`keras-musicvae presets`) or a local folder."
        ) from error
    except Exception as error:
        # kagglehub has a dozen exception types without a common base.
        raise DownloadError(
            f"kagglehub could not fetch `{name}` of preset {address!r}: "
            f"{first_line(error)}"
        ) from error


def first_line(error: BaseException) -> str:
    """What an error of a client says, on one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
