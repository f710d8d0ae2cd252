"""A classifier or a `features_only` network of anybody as a `Backbone`.

Which parameters belong to the stem and to each stage is read off autograd's graph: a stage has
those that its map depends on and the map before does not. So no network has to say it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from backbones.dilation import dilate
from backbones.features import Backbone, FeatureInfo
from backbones.staged import GlobalAverage
from tricklift.errors import UserError


class _Reached(Exception):
    """The last map that is wanted is there."""


class AdaptedNet(Backbone):
    """What `StageNet` and `ListNet` share.

    Args:
        body: The network.
        fc: The classifier.
        input_size: Side of an image in pixels that it takes.
    """

    def __init__(self, body: nn.Module, fc: nn.Linear, input_size: int) -> None:
        super().__init__()
        self.body = body
        self.fc = fc
        self.input_size = input_size

    def dry_run(self, side: int | None = None) -> tuple[list[Tensor], list[set[str]]]:
        """The maps of one image, without data, and the parameters that each depends on.

        Raises:
            UserError: The network does not run on it.
        """
        state = {key: torch.empty_like(p, device="meta") for key, p in self.named_parameters()}
        names = {id(value.requires_grad_()): key for key, value in state.items()}
        state |= {key: torch.empty_like(b, device="meta") for key, b in self.named_buffers()}
        x = torch.empty(1, 3, *[side or self.input_size] * 2, device="meta")
        training = self.training
        self.eval()
        try:
            with torch.enable_grad():
                maps = list(functional_call(self, state, (x,), {"maps": True}))
        except UserError:
            raise
        except Exception as error:
            raise unable(self.name, x.shape[-1], error) from error
        finally:
            self.train(training)
        return maps, [depends_on(output, names) for output in maps]

    def measured(self) -> FeatureInfo:
        """Channels, and strides as the pixels that 64 more in the image add to a map.

        Raises:
            UserError: These are no whole strides.
        """
        side = -(-self.input_size // 32) * 32
        (small, _), (large, _) = self.dry_run(side), self.dry_run(side + 64)
        grown = [b.shape[-1] - a.shape[-1] for a, b in zip(small, large, strict=True)]
        if not all(grown) or any(64 % g for g in grown):
            sizes = ", ".join("x".join(map(str, m.shape[1:])) for m in small)
            raise UserError(
                f"{self.name} has no maps that grow with the image by a whole stride; of {side} "
                f"pixels they are {sizes}"
            )
        return FeatureInfo(tuple(m.shape[1] for m in small), tuple(64 // g for g in grown))

    def parts(self) -> list[list[nn.Module]]:
        _, reached = self.dry_run()
        before: set[str] = set()
        found: list[list[nn.Module]] = []
        for keys in [self._stem(reached[0]), *reached]:
            new = keys - before
            before |= keys
            found.append([m for path, m in self.named_modules() if _owns(path, m, new, before)])
        return found

    def _stem(self, first: set[str]) -> set[str]:
        """Of the parameters that the first map depends on, those in front of the first stage."""
        raise NotImplementedError


def unable(name: str, side: int, error: Exception) -> UserError:
    """What to say of a network that does not run."""
    return UserError(
        f"{name} does not run on an image of {side} x {side} pixels ({type(error).__name__}: "
        f"{error}); mend it, or register it with the input_size that it takes"
    )


def depends_on(output: Tensor, names: dict[int, str]) -> set[str]:
    """Names of the parameters that an output depends on."""
    seen, stack, found = set(), [output.grad_fn], set()
    while stack:
        node: Any = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable") and id(node.variable) in names:
            found.add(names[id(node.variable)])
        stack += [given for given, _ in node.next_functions]
    return found


def _owns(path: str, module: nn.Module, new: set[str], all_so_far: set[str]) -> bool:
    """Whether a module has parameters of its own, all reached by now, and one of them just now."""
    own = {f"{path}.{key}".lstrip(".") for key, _ in module.named_parameters(recurse=False)}
    return bool(own & new) and own <= all_so_far


class StageNet(AdaptedNet):
    """A classifier that hands out the outputs of some of its modules.

    Args:
        body: The classifier with an identity in the place of its last layer.
        fc: That layer.
        input_size: As above.
        stages: Paths of the modules, in the order in which they run.
        path: Where the last layer was.
    """

    def __init__(
        self,
        body: nn.Module,
        fc: nn.Linear,
        input_size: int,
        stages: Sequence[str],
        path: str,
    ) -> None:
        super().__init__(body, fc, input_size)
        self.stages, self.path = list(stages), path

    def forward_features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images ``(N, 3, H, W)`` to maps ``(N, C_i, H/s_i, W/s_i)``; stops at the last one."""
        found: list[Tensor] = []
        with self._listening(found):
            self.body(x)
        return tuple(found)

    def forward(self, x: Tensor, maps: bool = False) -> Any:
        """Map images ``(N, 3, H, W)`` to logits ``(N, num_classes)``; to maps for `dry_run`."""
        return self.forward_features(x) if maps else self.fc(self.body(x).flatten(1))

    @contextmanager
    def _listening(self, found: list[Tensor]) -> Iterator[None]:
        def keep(index: int) -> Any:
            def hook(module: nn.Module, inputs: Any, output: Any) -> None:
                if not isinstance(output, Tensor) or output.dim() != 4:
                    raise UserError(
                        f"{self.name}: stage {self.stages[index]!r} gives no map (N, C, H, W) but "
                        f"{getattr(output, 'shape', type(output).__name__)}; name another module"
                    )
                if len(found) != index:
                    raise UserError(
                        f"{self.name}: stages {', '.join(self.stages)} do not run once each in "
                        f"this order: {self.stages[index]!r} ran as number {len(found) + 1}"
                    )
                found.append(output)
                if index + 1 == len(self.stages):
                    raise _Reached

            return hook

        handles = [
            self.body.get_submodule(path).register_forward_hook(keep(index))
            for index, path in enumerate(self.stages)
        ]
        try:
            yield
        except _Reached:
            return
        finally:
            for handle in handles:
                handle.remove()
        ran, never = self.stages[: len(found)], self.stages[len(found) :]
        raise UserError(
            f"{self.name}: stage {', '.join(never)} never ran (those that did: "
            f"{', '.join(ran) or 'none'}); name modules that its forward calls"
        )

    def stage(self, index: int) -> nn.Module:
        part, before = self.body.get_submodule(self.stages[index]), self.stages[index - 1]
        seen: list[Tensor] = []
        handle = part.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        try:
            maps, _ = self.dry_run()
        finally:
            handle.remove()
        if not index or seen[0] is not maps[index - 1]:
            raise UserError(
                f"stage {self.stages[index]!r} of {self.name} does not take the map of "
                f"{before!r} as it is, so it cannot be a box head (C4); use an FPN neck"
            )
        return part

    def stage_prefix(self, index: int) -> str:
        return f"body.{self.stages[index]}."

    def keep_until(self, last: int) -> None:
        self.stages = self.stages[: last + 1]
        kept = self.dry_run()[1][-1]
        for path, module in list(self.body.named_modules()):
            own = {f"body.{path}.{key}" for key, _ in module.named_parameters()}
            inside = any(stage == path or stage.startswith(f"{path}.") for stage in self.stages)
            if path and own and own.isdisjoint(kept) and not inside:
                parent, _, child = path.rpartition(".")
                setattr(self.body.get_submodule(parent), child, nn.Identity())
        del self.fc

    def _stem(self, first: set[str]) -> set[str]:
        return {key for key in first if not key.startswith(self.stage_prefix(0))}


class ListNet(AdaptedNet):
    """A network that returns a list of maps, as timm's with ``features_only``.

    Args:
        body: The network.
        fc: A classifier on the global average of its last map.
        input_size: As above.
        indices: Which of its maps are handed on.
    """

    path = ""

    def __init__(
        self, body: nn.Module, fc: nn.Linear, input_size: int, indices: Sequence[int]
    ) -> None:
        super().__init__(body, fc, input_size)
        self.indices = list(indices)
        self.pool = GlobalAverage()

    def forward_features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images ``(N, 3, H, W)`` to maps ``(N, C_i, H/s_i, W/s_i)``."""
        found = self.body(x)
        return tuple(found[index] for index in self.indices)

    def forward(self, x: Tensor, maps: bool = False) -> Any:
        """Map images ``(N, 3, H, W)`` to logits ``(N, num_classes)``; to maps for `dry_run`."""
        found = self.forward_features(x)
        return found if maps else self.fc(self.pool(found[-1]))

    def stage(self, index: int) -> nn.Module:
        raise UserError(
            f"{self.name} returns its maps as a list, so no stage of it can be a box head (C4); "
            "use an FPN neck, or register the classifier with the names of its stages"
        )

    def keep_until(self, last: int) -> None:
        """See `Backbone`; what cannot be taken away gets no gradient."""
        self.indices = self.indices[: last + 1]
        kept = self.dry_run()[1][-1]
        for key, parameter in self.named_parameters():
            parameter.requires_grad_(key in kept)
        del self.fc

    def _stem(self, first: set[str]) -> set[str]:
        if not self.indices[0]:
            return set()  # nothing is told apart in front of the first map
        indices, self.indices = self.indices, [self.indices[0] - 1]
        try:
            return self.dry_run()[1][0]
        finally:
            self.indices = indices

    def frozen_parts(self, frozen_stages: int) -> list[nn.Module]:
        if frozen_stages == 0 and not self.indices[0]:
            raise UserError(
                f"{self.name} has no map in front of its first stage, so its stem cannot be told "
                "from it; freeze 1 stage or none, or let it return its map at stride 2 too"
            )
        return super().frozen_parts(frozen_stages)


def adapt(
    name: str,
    given: nn.Module,
    num_classes: int,
    stages: Sequence[str],
    classifier: str | None,
    input_size: int,
    output_stride: int,
) -> Backbone:
    """A network of one's own as a `Backbone`; see `backbones.own.register_backbone`.

    Raises:
        UserError: It is none, it does not have the stages or the classifier that were named, or no
            such output stride.
    """
    if not isinstance(given, nn.Module):
        raise UserError(f"the factory of {name} gives a {type(given).__name__}, no nn.Module")
    if isinstance(given, Backbone):
        if output_stride != 32:
            raise UserError(
                f"{name} has no output stride {output_stride!r}: its factory takes none; let it "
                "take output_stride, or use output_stride=32"
            )
        return given
    network: AdaptedNet
    if stages:
        network = _with_stages(name, given, num_classes, stages, classifier, input_size)
    else:
        network = _with_list(name, given, num_classes, input_size)
    network.name = name
    network.feature_info = network.measured()
    if output_stride != 32:
        _dilate(network, output_stride)
    return network


def _with_stages(
    name: str,
    given: nn.Module,
    num_classes: int,
    stages: Sequence[str],
    classifier: str | None,
    input_size: int,
) -> StageNet:
    modules = dict(given.named_modules())
    linear = [
        path
        for path, module in modules.items()
        if isinstance(module, nn.Linear) and module.out_features == num_classes
    ]
    path = classifier or (linear or [""])[-1]
    missing = [repr(part) for part in (*stages, path) if part not in modules]
    if missing:
        known = ", ".join(key for key in modules if key.count(".") < 2 and key)
        raise UserError(f"{name} has no module {', '.join(missing)}; it has {known}")
    fc = modules[path]
    if not isinstance(fc, nn.Linear):
        raise UserError(
            f"{name}: its classifier {path!r} is {type(fc).__name__}, no linear layer with "
            f"{num_classes} outputs; register it with classifier='PATH', and let the factory use "
            "num_classes"
        )
    parent, _, child = path.rpartition(".")
    setattr(given.get_submodule(parent), child, nn.Identity())
    return StageNet(given, fc, input_size, stages, path)


def _with_list(name: str, given: nn.Module, num_classes: int, input_size: int) -> ListNet:
    x = torch.empty(1, 3, input_size, input_size, device="meta")
    seen: list[str] = []
    handles = [
        child.register_forward_hook(
            lambda _, __, out, key=key: seen.append(
                f"{key} {'x'.join(map(str, out.shape[1:])) if isinstance(out, Tensor) else '?'}"
            )
        )
        for key, child in given.named_children()
    ]
    training = given.training
    try:
        with torch.no_grad():
            state = {
                key: torch.empty_like(value, device="meta")
                for key, value in (*given.named_parameters(), *given.named_buffers())
            }
            maps = functional_call(given.eval(), state, (x,))
    except Exception as error:
        raise unable(name, input_size, error) from error
    finally:
        given.train(training)
        for handle in handles:
            handle.remove()
    maps = list(maps.values()) if isinstance(maps, dict) else maps
    if isinstance(maps, Tensor) or any(m.dim() != 4 for m in maps):
        raise UserError(
            f"{name} gives {tuple(maps.shape) if isinstance(maps, Tensor) else 'no maps'}, not a "
            "list of maps (N, C, H, W): name the modules where its stages end, as register_backbone"
            f"(..., stages=[...]); its parts and what comes out of them: {', '.join(seen)}"
        )
    first = max(len(maps) - 4, 0)
    fc = nn.Linear(maps[-1].shape[1], num_classes)
    return ListNet(given, fc, input_size, range(first, len(maps)))


def _dilate(network: AdaptedNet, output_stride: int) -> None:
    """Dilate the stages of a network in place, and look at the strides that come out."""
    name = network.name
    if not isinstance(network, StageNet):
        raise UserError(
            f"{name} has no output stride {output_stride!r}: it returns its maps as a list; let "
            "its factory take output_stride, or use output_stride=32"
        )
    strides = network.feature_info.strides
    wanted = tuple(min(stride, output_stride) for stride in strides)
    modules = [network.body.get_submodule(path) for path in network.stages]
    dilate(modules, strides, output_stride)
    network.feature_info = network.measured()
    if network.feature_info.strides != wanted:
        raise UserError(
            f"{name} has no output stride {output_stride!r}: dilated, its strides are "
            f"{network.feature_info.strides} instead of {wanted}, since something strides outside "
            "of its stages; let its factory take output_stride, or use output_stride=32"
        )
