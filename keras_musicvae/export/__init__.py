"""Models for other runtimes: ONNX graphs, and a page that runs in a browser.

- `weights.py`: the weights by names of their own
- `web.py`: the page with a model's weights, for any static host
- `onnx.py`: encoder, prior and sampler as ONNX graphs (extra `onnx`)
"""
