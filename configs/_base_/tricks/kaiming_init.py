"""Kaiming normal initialisation, as in the authors' public code.

For classifiers: a downstream backbone starts from its pretrained weights, which replace it.
"""

tasks = ("cls",)
model = dict(backbone=dict(init="kaiming"))
