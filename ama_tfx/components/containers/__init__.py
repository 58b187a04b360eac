"""Container components: `AmaContainerTask`, and two ready ones made by it."""

from ama_tfx.components.containers.check import MODEL, ContainerCheck
from ama_tfx.components.containers.export import ContainerExport
from ama_tfx.components.containers.task import AmaContainerTask
from ama_tfx.components.containers.wrapping import Wishes

__all__ = ["MODEL", "AmaContainerTask", "ContainerCheck", "ContainerExport", "Wishes"]
