"""What is installed, by its metadata: versions, folders in the place of ours, mim's scripts."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, requires, version
from pathlib import Path

from tricklift.compat import shadow
from tricklift.doctor.finding import Finding
from tricklift.errors import UserError

#: `tricklift.compat` is written for exactly what the package asks for of these.
OPENMMLAB = ("mmengine", "mmcv-lite", "mmdet", "mmsegmentation", "openmim")


def findings() -> Iterator[Finding]:
    """All of the packages."""
    yield from shadows()
    yield from versions()
    yield torch_pair()
    yield mim_scripts()


def shadows() -> Iterator[Finding]:
    """Folders that Python finds in the place of our packages, and those that it may find."""
    try:
        shadow.refuse()
        yield Finding("tricklift", f"{version('tricklift')} at {Path(shadow.__file__).parents[2]}")
    except UserError as error:
        said, _, remedy = str(error).partition("; ")
        yield Finding("tricklift", said, "wrong", remedy)
    home = Path(shadow.__file__).resolve().parents[2]
    here = [name for name in shadow.BESIDE if Path(name).is_dir() and Path.cwd().resolve() != home]
    if here:
        remedy = (
            "start from another folder, or rename: `python FILE` and PYTHONPATH=. find it first"
        )
        said = f"{', '.join(here)} in the current folder, named as packages of ours"
        yield Finding("current folder", said, "note", remedy)


def versions() -> Iterator[Finding]:
    """Every package that ours asks for, against what it asks."""
    from packaging.requirements import Requirement

    held = []
    for line in requires("tricklift") or ():
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        name = wanted.name
        try:
            found = version(name)
        except PackageNotFoundError:
            if name == "mmcv-lite" and (compiled := _version("mmcv")):
                held.append(f"mmcv {compiled} (compiled)")
                continue
            yield Finding(name, "is not installed", "wrong", f"pip install '{wanted}'")
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            remedy = f"pip install '{wanted}'"
            if name in OPENMMLAB:
                remedy += f": tricklift.compat is written for {wanted.specifier}"
            yield Finding(name, found, "wrong", remedy)
        elif name in OPENMMLAB:
            held.append(f"{name} {found}")
    yield Finding("OpenMMLab", ", ".join(held) or "none")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def torch_pair() -> Finding:
    """Each torchvision is built for one torch, and says so."""
    from packaging.requirements import Requirement
    from packaging.version import Version

    torch, vision = _version("torch"), _version("torchvision")
    if torch is None or vision is None:
        return Finding("torch", f"{torch}, torchvision {vision}", "wrong", "install both")
    said = f"{torch}, torchvision {vision}"
    asked = [Requirement(line) for line in requires("torchvision") or ()]
    for wanted in (one for one in asked if one.name == "torch"):
        if not wanted.specifier.contains(Version(torch).public, prereleases=True):
            remedy = f"torchvision {vision} is built for torch{wanted.specifier}: pip install "
            remedy += f"'torch{wanted.specifier}', or the torchvision of torch {torch}"
            return Finding("torch", said, "wrong", remedy)
    builds = {Version(one).local for one in (torch, vision)} - {None}
    if len(builds) > 1:
        remedy = f"install both from one index, not one of {' and one of '.join(map(str, builds))}"
        return Finding("torch", said, "wrong", remedy)
    return Finding("torch", said)


def mim_scripts() -> Finding:
    """The scripts that `mim train tricklift` starts, where it looks for them."""
    files = [distribution("tricklift").locate_file(f"tricklift/.mim/tools/{name}.py")
             for name in ("train", "test")]  # fmt: skip
    gone = [str(file) for file in files if not Path(str(file)).is_file()]
    if gone:
        return Finding("mim", f"no {gone[0]}", "wrong", "install tricklift anew: pip install -e .")
    return Finding("mim", f"`mim train tricklift` starts {files[0]}")
