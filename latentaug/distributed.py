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

from latentaug._validation import check_choice, check_number, draw_seed
from latentaug.archive import one_line
from latentaug.border import find_device

__all__ = [
    "ALONE",
    "STRATEGIES",
    "Processes",
    "agree_on_seed",
    "check_processes",
    "draw_shared_seed",
    "join",
    "processes_of",
]

STRATEGIES = ("auto", "ddp")  # of Fabric's, those that keep a whole network in every process


class Processes:
    """The processes of a fit, seen by one of them; this one is alone.

    Attributes
    ----------
    device : torch.device
        Where this one computes.
    rank : int
        Its number, from 0.
    world_size : int
        How many there are.
    """

    rank, world_size = 0, 1

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def share(self, module: nn.Module, step: Callable[..., Any]) -> Callable[..., Any]:
        """A step that trains a module, with the gradients of `backward` averaged over the processes."""
        return step

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss to the parameters'."""
        loss.backward()

    def sum(self, values: np.ndarray) -> np.ndarray:
        """The sum over the processes, the same bits in every one of them; it is waited for."""
        return values

    def first(self, make: Callable[[], Any]) -> Any:
        """What a function gives, or raises, in the first process; the others wait for it, and do not call it."""
        return make()


ALONE = Processes(torch.device("cpu"))


class _Step(nn.Module):
    """A step as a forward pass, after which gradients are averaged; without the buffers, which nothing changes."""

    def __init__(self, module: nn.Module, step: Callable[..., Any]) -> None:
        super().__init__()
        self.learned, self.step = nn.ParameterList(module.parameters()), step

    def forward(self, *batch: Any) -> Any:
        return self.step(*batch)


class _FabricProcesses(Processes):
    """Processes that Fabric has started, or found."""

    def __init__(self, fabric: Any) -> None:
        super().__init__(fabric.device)
        self.fabric, self.rank, self.world_size = fabric, fabric.global_rank, fabric.world_size

    def share(self, module: nn.Module, step: Callable[..., Any]) -> Callable[..., Any]:
        return self.fabric.setup_module(_Step(module, step))

    def backward(self, loss: Tensor) -> None:
        self.fabric.backward(loss)

    def sum(self, values: np.ndarray) -> np.ndarray:
        ours = torch.tensor(values, device=self.device)
        return self.fabric.all_reduce(ours, reduce_op="sum").cpu().numpy()

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


def check_processes(estimator: Any) -> None:
    """Refuse wrong parameters `devices`, `num_nodes` and `strategy`."""
    if not (isinstance(estimator.devices, str) and estimator.devices == "auto"):
        check_number("devices", estimator.devices, low=1, integer=True)
    check_number("num_nodes", estimator.num_nodes, low=1, integer=True)
    check_choice("strategy", estimator.strategy, STRATEGIES)


def join(estimator: Any) -> Processes:
    """The processes that the parameters of an estimator ask for; where they are not there yet, they are started.

    Parameters
    ----------
    estimator : VAE
        Its `devices`, `num_nodes`, `strategy` and `device` are looked at.

    Returns
    -------
    Processes

    Raises
    ------
    ImportError
        Where many are asked for, and Fabric is not installed.
    ValueError, TypeError
        On a wrong parameter, and where other processes are there, or none can be started.
    """
    check_processes(estimator)
    device = find_device(estimator.device)
    devices, num_nodes = _count(estimator, device)
    if devices * num_nodes == 1:
        return Processes(device)
    if device.type not in ("cpu", "cuda") or device.index is not None:
        raise ValueError(f"device='{device}' is one device. Allowed with devices={devices}: auto, cpu, cuda.")
    _check_installed(devices)
    with one_line(f"devices={devices} with num_nodes={num_nodes} cannot be used here"):
        return _FabricProcesses(_launched(device.type, devices, num_nodes))


def _found() -> int:
    """How many processes a launcher, torchrun say, or an earlier fit has started; 0 where none has."""
    if not distributed.is_available():
        return 0
    if distributed.is_initialized():
        return distributed.get_world_size()
    return int(os.environ["WORLD_SIZE"]) if distributed.is_torchelastic_launched() else 0


def _count(estimator: Any, device: torch.device) -> tuple[int, int]:
    """Devices a node, and nodes."""
    devices, num_nodes, found = estimator.devices, estimator.num_nodes, _found()
    if devices == "auto" and found:
        devices = int(os.environ.get("LOCAL_WORLD_SIZE", found // num_nodes))
        return devices, found // devices
    if devices == "auto":
        several = device.type == "cuda" and device.index is None
        return torch.cuda.device_count() if several else 1, num_nodes
    if found and devices * num_nodes not in (1, found):
        raise ValueError(
            f"devices={devices} with num_nodes={num_nodes} asks for {devices * num_nodes} processes. "
            f"Allowed where {found} were started: devices='auto'."
        )
    return devices, num_nodes


def _check_installed(devices: int) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import lightning_fabric  # noqa: F401
    except ImportError:
        raise ImportError(
            f"devices={devices} needs Lightning Fabric. Allowed: pip install latentaug[distributed], or devices=1."
        ) from None


def _launched(accelerator: str, devices: int, num_nodes: int) -> Any:
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
    if not (hasattr(model, "num_nodes") and distributed.is_available() and distributed.is_initialized()):
        return ALONE
    there = model.devices == "auto" or model.devices * model.num_nodes == distributed.get_world_size()
    return join(model) if there else ALONE


def draw_shared_seed(random_state: Any, processes: Processes) -> int:
    """A seed of `random_state`, drawn by every process: that of the first."""
    seed = draw_seed(random_state)
    return processes.first(lambda: seed)


def agree_on_seed(estimator: Any) -> int:
    """The seed of a fit of an estimator, shared by the processes that an estimator inside it asks for."""
    parts = (part for part in estimator.get_params().values() if hasattr(part, "num_nodes"))
    many = (processes for processes in map(join, parts) if processes.world_size > 1)
    return draw_shared_seed(estimator.random_state, next(many, ALONE))
