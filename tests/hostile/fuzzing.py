"""Random files for each reader: ``python tests/hostile/fuzzing.py TARGET --minutes 10``.

A reader may return something or raise a `UserError`; any other error, over ten seconds, over one
GiB of memory or a file outside of its folder is a finding. Hypothesis draws the files: built of the
words of the format with odd values in their places, or whole ones with some bytes changed.
"""

import argparse
import io
import json
import os
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from pickles import CANARY, Call, Global, Persistent, Set, pickled

GIB = 1 << 30
SECONDS = 10

ODD_NUMBERS = (0, -1, 1, 0.5, 2**31, 2**63, -(2**63), 10**40, 1e308, float("inf"), float("nan"))
ODD_WORDS = (
    *("", " ", ".", "..", "../..", "/etc/passwd", "a/../../b", "\0", "\x1b[31m", "\u202e", "é"),
    *(
        "nan",
        "inf",
        "-1",
        "1e999",
        "0x10",
        "<b>",
        "&amp;",
        "%s",
        "{0}",
        "a" * 300,
        "\ud7ff",
        "None",
    ),
)
words = st.sampled_from(ODD_WORDS) | st.text(max_size=12)
numbers = st.sampled_from(ODD_NUMBERS) | st.integers() | st.floats()
scalars = st.none() | st.booleans() | numbers | words
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def changed(draw: Any, whole: bytes) -> bytes:
    """A whole file with a few places overwritten, cut out, doubled or cut off."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        end = min(len(data), place + draw(st.integers(0, 16)))
        kind = draw(st.sampled_from(("overwrite", "remove", "repeat", "end")))
        if kind == "overwrite":
            data[place:end] = draw(st.binary(max_size=16))
        elif kind == "remove":
            del data[place:end]
        elif kind == "repeat":
            data[place:place] = data[place:end] * draw(st.integers(1, 50))
        else:
            del data[place:]
    return bytes(data)


# --- XML ---------------------------------------------------------------------------------------
TAGS = (
    *("annotation", "object", "bndbox", "name", "difficult", "size", "width", "height", "part"),
    *("xmin", "ymin", "xmax", "ymax", "filename", "depth", "truncated"),
)
WHOLE_XML = b"""<?xml version="1.0" encoding="utf-8"?>
<annotation><filename>a.jpg</filename><size><width>10</width><height>10</height><depth>3</depth>
</size><object><name>cat</name><difficult>0</difficult><bndbox><xmin>1</xmin><ymin>2</ymin>
<xmax>8</xmax><ymax>9</ymax></bndbox></object></annotation>"""
HEADS = (
    *("", "<?xml version='1.0'?>", "<?xml version='1.0' encoding='gb2312'?>"),
    *("<?xml version='1.0' encoding='rot13'?>", "<?xml version='1.0' encoding='idna'?>"),
    *("<?xml version='1.0' encoding='base64'?>", "<?xml version='1.0' encoding='utf-16'?>"),
    *("<?xml version='1.0' encoding='unicode_escape'?>", "<?xml version='1.0' encoding='zip'?>"),
    *("<!DOCTYPE a [<!ENTITY x 'y'>]>", "<!DOCTYPE a SYSTEM 'file:///etc/passwd'>"),
)
_texts = st.one_of(
    words.map(escape), numbers.map(str), st.sampled_from(("cat", "1", "5", "9", "&x;", "&#0;"))
)


def _node(inner: SearchStrategy[str]) -> SearchStrategy[str]:
    parts = st.tuples(st.sampled_from(TAGS), st.lists(inner, max_size=4).map("".join))
    return parts.map(lambda part: f"<{part[0]}>{part[1]}</{part[0]}>")


def _object(fields: dict[str, str]) -> str:
    corners = "".join(f"<{k}>{v}</{k}>" for k, v in fields.items() if len(k) == 4 and k != "name")
    rest = "".join(f"<{k}>{fields[k]}</{k}>" for k in ("name", "difficult") if k in fields)
    return f"<object>{rest}<bndbox>{corners}</bndbox></object>"


_objects = st.fixed_dictionaries(
    {"name": st.just("cat") | _texts},
    optional=dict.fromkeys(("difficult", "xmin", "ymin", "xmax", "ymax"), _texts),
).map(_object)
_trees = st.recursive(_texts, _node, max_leaves=10)
xml_files = st.one_of(
    changed(WHOLE_XML),
    st.tuples(st.sampled_from(HEADS), st.lists(_objects | _trees, max_size=4)).map(
        lambda parts: f"{parts[0]}<annotation>{''.join(parts[1])}</annotation>".encode(
            "utf-8", "surrogatepass"
        )
    ),
    st.binary(max_size=60),
)


def read_xml(file: Path) -> None:
    from det import voc_xml
    from det.checks import Rules
    from tricklift.data.files import Repairs

    repairs = Repairs()
    root = voc_xml.parse(file, repairs)
    voc_xml.picture_named(root)
    rules = Rules(("cat",), other_classes="skip")
    voc_xml.read_annotation(root, file, file.parent / "a.png", rules, repairs)
    str(repairs)


# --- lists -------------------------------------------------------------------------------------
WHOLE_LIST = "a\r\na.png\n sub/b \nc c.jpg\t7\n".encode("utf-16")
list_files = st.one_of(
    changed(WHOLE_LIST),
    st.tuples(
        st.sampled_from((b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")),
        st.lists(words | st.sampled_from(("a", "a.png", "a 1", "a -1")), max_size=6),
        st.sampled_from(("\n", "\r\n", "\r", "\x0b", "\x85", "\u2028")),
        st.sampled_from(("utf-8", "utf-16-le", "utf-16-be", "latin-1", "gb18030")),
    ).map(lambda p: p[0] + p[2].join(p[1]).encode(p[3], "replace")),
    st.binary(max_size=60),
)


def read_list(file: Path) -> None:
    from tricklift.data.files import Pictures, Repairs
    from tricklift.data.files import read_below as read

    pictures = Pictures(file.parent)
    for name in read(file, "put it there", Repairs()):
        assert Path(os.path.abspath(file.parent / name)).is_relative_to(file.parent), name
        assert "\x1b" not in name and "\0" not in name, name
        pictures.find(name)


# --- results -----------------------------------------------------------------------------------
WHOLE_RESULT: dict[str, Any] = {
    "schema": 2,
    "status": "done",
    "task": "cls",
    "tier": "mini",
    "dataset": "MiniWorld",
    "protocol": "top-1",
    "row": "a",
    "backbone": "resnet18_b",
    "config": "configs/cls/mini/a.py",
    "metrics": {"top1": 50.0},
    "best": {"top1": 51.0},
    "config_hash": "ab" * 32,
    "seed": 0,
    "world_size": 1,
    "epochs": 3,
    "iters": None,
    "started": "2026-01-01T00:00:00+00:00",
    "wall_seconds": 1.5,
    "machine": {"cpu": "x", "cores": 2, "threads": 1, "torch": "2", "device": "cpu"},
    "pretrained": None,
    "data": {"digest": "ab", "val_images_in_train": 0},
    "commit": "ab" * 20,
    "version": "0.2",
    "tricks": ["ema"],
    "teacher": None,
    "images_per_epoch": 10,
}


@st.composite
def _results(draw: Any) -> bytes:
    held = dict(WHOLE_RESULT)
    for key in draw(st.lists(st.sampled_from(tuple(held)), min_size=1, max_size=3, unique=True)):
        inner = held[key]
        if isinstance(inner, dict) and draw(st.booleans()):
            held[key] = {**inner, draw(st.sampled_from(tuple(inner)) | words): draw(values)}
        elif draw(st.integers(0, 7)) == 0:
            del held[key]
        else:
            held[key] = draw(values)
    if draw(st.booleans()):
        held["task"] = draw(st.sampled_from(("cls", "det", "seg")))
        held["pretrained"] = draw(
            st.none()
            | st.fixed_dictionaries(
                {}, optional=dict.fromkeys(("file", "name", "seed", "row", "dataset"), scalars)
            )
        )
    return json.dumps(held).encode("utf-8", "surrogatepass")


result_files = st.one_of(
    _results(), changed(json.dumps(WHOLE_RESULT).encode()), values.map(json.dumps).map(str.encode)
)


def read_result(file: Path) -> None:
    from tricklift.tables.compare import build_rows, lines
    from tricklift.tables.page import FORMATS, render
    from tricklift.tables.records import read

    records = [read(file)]
    lines(records)
    rows = build_rows(record for record in records if record.done)
    for style in FORMATS:
        text = render(rows, records, style, file.parent / "none")
        assert not set(text) & {"\x1b", "\x07", "\x9b"}, text
        assert style != "md" or "<b>" not in text


# --- checkpoints -------------------------------------------------------------------------------
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

# --- tiers -------------------------------------------------------------------------------------
WHOLE_TIER: dict[str, Any] = {
    "name": "mini",
    "about": "x",
    "data": "miniworld",
    "rows": [{"config": "cls/mini/resnet18_b-baseline", "backbone": "resnet18_b", "recipe": "b"}],
    "random_init": "resnet18_b",
    "downstream": [{"task": "det", "config": "det/mini/faster_rcnn_fpn", "tricks": ["ema"]}],
    "weights": [{"name": "w", "backbone": "resnet18_b", "checkpoint": "w.safetensors"}],
    "networks": [{"name": "resnet18_b", "suffix": "x", "options": ["a=1"]}],
    "teachers": [{"config": "cls/mini/resnet18_d-tricks", "backbone": "resnet18_d"}],
    "seeds": [0, 1],
    "downstream_seeds": [0],
    "options": {"cls": ["a=1"]},
    "claims": [{"row": "a", "against": "b", "metric": "top1", "sign": "+"}],
}
TIER_WORDS = ("cls", "det", "task", "config", "name", "backbone", "teacher", "downstream")


@st.composite
def _tiers(draw: Any) -> bytes:
    held = json.loads(json.dumps(WHOLE_TIER))
    odd = values | st.dictionaries(st.sampled_from(TIER_WORDS), values, max_size=3)
    for key in draw(st.lists(st.sampled_from(tuple(held)), min_size=1, max_size=3, unique=True)):
        inner = held.get(key)
        if isinstance(inner, list) and inner and isinstance(inner[0], dict) and draw(st.booleans()):
            inner[0][draw(st.sampled_from((*inner[0], *TIER_WORDS)))] = draw(odd)
        elif draw(st.integers(0, 7)) == 0:
            held.pop(key, None)
        else:
            held[key] = draw(odd)
    return json.dumps(held).encode("utf-8", "surrogatepass")


tier_files = st.one_of(
    _tiers(),
    changed(json.dumps(WHOLE_TIER, indent=1).encode()),
    st.lists(
        st.sampled_from(
            (
                *("a: ", "- ", "&a ", "*a", "<<: ", "!!python/object/apply:os.system ", "? ", "| "),
                *("[", "]", "{", "}", "\n", "  ", "2026-13-99", "0o9", "1:99:99", "!!binary '%'"),
                *("!!int x", "!!float x", "!!set ", "!!timestamp x", "name", "rows", "\t", "---"),
            )
        ),
        max_size=12,
    ).map(lambda parts: "".join(parts).encode()),
    st.binary(max_size=60),
)


def read_tier(file: Path) -> None:
    from tricklift.suite import tier_file

    tier_file.read(file)


TARGETS: dict[str, tuple[SearchStrategy[bytes], Callable[[Path], None], str]] = {
    "xml": (xml_files, read_xml, "a.xml"),
    "list": (list_files, read_list, "list.txt"),
    "result": (result_files, read_result, "result.json"),
    "checkpoint": (checkpoint_files, read_checkpoint, "checkpoint"),
    "tier": (tier_files, read_tier, "tier.yaml"),
}


@contextmanager
def bounded_time():
    """Raises TimeoutError after `SECONDS`."""

    def over(*_: Any) -> None:
        raise TimeoutError(f"over {SECONDS} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def tried(target: str, data: bytes, folder: Path) -> None:
    """Reads one file; whatever is raised is a finding."""
    from tricklift.errors import UserError

    _, read, name = TARGETS[target]
    file = folder / "in" / name
    file.write_bytes(data)
    with bounded_time():
        try:
            read(file)
        except UserError as error:
            assert str(error)
    assert not Path(CANARY).exists(), "code of the file ran"
    assert sorted(os.listdir(folder)) == ["in"], "it left its folder"


def prepared(folder: Path) -> Path:
    """A folder with the picture that annotations and lists of these files are about."""
    from PIL import Image

    (folder / "in").mkdir()
    Image.new("RGB", (10, 10)).save(folder / "in" / "a.png")
    return folder


def warm(target: str, folder: Path) -> None:
    """Imports what the reader imports, which takes memory and time of its own."""
    _, read, name = TARGETS[target]
    for data in (b"P", b"S", WHOLE_XML, json.dumps(WHOLE_RESULT).encode()):
        (folder / "in" / name).write_bytes(data)
        with suppress(Exception):
            read(folder / "in" / name)


def limit_memory() -> None:
    """One GiB more than what is taken now."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + GIB, taken + GIB))


def key_of(error: BaseException) -> str:
    """What tells a finding from another: its kind, and where it was raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} {Path(frame.filename).name}:{frame.lineno}"


def _rounds(target: str, deadline: float, out: Path, start: int, first: int) -> None:
    """Reads files until the time is over; findings become files in `out`."""
    folder = prepared(Path(tempfile.mkdtemp(dir=out)))
    counted, last = [start], [time.monotonic()]
    number = first
    warm(target, folder)
    limit_memory()
    while time.monotonic() < deadline:
        number += 1

        @seed(number)
        @settings(
            max_examples=300,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(TARGETS[target][0])
        def one(data: bytes) -> None:
            (out / "current").write_bytes(data)
            counted[0] += 1
            try:
                tried(target, data, folder)
            except Exception as error:
                place = out / key_of(error).replace("/", "_")
                if not place.exists():
                    place.write_bytes(data)
                    print(f"finding: {key_of(error)}: {str(error)[:200]!r}", flush=True)
                    traceback.print_exc(limit=-4)

        one()
        (out / "count").write_text(f"{counted[0]} {number}")
        if time.monotonic() - last[0] > 60:
            last[0] = time.monotonic()
            print(f"{target}: {counted[0]} files", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--out", type=Path, required=True, help="folder for findings")
    parser.add_argument("--seed", type=int, default=0)
    given_ = parser.parse_args()
    out = given_.out / given_.target
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    deadline = began + 60 * given_.minutes
    (out / "count").write_text(f"0 {given_.seed}")
    while time.monotonic() < deadline:
        start, number = map(int, (out / "count").read_text().split())
        child = os.fork()
        if child == 0:
            try:
                _rounds(given_.target, deadline, out, start, number)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code != 0:  # a reader took the process with it
            place = out / f"died {code} {int(time.time())}"
            place.write_bytes((out / "current").read_bytes())
            start, number = map(int, (out / "count").read_text().split())
            (out / "count").write_text(f"{start} {number + 1}")
            print(f"finding: the process died ({code})", flush=True)
    spent = time.monotonic() - began
    print(f"{given_.target}: {(out / 'count').read_text().split()[0]} files in {spent:.0f} s")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
