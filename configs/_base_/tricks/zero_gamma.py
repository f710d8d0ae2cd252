"""Gamma of each residual block's last batch norm starts at 0. Source: section 3.1.

For classifiers: a downstream backbone starts from its pretrained weights, which replace it.
"""

tasks = ("cls",)
model = dict(backbone=dict(zero_gamma=True))
