"""Pretrained models as folders of validated JSON and checked weights.

A preset's way: `sources` turns what the user named into a folder, `folder` reads
its files and checks their hashes, `schema` validates what they say, `weights` checks
the HDF5 file against the built model, `preset_io` puts the model together.
`registry` knows the published presets; `card` writes a preset's README.
"""
