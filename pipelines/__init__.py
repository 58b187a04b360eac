"""Pipelines built from TFX's standard components and ama-tfx's; importing this package loads nothing heavy."""
