"""Learning rate in proportion to the images a step. Source: arXiv:1812.01187, section 3.1."""

auto_scale_lr = dict(enable=True)
