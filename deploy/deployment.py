"""What a deployment learns at its first start and keeps for life: `deployment.json`."""

from pathlib import Path

import msgspec
from msgspec import Struct

from deploy.private_file import write_private
from schemas.settings import Settings
from schemas.times import format_ms


class DeploymentError(Exception):
    """The settings contradict what the deployment is; the text is for the operator."""


class Deployment(Struct, frozen=True):
    """`started` is the instant of the first start: since then history is complete."""

    partitions: int
    started: str


def open_deployment(path: Path, settings: Settings, now_ms: int) -> Deployment:
    """Return the deployment of a data folder, made at its first start.

    Raises DeploymentError when another number of partitions is asked for than it was made with.
    """
    if not path.exists():
        deployment = Deployment(settings.partitions, format_ms(now_ms))
        write_private(path, msgspec.json.format(msgspec.json.encode(deployment)))
        return deployment
    deployment = msgspec.json.decode(path.read_bytes(), type=Deployment)
    asked = settings.partitions
    if "partitions" in settings.model_fields_set and asked != deployment.partitions:
        raise DeploymentError(
            f"CORDON_PARTITIONS is {asked}, but this deployment has {deployment.partitions} "
            f"partitions ({path}): their number is fixed for the life of a deployment"
        )
    return deployment


def history_since(settings: Settings, deployment: Deployment, *, demo: bool) -> str | None:
    """Return since when history is complete, None = never (first-seen rules stay silent).

    A simulated county has no unknown past, and time that comes from a timeline has none that this
    deployment saw.
    """
    if settings.history_since is not None:
        return settings.history_since
    if settings.clock == "events":
        return None
    return "forever" if demo else deployment.started
