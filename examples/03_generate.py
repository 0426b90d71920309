"""Generate drum grooves, vary them, and move from one to another.

The same as `keras-musicvae generate` and its siblings, through the public functions:

    python examples/03_generate.py --out samples
    python examples/03_generate.py --preset runs/first/preset --out samples
    python examples/03_generate.py --midi my_beat.mid --out samples
"""

import argparse
from pathlib import Path

from keras_musicvae import MusicVAE

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--preset", default="groove_4bar", help="name or folder")
parser.add_argument("--midi", help="a beat of yours, of any length")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--out", type=Path, required=True, help="folder to write")
args = parser.parse_args()
args.out.mkdir(parents=True, exist_ok=True)

model = MusicVAE.from_preset(args.preset)

# 1. New grooves: latents are drawn from the prior and decoded.
grooves = model.sample(5, seed=args.seed, tempo=96)
print(f"seed {grooves.seed}: {grooves[0]}")

# 2. A groove of your own, or one of these, encoded and decoded again. Longer music is
#    cut into windows and put together again.
beat = args.midi or grooves[0]
back = model.reconstruct(beat, temperature=0)
z, z_stddev = model.encode(beat)
print(f"reconstruction: {back[0]}; latents: {z.shape}")

# 3. Variations, from close to the beat to far away.
variations = {
    similarity: model.similar(beat, 2, similarity, seed=args.seed)
    for similarity in (0.95, 0.8, 0.5)
}

# 4. From one groove to another, on an arc through the latent space.
path = model.interpolate([beat, grooves[1]], steps=5, seed=args.seed)

# 5. Files: MIDI for a DAW, sound to listen to.
for i, groove in enumerate(grooves, start=1):
    groove.save(args.out / f"groove_{i:02}.mid")
back[0].save(args.out / "reconstruction.mid")
for similarity, found in variations.items():
    for i, groove in enumerate(found, start=1):
        groove.save(args.out / f"similar_{similarity}_{i}.mid")
for i, groove in enumerate(path, start=1):
    groove.save(args.out / f"step_{i}.mid")
grooves[0].save(args.out / "groove_01.wav")
print(f"{len(list(args.out.glob('*.mid')))} MIDI files in {args.out}")
