"""PSPNet on ADE20K, on the backbone of row "+ mixup w/o distill" (beside Table 9).

mim train mmseg configs/seg/full/pspnet-d-mixup.py --gpus 8 --launcher pytorch
(2 images on each of 8 GPUs; about 145 GPU-hours, see `tricklift paper rows`.)
Needs exports/resnet50_d-mixup.safetensors, of the cls/full leaf of that name.
Expected: no row of the paper, an extension. Not run here: needs GPUs.
"""

_base_ = ["pspnet.py"]

model = dict(
    backbone=dict(
        name="resnet50_d", checkpoint="{{$TRICKLIFT_EXPORTS:exports}}/resnet50_d-mixup.safetensors"
    )
)
