"""Uploads a preset to the hubs that `from_preset` reads from."""

import os

from keras_musicvae import __version__
from keras_musicvae.errors import OutputError, PresetFormatError
from keras_musicvae.presets.folder import CARD, PRESET_FILES
from keras_musicvae.presets.hubs import HUGGING_FACE, KAGGLE, client, first_line
from keras_musicvae.presets.sources import find_preset
from keras_musicvae.presets.verification import verify


def upload_preset(uri: str, preset: str | os.PathLike[str]) -> None:
    """Uploads a preset to Hugging Face or Kaggle.

    Needs the extra `keras-musicvae[hub]`, and to be logged in (`hf auth login`,
    `kagglehub.login()`). A repository that is not there is created; the clients decide
    who sees it.

    Args:
        uri: `hf://org/model`, `hf://org/model@revision`, or
            `kaggle://org/model/keras/variation`. `MusicVAE.from_preset(uri)` loads it.
        preset: The folder that `model.save_to_preset(folder)` wrote.

    Raises:
        PresetFormatError: The address is malformed, or a file of the preset not valid.
        PresetFileError, ChecksumError: A file is missing or was changed.
        OutputError: The hub refused it, or cannot be reached.
        DownloadError: The client of the hub is not installed.

    Example:
        >>> model.save_to_preset("my_grooves", license="CC-BY-4.0")  # doctest: +SKIP
        >>> upload_preset("hf://me/my_grooves", "my_grooves")  # doctest: +SKIP
    """
    hugging_face, kaggle = HUGGING_FACE.fullmatch(str(uri)), KAGGLE.fullmatch(str(uri))
    if not hugging_face and not (kaggle and kaggle[1].count("/") == 3):
        raise PresetFormatError(
            "A preset is uploaded to `hf://org/model` or "
            f"`kaggle://org/model/keras/variation`. Received: uri={uri!r}"
        )
    folder = find_preset(preset)
    for name, problem in verify(folder):
        if problem is not None and name != CARD:  # which people edit
            raise problem
    note = f"Saved by keras-musicvae {__version__}"
    hub = client("huggingface_hub" if hugging_face else "kagglehub", uri)
    try:
        if hugging_face:
            repository, revision = hugging_face.groups()
            hub.create_repo(repository, exist_ok=True)
            hub.upload_folder(
                repo_id=repository,
                revision=revision,
                folder_path=folder.path,
                allow_patterns=list(PRESET_FILES),
                commit_message=note,
            )
        elif kaggle:
            hub.model_upload(kaggle[1], str(folder.path), version_notes=note)
    except Exception as error:  # Those of the clients have no common base.
        raise OutputError(
            f"Cannot upload {folder.label!r} to {uri}: {first_line(error)} Check the "
            "network, the name, and that you are logged in (`hf auth login`, "
            "`kagglehub.login()`)."
        ) from error
