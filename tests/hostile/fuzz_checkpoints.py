"""Random checkpoints and safetensors, and their readers."""

import io
import json
import struct
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from fuzz_values import changed, numbers, scalars, values, words
from hypothesis import strategies as st

from pickles import Call, Global, Persistent, Set, pickled

GLOBALS = (
    *("torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter", "torch FloatStorage"),
    *("collections OrderedDict", "torch LongStorage", "builtins getattr", "builtins eval"),
    *("os system", "posix system", "torch._utils _rebuild_sparse_tensor", "torch Size"),
    *("torch._utils _rebuild_wrapper_subclass", "torch._utils _rebuild_meta_tensor_no_storage"),
    *("torch.serialization _get_layout", "numpy ndarray", "numpy dtype", "torch.hub load"),
    *("numpy._core.multiarray _reconstruct", "numpy.core.multiarray scalar", "torch device"),
    *("mmengine.logging.history_buffer HistoryBuffer", "builtins set", "torch.nn Parameter"),
    *("torch.nn.parameter Parameter", "torch._tensor _rebuild_from_type_v2", "torch Tensor"),
    *("torch._utils _rebuild_device_tensor_from_numpy", "torch._utils _rebuild_qtensor"),
    *("argparse Namespace", "pathlib PosixPath", "builtins bytearray", "builtins complex"),
    *("_codecs encode", "torch.storage UntypedStorage", "torch bfloat16"),
)
_globals = st.sampled_from(GLOBALS).map(lambda text: Global(*text.split()))
_storages = st.tuples(
    st.just("storage"),
    _globals,
    st.sampled_from(("0", "1", "../0", "x")) | words,
    st.sampled_from(("cpu", "cuda:0", "meta")) | words,
    st.sampled_from((0, 1, 4, 100, 2**40, -1, 2**62)),
).map(Persistent)
_sizes = st.lists(st.sampled_from((0, 1, 2, 4, -1, 2**40, 2**62)), max_size=3).map(tuple)
_tensors = st.tuples(
    st.just(Global("torch._utils", "_rebuild_tensor_v2")),
    st.tuples(
        _storages,
        st.sampled_from((0, 1, -1, 2**40, 2**62)),
        _sizes,
        _sizes,
        st.booleans(),
        st.just(Call(Global("collections", "OrderedDict"), ())),
    ),
).map(lambda parts: Call(*parts))
_atoms = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), words, st.floats(), _globals, _tensors
)
_objects_of_pickle = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(
            st.sampled_from(("state_dict", "meta", "model", "ema_state_dict", "epoch", "w"))
            | words
            | st.integers(),
            inner,
            max_size=4,
        ),
        st.tuples(_globals | inner, st.lists(inner, max_size=3).map(tuple)).map(lambda p: Call(*p)),
        st.tuples(inner, inner).map(lambda p: Set(*p)),
    ),
    max_leaves=10,
)


def zipped(
    pickle: bytes, storages: dict[str, bytes], compression: int = zipfile.ZIP_STORED
) -> bytes:
    """What `torch.save` writes around a pickle."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickle)
        archive.writestr("archive/byteorder", b"little")
        for name, data in storages.items():
            archive.writestr(f"archive/data/{name}", data)
        archive.writestr("archive/version", b"3\n")
    return stream.getvalue()


def tensors_header(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file: the header's length, the header, and the numbers."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length % 2**64) + text + data


_entries = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(("F32", "BF16", "I64", "F8_E4M3", "F4", "", "f32")) | scalars,
        "shape": st.lists(numbers, max_size=3) | scalars,
        "data_offsets": st.lists(numbers, max_size=3) | scalars,
    },
)
_headers = st.dictionaries(
    words | st.sampled_from(("__metadata__", "stem.conv.weight")),
    _entries | st.dictionaries(words, words, max_size=3) | values,
    max_size=4,
)
safetensors_files = st.tuples(
    _headers, st.binary(max_size=64), st.none() | st.sampled_from((0, 1, 2**63, 10**8 + 1, -1))
).map(lambda parts: b"S" + tensors_header(*parts))
checkpoint_files = st.one_of(
    _objects_of_pickle.map(lambda v: b"P" + zipped(pickled(v), {"0": b"\0" * 16})),
    _objects_of_pickle.map(lambda v: b"P" + legacy(v)),
    safetensors_files,
    changed(zipped(pickled({"state_dict": {"w": 1}}), {"0": b"\0" * 16})).map(b"P".__add__),
    changed(
        tensors_header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, b"1234")
    ).map(b"S".__add__),
)


def legacy(value: Any) -> bytes:
    """A file of torch before 1.6: pickles one after the other."""
    magic, protocol, system = 0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}
    return b"".join(map(pickled, (magic, protocol, system, value, []))) + struct.pack("<q", 0)


def read_checkpoint(file: Path) -> None:
    from backbones.checkpoint import load_pretrained
    from tricklift.compat.safe_load import load_from_disk
    from tricklift.errors import UserError
    from tricklift.records.identity import weights_origin
    from tricklift.records.weights import weights_sha256

    data = file.read_bytes()
    named = file.with_suffix(".safetensors" if data[:1] == b"S" else ".pth")
    named.write_bytes(data[1:])
    for read in (
        lambda: load_pretrained(_network(), named),
        lambda: load_from_disk(named),
        lambda: weights_origin(str(named)),
        lambda: weights_sha256(named),
    ):
        with suppress(UserError):
            read()


def _network() -> Any:
    import backbones

    global _built
    if _built is None:
        _built = backbones.build("resnet18_b", width=0.125, num_classes=2)
    return _built


_built: Any = None
