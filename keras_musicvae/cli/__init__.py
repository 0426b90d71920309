"""The `keras-musicvae` command."""
