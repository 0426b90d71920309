"""Groove -> sound: the built-in drum kit, or FluidSynth with a SoundFont.

- `synthesis.py`: tones, noises, metal, a room
- `strokes.py`: the recipe of each drum and articulation
- `kit.py`: the kit, its mix, and the cache of its sounds
- `timeline.py`: when each hit sounds
- `render.py`: a groove played on the kit
- `soundfont.py`: a groove played by FluidSynth (extra `audio`)
- `sound.py`: either of them, chosen by a parameter
- `wav.py`: samples -> WAV file
"""

from keras_musicvae.audio.render import render as render
from keras_musicvae.audio.sound import groove_to_audio as groove_to_audio
from keras_musicvae.audio.sound import save_audio as save_audio
from keras_musicvae.audio.soundfont import render_soundfont as render_soundfont
from keras_musicvae.audio.wav import wav_bytes as wav_bytes
from keras_musicvae.audio.wav import write_wav as write_wav

__all__ = [
    "groove_to_audio",
    "render",
    "render_soundfont",
    "save_audio",
    "wav_bytes",
    "write_wav",
]
