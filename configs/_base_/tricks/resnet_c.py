"""ResNet-C in the place of the config's ResNet. Source: arXiv:1812.01187, section 4."""

from tricklift.tricks import variant

model = dict(backbone=dict(name=variant(base.model.backbone.name, "c")))
