"""BlessingValidator: one verdict on a model from everything that is known of it."""

from ama_tfx.components.blessing_validator.component import BlessingValidator
from ama_tfx.components.blessing_validator.policy import BlessingPolicy

__all__ = ["BlessingPolicy", "BlessingValidator"]
