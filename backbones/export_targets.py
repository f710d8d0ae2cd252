"""The formats that `backbones.export` writes: how each is written, and loaded by whom it is for."""

import importlib
import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from backbones.checkpoint import load_pretrained
from backbones.files import save
from backbones.naming import Naming, library_naming
from backbones.registry import build
from tricklift.errors import UserError


class Target(ABC):
    """One format. `model` is always a network of ours with its ``name`` and ``options``."""

    name: ClassVar[str]
    endings: ClassVar[tuple[str, ...]] = (".safetensors",)
    compared: ClassVar[str] = "logits"

    def refuse(self, name: str, options: Mapping[str, Any]) -> None:  # noqa: B027
        """Raise UserError, with the reason, if the format cannot hold this network."""

    @abstractmethod
    def write(self, path: Path, model: Any, metadata: Mapping[str, str]) -> None:
        """Write the file."""

    @abstractmethod
    def load(self, path: Path, model: Any) -> Any:
        """Load the file as its users would: what maps images to what is compared."""

    @abstractmethod
    def usage(self, model: Any, path: Path) -> str:
        """A line of Python that loads the file."""


class Tricklift(Target):
    """Our exchange file."""

    name = "tricklift"

    def write(self, path: Path, model: Any, metadata: Mapping[str, str]) -> None:
        save(path, model.state_dict(), metadata)

    def load(self, path: Path, model: Any) -> nn.Module:
        other = build(model.name, model.fc.out_features, **model.options)
        load_pretrained(other, path)
        return other

    def usage(self, model: Any, path: Path) -> str:
        options = "".join(f", {key}={value!r}" for key, value in model.options.items())
        built = f"backbones.build({model.name!r}, {model.fc.out_features}{options})"
        return f"backbones.checkpoint.load_pretrained({built}, {str(path)!r})"


class Library(Target):
    """Weights in the names of another library, as safetensors or, where allowed, ``.pth``."""

    def refuse(self, name: str, options: Mapping[str, Any]) -> None:
        library_naming(name, self.name, **options)

    def naming(self, model: Any) -> Naming:
        """The library's names for this network."""
        return library_naming(model.name, self.name, **model.options)

    def write(self, path: Path, model: Any, metadata: Mapping[str, str]) -> None:
        naming, state = self.naming(model), model.state_dict()
        if self.compared != "logits":  # the library's network has no head
            state = {k: v for k, v in state.items() if not k.startswith("fc.")}
        state = {k: v.contiguous() for k, v in naming.to_library(state).items()}
        more = {"network": naming.network, "arguments": json.dumps(naming.arguments)}
        metadata = {**metadata, "format": self.name, **more}
        if path.suffix == ".pth":
            torch.save({"state_dict": state, "meta": metadata}, path)
        else:
            save_file(state, path, metadata)


class Torchvision(Library):
    """For ``torchvision.models``."""

    name = "torchvision"

    def load(self, path: Path, model: Any) -> nn.Module:
        from torchvision.models import get_model

        classes = model.fc.out_features
        other = get_model(self.naming(model).network, weights=None, num_classes=classes)
        other.load_state_dict(load_file(path))
        return other

    def usage(self, model: Any, path: Path) -> str:
        network = f"torchvision.models.{self.naming(model).network}"
        loaded = f"safetensors.torch.load_file({str(path)!r})"
        return f"{network}(num_classes={model.fc.out_features}).load_state_dict({loaded})"


class Timm(Library):
    """For ``timm.create_model``."""

    name = "timm"

    def load(self, path: Path, model: Any) -> nn.Module:
        import timm

        network, classes = self.naming(model).network, model.fc.out_features
        return timm.create_model(network, num_classes=classes, checkpoint_path=str(path))

    def usage(self, model: Any, path: Path) -> str:
        given = f"{self.naming(model).network!r}, num_classes={model.fc.out_features}"
        return f"timm.create_model({given}, checkpoint_path={str(path)!r})"


class Mmdet(Library):
    """For ``mmdet.models.backbones.ResNet`` and ``ResNetV1d``, which have no head.

    mmengine's ``init_cfg=dict(type='Pretrained')`` reads ``.pth`` alone, so that is offered too.
    """

    name = "mmdet"
    endings = (".safetensors", ".pth")
    compared = "stage features"

    def load(self, path: Path, model: Any) -> nn.Module:
        naming = self.naming(model)
        try:
            classes = importlib.import_module("mmdet.models.backbones.resnet")
        except ImportError as error:
            raise UserError(
                f"an export to mmdet is checked with mmdet, which cannot be imported here "
                f"({error}); without compiled mmcv, import tricklift.compat.setup first"
            ) from error
        other = getattr(classes, naming.network)(**naming.arguments)
        pth = path.suffix == ".pth"
        other.load_state_dict(torch.load(path)["state_dict"] if pth else load_file(path))
        return other

    def usage(self, model: Any, path: Path) -> str:
        naming = self.naming(model)
        arguments = "".join(f", {key}={value!r}" for key, value in naming.arguments.items())
        if path.suffix == ".pth":
            pretrained = f"dict(type='Pretrained', checkpoint={str(path)!r})"
            return f"backbone=dict(type={naming.network!r}{arguments}, init_cfg={pretrained})"
        loaded = f"safetensors.torch.load_file({str(path)!r})"
        return f"mmdet.models.{naming.network}({arguments[2:]}).load_state_dict({loaded})"


class Onnx(Target):
    """ONNX with free batch, height and width; float32."""

    name = "onnx"
    endings = (".onnx",)

    def refuse(self, name: str, options: Mapping[str, Any]) -> None:
        if options.get("deformable_stages"):
            raise UserError(
                f"onnx cannot hold {name} with deformable stages {options['deformable_stages']}: "
                "torch's exporter has no deformable convolution; export to tricklift instead"
            )

    def write(self, path: Path, model: nn.Module, metadata: Mapping[str, str]) -> None:
        import onnx
        from torch.onnx import OnnxExporterError

        side = max(64, getattr(model, "smallest", 1))
        try:
            # The newer exporter (dynamo=True) needs onnxscript and gives the same graph here.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                torch.onnx.export(
                    model,
                    (torch.zeros(2, 3, side, side),),
                    str(path),
                    input_names=["images"],
                    output_names=["logits"],
                    dynamic_axes={
                        "images": {0: "batch", 2: "height", 3: "width"},
                        "logits": {0: "batch"},
                    },
                    opset_version=17,
                    dynamo=False,
                )
        except OnnxExporterError as error:
            words = str(error).partition("\n")[0].partition(" Please ")[0]
            raise UserError(
                f"onnx cannot hold {metadata['architecture']}: torch's exporter says: {words}; "
                "export to tricklift or timm instead"
            ) from error
        graph = onnx.load(str(path))
        onnx.helper.set_model_props(graph, {**metadata, "format": self.name})
        onnx.checker.check_model(graph)
        onnx.save(graph, str(path))

    def load(self, path: Path, model: Any) -> Callable[[Tensor], Tensor]:
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return lambda images: torch.from_numpy(
            session.run(["logits"], {"images": images.numpy()})[0]
        )

    def usage(self, model: Any, path: Path) -> str:
        return f"onnxruntime.InferenceSession({str(path)!r}).run(['logits'], {{'images': images}})"


TARGETS: dict[str, Target] = {
    target.name: target for target in (Tricklift(), Torchvision(), Timm(), Mmdet(), Onnx())
}
