"""Half-width ResNet-18-B with the baseline recipe on MiniWorld, images held in memory.

tricklift train cls/demo/resnet18_b-standard
Expected: see docs/results/demo.md (written by `tricklift demo`).
"""

_base_ = ["../mini/resnet18_b-baseline.py"]
row = "B-standard"
benchmark = dict(tier="demo")
model = dict(backbone=dict(width=0.5))
train_dataloader = dict(dataset=dict(in_memory=True))
