"""Deformable 3x3 convolutions in the last three stages. Source: arXiv:1811.11168, section 3.1."""

model = dict(backbone=dict(deformable_stages=(1, 2, 3)))
