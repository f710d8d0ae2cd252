"""Checkpoints that run code, allocate, unpack or lie."""

import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path

import torch
from fuzz_checkpoints import legacy, tensors_header, zipped

from hostile import case
from pickles import CANARY, Call, Global, Persistent, Set, pickled

TOUCH = f"touch {CANARY}"
REBUILD = Global("torch._utils", "_rebuild_tensor_v2")
ORDERED = Call(Global("collections", "OrderedDict"), ())


def write(folder: Path, data: bytes, name: str = "w.pth", reader: str = "@pretrained") -> list[str]:
    (folder / name).write_bytes(data)
    return [reader, name]


def stored(value: object, numel: int = 4, size: tuple = (4,), stride: tuple = (1,)) -> bytes:
    """A checkpoint whose one tensor says what it likes about its storage of 16 bytes."""
    storage = Persistent(("storage", Global("torch", "FloatStorage"), "0", "cpu", numel))
    tensor = Call(REBUILD, (storage, 0, size, stride, False, ORDERED))
    return zipped(
        pickled({"state_dict": {"conv.weight": tensor}, "meta": value}), {"0": b"\0" * 16}
    )


@case(says="os.system")
def reduce_system(folder):
    """a checkpoint that calls os.system (REDUCE)"""
    return write(folder, zipped(pickled(Call(Global("os", "system"), (TOUCH,))), {}))


@case(says="posix.system")
def reduce_posix(folder):
    """a checkpoint that calls posix.system"""
    return write(folder, zipped(pickled({"w": Call(Global("posix", "system"), (TOUCH,))}), {}))


@case(says="eval")
def builtins_eval(folder):
    """a checkpoint that calls builtins.eval"""
    code = f"open({CANARY!r}, 'w')"
    return write(folder, zipped(pickled({"w": Call(Global("builtins", "eval"), (code,))}), {}))


@case(says="exec")
def builtins_old_name(folder):
    """a checkpoint that calls exec by its name of Python 2"""
    code = f"open({CANARY!r}, 'w')"
    return write(folder, zipped(pickled({"w": Call(Global("__builtin__", "exec"), (code,))}), {}))


def by_getattr() -> Call:
    """os.system, reached through getattr and what is allowed."""
    get = Global("builtins", "getattr")
    buffer = Global("mmengine.logging.history_buffer", "HistoryBuffer")
    scope = Call(get, (Call(get, (buffer, "__init__")), "__globals__"))
    return Call(Call(get, (scope, "get")), ("os",))


@case(says="refused")
def nested_getattr(folder):
    """a checkpoint with nested getattr, read for its weights"""
    return write(folder, zipped(pickled([by_getattr()]), {}))


@case(says="getattr")
def nested_getattr_resumed(folder):
    """a checkpoint with nested getattr, resumed from"""
    return write(folder, zipped(pickled({"w": by_getattr()}), {}), reader="@resumed")


@case(says="refused to load")
def system_resumed(folder):
    """a checkpoint that calls os.system, resumed from"""
    return write(
        folder,
        zipped(pickled({"w": Call(Global("os", "system"), (TOUCH,))}), {}),
        reader="@resumed",
    )


@case()
def hub_load(folder):
    """a checkpoint that calls torch.hub.load"""
    arguments = (str(folder), "evil")
    (folder / "hubconf.py").write_text(f"def evil():\n    open({CANARY!r}, 'w')\n")
    return write(folder, zipped(pickled({"w": Call(Global("torch.hub", "load"), arguments)}), {}))


@case()
def torch_load_inside(folder):
    """a checkpoint that calls torch.load on another file"""
    inner = folder / "inner.pth"
    inner.write_bytes(pickle.dumps(0))
    call = Call(Global("torch", "load"), (str(inner), None, None))
    return write(folder, zipped(pickled({"w": call}), {}))


@case()
def utils_rebuild(folder):
    """a checkpoint that rebuilds a wrapper class by torch._utils"""
    call = Call(
        Global("torch._utils", "_rebuild_wrapper_subclass"), (Global("os", "system"), TOUCH)
    )
    return write(folder, zipped(pickled({"w": call}), {}))


@case()
def rebuild_from_type(folder):
    """a checkpoint that hands torch._tensor._rebuild_from_type_v2 a function"""
    call = Call(
        Global("torch._tensor", "_rebuild_from_type_v2"),
        (Global("os", "system"), Global("torch", "Tensor"), (TOUCH,), {}),
    )
    return write(folder, zipped(pickled({"w": call}), {}))


@case()
def build_state(folder):
    """a checkpoint that sets the state of a class (BUILD)"""
    owner = Global("mmengine.logging.history_buffer", "HistoryBuffer")
    value = Set(owner, {"min": Global("os", "system")})
    return write(folder, zipped(pickled({"w": value}), {}), reader="@resumed")


@case()
def legacy_pickle(folder):
    """a file of torch before 1.6 that calls os.system"""
    return write(folder, legacy(Call(Global("os", "system"), (TOUCH,))))


@case()
def legacy_storage(folder):
    """a file of torch before 1.6 whose storage says to have 2^40 numbers"""
    storage = Persistent(("storage", Global("torch", "FloatStorage"), "0", "cpu", 2**40, None))
    tensor = Call(REBUILD, (storage, 0, (4,), (1,), False, ORDERED))
    return write(folder, legacy({"state_dict": {"conv.weight": tensor}}))


@case()
def legacy_tar(folder):
    """a file of torch 0.1 (tar) that calls os.system"""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name in ("storages", "tensors", "pickle"):
            data = pickled(Call(Global("os", "system"), (TOUCH,)))
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return write(folder, stream.getvalue())


@case()
def plain_pickle(folder):
    """a plain pickle named .pth that calls os.system"""
    return write(folder, pickled(Call(Global("os", "system"), (TOUCH,))), reader="@resumed")


@case()
def torchscript(folder):
    """a TorchScript program named .pth"""

    class Evil(torch.nn.Module):
        def forward(self, x):
            return x + 1

    torch.jit.script(Evil()).save(str(folder / "w.pth"))
    return ["@pretrained", "w.pth"]


@case(says="not read")
def expanded(folder):
    """a tensor of 2^40 elements over a storage of four"""
    return write(folder, stored({}, size=(2**40,), stride=(0,)))


@case()
def too_large(folder):
    """a tensor of 2^40 elements that are not there"""
    return write(folder, stored({}, numel=2**40, size=(2**40,)))


@case()
def too_large_resumed(folder):
    """a tensor of 2^40 elements that are not there, resumed from"""
    return write(folder, stored({}, numel=2**40, size=(2**40,)), reader="@resumed")


@case()
def beyond_storage(folder):
    """a tensor that reaches beyond its storage"""
    return write(folder, stored({}, size=(1000,)))


@case()
def negative_stride(folder):
    """a tensor with a negative size and stride"""
    return write(folder, stored({}, size=(-4,), stride=(-1,)))


@case(says="not read")
def meta_tensor(folder):
    """a tensor on the device meta, of 2^40 elements"""
    call = Call(
        Global("torch._utils", "_rebuild_meta_tensor_no_storage"),
        (Global("torch", "float32"), (2**40,), (1,), False),
    )
    return write(folder, zipped(pickled({"state_dict": {"conv.weight": call}}), {}))


@case(says="packed into")
def bomb_of_pickle(folder):
    """a zip bomb: its pickle unpacks to 2 GiB"""
    return bomb(folder, "archive/data.pkl")


@case(says="packed into")
def bomb_of_numbers(folder):
    """a zip bomb: a storage unpacks to 2 GiB, resumed from"""
    return [*bomb(folder, "archive/data/0")[1:], "@resumed"][::-1]


def bomb(folder: Path, name: str) -> list[str]:
    with zipfile.ZipFile(folder / "w.pth", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open(name, "w", force_zip64=True) as part:
            for _ in range(2048):
                part.write(bytes(1 << 20))
        archive.writestr("archive/version", "3\n")
    return ["@pretrained", "w.pth"]


@case()
def climbing_record(folder):
    """a storage whose name in the archive climbs out"""
    storage = Persistent(("storage", Global("torch", "FloatStorage"), "../../../w", "cpu", 4))
    tensor = Call(REBUILD, (storage, 0, (4,), (1,), False, ORDERED))
    return write(folder, zipped(pickled({"state_dict": {"w": tensor}}), {}))


@case()
def deep_pickle(folder):
    """a checkpoint nested 100,000 levels deep"""
    data = b"\x80\x02" + pickle.EMPTY_LIST * 100_000 + pickle.APPEND * 99_999 + pickle.STOP
    return write(folder, zipped(data, {}))


@case()
def deep_dicts(folder):
    """a checkpoint of dicts in dicts, 5,000 deep"""
    value: dict = {"w": 1}
    data = pickled(value)[2:-1]
    for _ in range(5000):
        data = b"}" + b"X\x01\0\0\0a" + data + pickle.SETITEM
    return write(folder, zipped(b"\x80\x02" + data + pickle.STOP, {}))


@case(says="options")
def metadata_of_lies(folder):
    """an export whose options are no options"""
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    facts = {"format": "tricklift", "architecture": "resnet18_b", "options": "[1"}
    return write(
        folder, tensors_header({"__metadata__": facts, "w": entry}, bytes(4)), "w.safetensors"
    )


@case()
def enormous_network(folder):
    """an export that asks for a network of a billion channels"""
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    facts = {
        "format": "tricklift",
        "architecture": "resnet18_b",
        "options": json.dumps({"width": 1e9}),
    }
    write(folder, tensors_header({"__metadata__": facts, "w": entry}, bytes(4)), "w.safetensors")
    return ["export", "w.safetensors", "out.onnx", "--format", "onnx"]


@case(says="safetensors")
def header_beyond_the_file(folder):
    """safetensors whose header is longer than the file"""
    return write(folder, tensors_header({}, length=1 << 20), "w.safetensors")


@case(says="safetensors")
def header_of_exabytes(folder):
    """safetensors whose header says to have 2^63 bytes"""
    return write(folder, tensors_header({}, length=1 << 63), "w.safetensors")


@case(says="safetensors")
def header_of_exabytes_looked_at(folder):
    """safetensors whose header says to have 2^63 bytes, looked at for a result"""
    return write(folder, tensors_header({}, length=1 << 63), "w.safetensors", "@weights_of")


@case(says="safetensors")
def header_that_is_a_list(folder):
    """safetensors whose header is a list"""
    return write(folder, tensors_header([1, 2]), "w.safetensors", "@weights_of")


@case(says="safetensors")
def overlapping_offsets(folder):
    """safetensors whose tensors overlap"""
    entry = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    return write(folder, tensors_header({"a": entry, "b": entry}, bytes(16)), "w.safetensors")


@case(says="safetensors")
def negative_offsets(folder):
    """safetensors with negative offsets"""
    entry = {"dtype": "F32", "shape": [4], "data_offsets": [-16, 0]}
    return write(folder, tensors_header({"a": entry}, bytes(16)), "w.safetensors")


@case(says="safetensors")
def shape_that_overflows(folder):
    """safetensors whose shape has 2^80 elements"""
    entry = {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 16]}
    return write(folder, tensors_header({"a": entry}, bytes(16)), "w.safetensors")


@case(says="safetensors")
def unknown_dtype(folder):
    """safetensors of an unknown dtype"""
    entry = {"dtype": "F1024", "shape": [4], "data_offsets": [0, 16]}
    return write(folder, tensors_header({"a": entry}, bytes(16)), "w.safetensors")


@case(says="safetensors")
def giant_header(folder):
    """safetensors with a header of 40 MB"""
    header = {f"layer{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(9)}
    text = json.dumps(header).encode() + b" " * (40 << 20)
    return write(folder, tensors_header(text), "w.safetensors")


@case(says="safetensors")
def deep_header(folder):
    """safetensors with a header 100,000 levels deep"""
    return write(folder, tensors_header(b"[" * 100_000), "w.safetensors", "@weights_of")


@case()
def steering_key(folder):
    """a checkpoint whose keys have terminal escapes"""
    weights = {"\x1b]0;owned\x07.weight": torch.zeros(2)}
    torch.save(weights, folder / "w.pth")
    return ["@pretrained", "w.pth"]
