"""Make, hear and shape grooves on a page in the browser.

  keras-musicvae studio
  keras-musicvae studio --preset runs/mine/preset --port 8080

The page is served to this machine alone, at an address with a secret in it, until
Ctrl-C. Nothing leaves the browser.
"""

import argparse
import webbrowser

from keras_musicvae.cli.options import (
    add_backend,
    add_option,
    add_preset,
    add_switch,
    open_model,
)
from keras_musicvae.rules import integer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `studio`."""
    add_preset(parser)
    text = "port to serve on, 0 for a free one"
    add_option(parser, "--port", text, integer(0, 65535), 0)
    add_switch(parser, "--no-browser", "print the address, open nothing")
    add_backend(parser)


def run(args: argparse.Namespace) -> None:
    """Runs `studio`."""
    from keras_musicvae.export.web import web_files
    from keras_musicvae.studio.server import StudioServer

    # A port that is taken is found before the model is loaded.
    with StudioServer({}, args.port) as server:
        server.files = web_files(open_model(args))
        print(server.address, flush=True)
        if not args.no_browser:
            webbrowser.open(server.address)
        server.serve_forever()
