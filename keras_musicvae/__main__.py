"""`python -m keras_musicvae` and the command `keras-musicvae`."""


def run() -> int:
    """Runs the command line; returns its exit code."""
    try:
        from keras_musicvae.cli.interrupt import importing

        with importing():
            from keras_musicvae.cli.main import main
    except KeyboardInterrupt:
        from keras_musicvae.cli.interrupt import end

        end()
    return main()


if __name__ == "__main__":
    raise SystemExit(run())
