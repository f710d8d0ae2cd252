"""PSPNet, output stride 8, on ADE20K, the paper's recipe (batch 16 = 8 GPUs x 2).

mim train mmseg configs/seg/full/pspnet.py
Expected: not run, and no row of the paper. mmseg's own PSP-R50 (80k, single scale): 41.13 mIoU.
"""

_base_ = [
    "../../_base_/runtime_seg.py",
    "../../_base_/models/seg_pspnet.py",
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
