"""A worker that some file contents hurt as a bad parser would."""

import ctypes
import itertools
import os
import signal
import time
from pathlib import Path

from keras_musicvae.datasets import parts, worker

convert_bytes = parts.convert_bytes


count = itertools.count()


def hurt(data, config):
    once = os.environ.get("DIES_ONCE")
    if once and next(count) == 7 and not Path(once).exists():
        Path(once).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if data == b"segfault":
        ctypes.string_at(0)
    if data == b"exit":
        os._exit(3)
    if data == b"raise":
        raise KeyError("key")
    if data == b"hang":
        while True:
            pass
    if data == b"wait":  # takes time, not processor time: a busy machine
        time.sleep(1.5)
    if data == b"memory":
        bytearray(1 << 30)
    if data == b"print":
        print("12", flush=True)
        os.write(1, b"12\n")
    return convert_bytes(data, config)


if __name__ == "__main__":
    parts.convert_bytes = hurt
    worker.main()
