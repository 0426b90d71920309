"""How a model comes from a preset or a checkpoint, and becomes a preset.

The work is done in `presets/` and `magenta/`, which know files; models do not.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, Self


class classproperty:
    """A property of the class, as KerasHub has for `presets`."""

    def __init__(self, getter: Callable[[Any], Any]) -> None:
        self.getter = getter

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self.getter(owner)


class PresetModel:
    """The part of `MusicVAE` that follows KerasHub's conventions for presets."""

    #: The presets that the weights come from, the nearest first: `presets/parents.py`.
    parents: tuple[Mapping[str, str], ...] = ()

    @classproperty
    def presets(cls) -> dict[str, dict[str, Any]]:
        """The published presets: name -> description, size, what it is for."""
        from keras_musicvae.presets.registry import presets

        return presets()

    @classmethod
    def from_preset(
        cls, preset: str | os.PathLike[str], load_weights: bool = True, **kwargs: Any
    ) -> Self:
        """A model from a preset.

        Args:
            preset: A published name (see `MusicVAE.presets`), a folder, or an address
                that starts with `hf://`, `kaggle://` or `https://`.
            load_weights: False gives the architecture with new weights.
            **kwargs: Arguments of the constructor that replace the saved ones.

        Raises:
            UnknownPresetError: No preset has this name.
            PresetFileError, PresetFormatError, ChecksumError: The preset is
                incomplete, not valid, or not what was published.
            DownloadError: It cannot be reached.

        Example:
            >>> model = MusicVAE.from_preset("groove_4bar")  # doctest: +SKIP
        """
        from keras_musicvae.presets.preset_io import load_preset

        return load_preset(cls, preset, load_weights, **kwargs)

    def save_to_preset(self, preset_dir: str | os.PathLike[str], **kwargs: Any) -> None:
        """Saves the model as a preset folder, which `from_preset` reads.

        Args:
            preset_dir: The folder; a preset that it holds is replaced as a whole.
            **kwargs: `name`, `description`, `training`, `evaluation`, `license` for
                the model card; `max_shard_size` in GB.

        Raises:
            OutputError: It cannot be written, or holds other files.
            PresetFormatError: `from_preset` would refuse it: the model is quantized,
                or a weight is not finite.
        """
        from keras_musicvae.presets.preset_io import save_preset

        save_preset(self, preset_dir, **kwargs)

    @classmethod
    def from_magenta(
        cls,
        source: str | os.PathLike[str],
        *,
        num_bars: int | None = None,
        **kwargs: Any,
    ) -> Self:
        """A model with the weights of a checkpoint of Magenta's GrooVAE models.

        TensorFlow is not needed. The widths follow from the checkpoint's variables;
        unknown ones are refused by name, and what training left beside the weights
        is ignored and named in the log of `keras_musicvae`. See
        `docs/magenta_checkpoints.md` for the released checkpoints.

        Args:
            source: A prefix (`"model.ckpt-1000"`), folder, .tar, .tgz or Magenta.js
                folder; its `https://` address; or a released name
                (`"groovae_4bar"`), which is downloaded.
            num_bars: Bars of a window. Needed where neither a released name nor a
                Magenta.js config tells.
            **kwargs: `task`, what the model is given (a name of `grooves.tasks.TASKS`;
                found in the same way), and `drum_map`, by which the model's MIDI files
                are read (defaults to the original's `"general_midi"`; `"roland_td11"`
                is what it was trained on); and arguments of the constructor that a
                checkpoint does not hold, such as `dropout` or `free_bits`.

        Raises:
            CheckpointError: It is absent, damaged or no groove model, or does not
                tell its window.
            DownloadError: It cannot be fetched.
            ConfigError: An argument is not allowed.

        Example:
            >>> model = MusicVAE.from_magenta("groovae_4bar.tar")  # doctest: +SKIP
        """
        from keras_musicvae.magenta.load import load_magenta

        return load_magenta(cls, source, num_bars=num_bars, **kwargs)
