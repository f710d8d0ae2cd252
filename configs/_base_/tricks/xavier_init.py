"""Xavier uniform initialisation. Source: arXiv:1812.01187, section 2.1."""

model = dict(backbone=dict(init="xavier"))
