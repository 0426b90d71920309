"""`python -m keras_musicvae` and the command `keras-musicvae`."""

from keras_musicvae.cli.interrupt import importing


def run() -> int:
    """Runs the command line; returns its exit code."""
    with importing():
        from keras_musicvae.cli.main import main
    return main()


if __name__ == "__main__":
    raise SystemExit(run())
