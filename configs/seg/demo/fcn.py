"""FCN, output stride 8, on MiniWorld, half-width ResNet-18, 80 iterations.

mim train mmseg configs/seg/demo/fcn.py
Expected: see docs/results/demo.md (written by `tricklift demo`).
"""

_base_ = ["../mini/fcn.py"]
benchmark = dict(tier="demo")
model = dict(backbone=dict(width=0.5))
train_cfg = dict(max_iters=80, val_interval=80)
param_scheduler = [dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=80, by_epoch=False)]
