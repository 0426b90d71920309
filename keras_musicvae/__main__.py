"""`python -m keras_musicvae` is the `keras-musicvae` command."""

from keras_musicvae.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
