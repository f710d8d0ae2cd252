"""Two processes over gloo: mmengine's launcher, its DDP wrapper, synchronised batch norm.

The processes compare themselves with one process that sees the whole batch.
"""

import pytest
import torch
from torch import nn
from two_processes import in_two_processes

from tricklift.compat.sync_bn import CpuSyncBatchNorm, convert

WORKER = """
import torch, tricklift.compat.setup
from mmengine.dist import init_dist, get_dist_info, all_gather_object, broadcast
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.runner.runner import convert_sync_batchnorm
from timm.layers.norm_act import BatchNormAct2d
from torch import nn, distributed as dist

class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.SyncBatchNorm(4, momentum=0.5)
        self.conv_act = nn.Conv2d(4, 3, 3)
        self.norm_act = BatchNormAct2d(3, momentum=0.5)  # with ReLU
    def forward(self, inputs, mode='tensor'):
        out = self.norm_act(self.conv_act(self.norm(self.conv(inputs))))
        return dict(loss=(out ** 3).sum() / 100) if mode == 'loss' else out

init_dist('pytorch', backend='nccl')
rank, world = get_dist_info()
assert dist.get_backend() == 'gloo' and world == 2
value = torch.tensor(float(rank)); broadcast(value); assert value == 0
assert all_gather_object(rank) == [0, 1]

torch.manual_seed(0)
whole, x = Model(), torch.randn(5, 3, 6, 7)
whole.norm = nn.BatchNorm2d(4, momentum=0.5)
torch.manual_seed(0)
model = convert_sync_batchnorm(Model(), 'torch')  # as Runner.wrap_model
model = MMDistributedDataParallel(model, device_ids=[0], broadcast_buffers=False)
assert model.device_ids is None and type(model.module.norm).__name__ == 'CpuSyncBatchNorm'
assert type(model.module.norm_act).__name__ == 'CpuSyncBatchNormAct'
assert set(model.module.state_dict()) == set(whole.state_dict())

part = (x[:2], x[2:])[rank]  # uneven on purpose
# DDP averages the gradients, so the loss is doubled
(2 * model(part, mode='loss')['loss']).backward()
whole(x, mode='loss')['loss'].backward()
for (name, a), b in zip(model.module.named_parameters(), whole.parameters()):
    torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-4, msg=name)
for (name, a), b in zip(model.module.named_buffers(), whole.buffers()):
    torch.testing.assert_close(a, b, msg=name)
model.eval(); whole.eval()
torch.testing.assert_close(model(part), whole(part))
model.train()
with torch.autocast('cpu', torch.bfloat16):
    out = model(part)
assert out.dtype == torch.bfloat16
dist.barrier()
print(f'fine {rank}\\n', end='', flush=True)
dist.destroy_process_group()
"""


def test_two_processes_equal_one(tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    said = in_two_processes(script)
    assert "fine 0" in said and "fine 1" in said


def test_an_unknown_launcher_is_still_an_error():
    from mmengine.dist import init_dist

    import tricklift.compat.setup  # noqa: F401

    with pytest.raises(ValueError, match="Invalid launcher type: teleport"):
        init_dist("teleport")


def test_set_device_comes_back(monkeypatch):
    """A launcher that fails must not leave torch.cuda.set_device switched off."""
    from mmengine.dist import init_dist

    import tricklift.compat.setup  # noqa: F401

    before = torch.cuda.set_device
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(KeyError, match="RANK"):
        init_dist("pytorch")
    assert torch.cuda.set_device is before


def test_alone_it_is_batch_norm():
    """Without a process group, and with a cumulative average, as nn.BatchNorm2d."""
    torch.manual_seed(0)
    x = torch.randn(4, 3, 5, 5)
    plain = nn.BatchNorm2d(3, momentum=None)
    sync = convert(nn.Sequential(nn.SyncBatchNorm(3, momentum=None)))
    assert isinstance(sync[0], CpuSyncBatchNorm)
    for _ in range(2):
        torch.testing.assert_close(sync(x), plain(x))
    torch.testing.assert_close(sync[0].state_dict(), plain.state_dict())
    with pytest.raises(ValueError, match="at least 2D"):
        sync(torch.randn(3))
