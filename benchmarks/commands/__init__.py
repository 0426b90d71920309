"""One module per command: `HELP`, and `measure(options)`, whose result becomes JSON."""
