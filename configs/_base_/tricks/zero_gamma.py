"""Gamma of each residual block's last batch norm starts at 0. Source: section 3.1."""

model = dict(backbone=dict(zero_gamma=True))
