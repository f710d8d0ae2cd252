"""FCN, output stride 8, on ADE20K, the paper's recipe (batch 16 = 8 GPUs x 2).

mim train mmseg configs/seg/full/fcn.py
Expected: not run. Paper, Table 9 (FCN): 78.08 / 37.05 (B, standard) to 79.25 / 39.33 (D, cosine).
"""

_base_ = [
    "../../_base_/runtime_seg.py",
    "../../_base_/models/seg_fcn.py",
    "../../_base_/datasets/seg_ade20k.py",
    "../../_base_/schedules/seg_ade.py",
]
benchmark = dict(
    task="seg",
    tier="full",
    dataset="ADE20K",
    protocol="150 classes, single scale, whole image, short side 520",
)
model = dict(data_preprocessor=dict(size=(480, 480)))
default_hooks = dict(checkpoint=dict(interval=1263))
