"""What keras-musicvae costs, beside code written by hand and beside the hardware.

`python -m benchmarks --help` lists the commands; README.md in this folder says what
each one compares.
"""
