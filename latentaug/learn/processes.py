"""Many processes, by an existing engine: Lightning Fabric, seen as the little that a fit needs of it.

With one process, which is the default, Fabric is not imported and need not be installed.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn

from latentaug._checks import check_number, draw_seed, one_line
from latentaug.learn.coding import find_device

__all__ = ["ALONE", "Processes", "agree_on_seed", "check_devices", "join", "processes_of", "shared_seed"]


class Processes:
    """The processes of a fit, seen by one of them, which computes on a device; this one is alone."""

    rank, world_size = 0, 1  # its number, from 0, and how many there are

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def share(self, module: nn.Module) -> Callable[..., Any]:
        """A module that is trained, with the gradients of `backward` averaged over the processes."""
        return module

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss to the parameters'."""
        loss.backward()

    def sum(self, values: np.ndarray) -> np.ndarray:
        """The sum over the processes, the same bits in every one of them; it is waited for."""
        return values

    def agree(self, module: nn.Module) -> None:
        """Give the module of every process the buffers, such as running statistics, of the first."""

    def first(self, make: Callable[[], Any]) -> Any:
        """What a function gives, or raises, in the first process; the others wait for it, and do not call it."""
        return make()


ALONE = Processes(torch.device("cpu"))


class _Shared(nn.Module):
    """A module as a forward pass, after which gradients are averaged; without its buffers, see `Processes.agree`."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.learned = nn.ParameterList(p for p in module.parameters() if p.requires_grad)
        self.run = module.forward

    def forward(self, *batch: Any) -> Any:
        return self.run(*batch)


class _FabricProcesses(Processes):
    """Processes that Fabric has started, or found."""

    def __init__(self, fabric: Any) -> None:
        super().__init__(fabric.device)
        self.fabric, self.rank, self.world_size = fabric, fabric.global_rank, fabric.world_size

    def share(self, module: nn.Module) -> Callable[..., Any]:
        return self.fabric.setup_module(_Shared(module))

    def backward(self, loss: Tensor) -> None:
        self.fabric.backward(loss)

    def sum(self, values: np.ndarray) -> np.ndarray:
        ours = torch.tensor(values, device=self.device)
        return self.fabric.all_reduce(ours, reduce_op="sum").cpu().numpy()

    def agree(self, module: nn.Module) -> None:
        ours = list(module.buffers())
        of_first = self.first(lambda: [buffer.cpu() for buffer in ours]) if ours else []
        for buffer, first in zip(ours, of_first, strict=True):
            buffer.copy_(first)

    def first(self, make: Callable[[], Any]) -> Any:
        outcome = self.fabric.broadcast(_outcome(make) if self.rank == 0 else None)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def _outcome(make: Callable[[], Any]) -> Any:
    """What a function gives, or the exception that it raises."""
    try:
        return make()
    except Exception as error:
        return error


def check_devices(devices: Any) -> None:
    """Refuse a wrong parameter `devices`."""
    if isinstance(devices, (tuple, list)) and len(devices) == 2:
        for name, count in zip(("nodes in devices", "devices a node in devices"), devices, strict=True):
            check_number(name, count, low=1, integer=True)
    elif not (isinstance(devices, str) and devices == "auto"):
        check_number("devices", devices, low=1, integer=True)


def join(device: Any, devices: Any) -> Processes:
    """The processes that the parameters `device` and `devices` ask for; where they are not there yet, they are started.

    Raises
    ------
    ImportError
        Where many are asked for, and Fabric is not installed.
    ValueError, TypeError
        On a wrong parameter, and where other processes are there, or none can be started.
    """
    check_devices(devices)
    found = find_device(device)
    num_nodes, per_node = _count(found, devices)
    if num_nodes * per_node == 1:
        return Processes(found)
    if found.type not in ("cpu", "cuda") or found.index is not None:
        raise ValueError(f"device='{found}' is one device. Allowed with devices={devices}: auto, cpu, cuda.")
    _check_installed(devices)
    with one_line(f"devices={devices} cannot be used here"):
        return _FabricProcesses(_launched(found.type, num_nodes, per_node))


def _found() -> int:
    """How many processes a launcher, torchrun say, or an earlier fit has started; 0 where none has."""
    if not distributed.is_available():
        return 0
    if distributed.is_initialized():
        return distributed.get_world_size()
    return int(os.environ["WORLD_SIZE"]) if distributed.is_torchelastic_launched() else 0


def _count(device: torch.device, devices: Any) -> tuple[int, int]:
    """Nodes, and devices a node."""
    found = _found()
    if devices == "auto" and found:
        per_node = int(os.environ.get("LOCAL_WORLD_SIZE", found))
        return found // per_node, per_node
    if devices == "auto":
        several = device.type == "cuda" and device.index is None
        return 1, torch.cuda.device_count() if several else 1
    num_nodes, per_node = map(int, (1, devices) if isinstance(devices, (int, np.integer)) else devices)
    if found and num_nodes * per_node not in (1, found):
        raise ValueError(
            f"devices={devices} asks for {num_nodes * per_node} processes. "
            f"Allowed where {found} were started: devices='auto'."
        )
    return num_nodes, per_node


def _check_installed(devices: Any) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import lightning_fabric  # noqa: F401
    except ImportError:
        raise ImportError(
            f"devices={devices} needs Lightning Fabric. Allowed: pip install latentaug[distributed], or devices=1."
        ) from None


def _launched(accelerator: str, num_nodes: int, devices: int) -> Any:
    """A Fabric of processes that are there: started by others, by an earlier fit, or now."""
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment

    class Joined(LightningEnvironment):
        """A process group that is there."""

        creates_processes_externally = True

        def local_rank(self) -> int:
            return distributed.get_rank() % devices

        def node_rank(self) -> int:
            return distributed.get_rank() // devices

    fabric = Fabric(
        accelerator=accelerator,
        strategy="ddp",
        devices=devices,
        num_nodes=num_nodes,
        plugins=[Joined()] if distributed.is_initialized() else None,
    )
    fabric.launch()
    return fabric


def processes_of(model: Any) -> Processes:
    """The processes that a fitted model asks for, where they are there; else this one alone."""
    if not (hasattr(model, "devices") and distributed.is_available() and distributed.is_initialized()):
        return ALONE
    wanted = distributed.get_world_size() if model.devices == "auto" else int(np.prod(model.devices))
    return join(model.device, model.devices) if wanted == distributed.get_world_size() else ALONE


def shared_seed(random_state: Any, processes: Processes) -> int:
    """A seed of `random_state`, drawn by every process: that of the first."""
    seed = draw_seed(random_state)
    return processes.first(lambda: seed)


def agree_on_seed(estimator: Any) -> int:
    """The seed of a fit of an estimator, shared by the processes that an estimator inside it asks for."""
    parts = (part for part in estimator.get_params().values() if hasattr(part, "devices"))
    many = (processes for part in parts if (processes := join(part.device, part.devices)).world_size > 1)
    return shared_seed(estimator.random_state, next(many, ALONE))
