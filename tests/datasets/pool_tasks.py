"""Tasks for the tests of `WorkerPool`, named by their payload."""

import ctypes
import os
import time


def make(setup):
    calls = []

    def task(payload):
        calls.append(payload)
        kind, _, value = payload.partition(" ")
        if kind == "echo":
            return {"text": value, "setup": setup, "calls": len(calls)}, value.encode()
        if kind == "sleep":
            time.sleep(float(value))
            return {"text": value}, b""
        if kind == "hang":
            while True:
                pass
        if kind == "segfault":
            ctypes.string_at(0)
        if kind == "exit":
            os._exit(int(value))
        if kind == "memory":
            return {"size": len(bytearray(int(value)))}, b""
        if kind == "raise":
            raise KeyError(value)
        if kind == "print":
            print(value, flush=True)
            os.write(1, b"more\n")
            return {"text": value}, b""
        if kind == "bytes":
            return {}, bytes(int(value))
        if kind == "pid":
            return {"pid": os.getpid()}, b""
        raise ValueError(kind)

    return task


def broken(setup):
    raise RuntimeError("no such luck")
