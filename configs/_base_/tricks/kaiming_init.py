"""Kaiming normal initialisation, as in the authors' public code."""

model = dict(backbone=dict(init="kaiming"))
