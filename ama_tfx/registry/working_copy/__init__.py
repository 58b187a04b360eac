"""The working copy behind `ama init`, `add`, `set`, `status` and `upload`: what it records, and what it is based on."""
