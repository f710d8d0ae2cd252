"""Half-width ResNet-18-B with the baseline recipe on MiniWorld in five epochs, held in memory.

tricklift train cls/demo/resnet18_b-standard
Expected: see docs/results/demo.md (written by `tricklift demo`).
"""

_base_ = ["../mini/resnet18_b-baseline.py"]
row = "B-standard"
benchmark = dict(tier="demo")
model = dict(backbone=dict(width=0.5))
train_cfg = dict(max_epochs=5, val_interval=5)
param_scheduler = [dict(type="MultiStepLR", by_epoch=True, milestones=[4], gamma=0.1)]
train_dataloader = dict(dataset=dict(in_memory=True))
