"""Squeeze-and-excitation in every residual block. Source: arXiv:1709.01507, section 3."""

model = dict(backbone=dict(se=True))
