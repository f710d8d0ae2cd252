"""ResNet-D in the place of the config's ResNet. Source: arXiv:1812.01187, section 4."""

model = dict(backbone=dict(name=base.model.backbone.name[:-1] + "d"))
