"""FCN on ADE20K, on the backbone of row "+ cosine" (Table 9).

mim train mmseg configs/seg/full/fcn-d-cosine.py --gpus 8 --launcher pytorch
(2 images on each of 8 GPUs; about 115 GPU-hours, see `tricklift paper rows`.)
Needs exports/resnet50_d-cosine.safetensors, of the cls/full leaf of that name.
Expected: pixAcc 79.25, mIoU 39.33 (arXiv:1812.01187, Table 9). Not run here: needs GPUs.
"""

_base_ = ["fcn.py"]

model = dict(
    backbone=dict(
        name="resnet50_d", checkpoint="{{$TRICKLIFT_EXPORTS:exports}}/resnet50_d-cosine.safetensors"
    )
)
