"""A classifier or a `features_only` network of anybody as a `Backbone`.

Which parameters belong to the stem and to each stage is read off autograd's graph: a stage has
those that its map depends on and the map before does not. So no network has to say it.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

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

    @abstractmethod
    def _stem(self, first: set[str]) -> set[str]:
        """Of the parameters that the first map depends on, those in front of the first stage."""


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
                        f"this order: {self.stages[index]!r} ran as number {len(found) + 1}; "
                        "name modules that the forward calls once, in that order"
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
