"""How good is a model: metrics of reconstruction, samples and latent space."""
