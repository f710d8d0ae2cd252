"""Xavier uniform initialisation. Source: arXiv:1812.01187, section 2.1.

For classifiers: a downstream backbone starts from its pretrained weights, which replace it.
"""

tasks = ("cls",)
model = dict(backbone=dict(init="xavier"))
