"""The network: encoder, latent, conductor, decoder; Keras only, no file access."""
