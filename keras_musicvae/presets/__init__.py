"""Pretrained models as folders of validated JSON and weights."""
