"""InfraValidator: serves a model in a limited process, asks it, and blesses what answers within its budgets."""

from ama_tfx.components.infra_validator.component import InfraValidator
from ama_tfx.components.infra_validator.serving import kept_warm
from ama_tfx.components.infra_validator.settings import ServingBudgets, ServingLimits

__all__ = ["InfraValidator", "ServingBudgets", "ServingLimits", "kept_warm"]
