"""A reader of MIDI files that some file contents hurt as a bad parser would."""

import ctypes

from keras_musicvae.datasets import convert


def make_reader(setup):
    convert_bytes = convert.convert_bytes

    def hurt(data, config, **options):
        if data == b"segfault":
            ctypes.string_at(0)
        if data == b"hang":
            while True:
                pass
        if data == b"memory":
            bytearray(1 << 30)
        return convert_bytes(data, config, **options)

    convert.convert_bytes = hurt
    return convert.make_reader(setup)
