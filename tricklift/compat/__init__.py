"""What OpenMMLab 2023 needs to run on current torch, and on a CPU.

mmdet 3.3 and mmseg 1.2.2 want mmcv < 2.2, whose compiled part does not build against current
torch. Every file here stands in for one thing that breaks, and says which upstream line it is:

- `autoload`, `finder`, `ops/`: the module `mmcv._ext` that `mmcv-lite` lacks, on torchvision.
- `safe_load`: resuming under `torch.load(weights_only=True)`.
- `checkpoints`: written whole, and the older one removed after the newer one stands.
- `seeds`, `batches`: what a step draws follows from seed, step and process; a run begins anywhere.
- `whole_checkpoints`, `resume`: the last whole checkpoint, its place in an epoch, its validation.
- `recipe`: a run is resumed with its own. `disk`: a full one, a lost folder. `history`: bounded.
- `amp`, `precision`: `AmpOptimWrapper` on a CPU; validation in the training's precision.
- `ema`: one operation for all averaged tensors. `statistics`: the same buffers on all processes.
- `distributed`, `sync_bn`: `--launcher pytorch` on CPUs (gloo); timm's norms, synchronised.
- `imports`: a user's own modules and files, before the model is built. `shadow`: folders that are
  found in the place of our packages.
- `init_info`: what the log says of each parameter's start.
- `setup`: importing it installs all of the above; a config names it in `custom_imports`.
- `tuning/`: faster on a CPU, with the same results.
- `every_run`: hooks that every Runner gets, whatever command started it: `start_checks`
  (spelling, an empty loader), `class_checks`, `lengths` (schedules as long as the training),
  `finite_loss`.

Import-free on purpose: it is imported at the end of `import torch`.
"""
