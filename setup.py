"""Metadata of ama-tfx: the light registry and CLI, and what each extra adds."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
VERSION = re.search(r'^__version__ = "([^"]+)"$', (HERE / "ama_tfx" / "__init__.py").read_text(), re.MULTILINE).group(1)

EXTRAS = {
    # dill and setuptools<70: TFX 1.16 imports or runs them without always requiring them (docs/adr/0001).
    "tfx": ["tfx>=1.16,<2", "dill", "setuptools<70", "wheel", "pip"],
    "kubeflow": ["tfx>=1.16,<2", "kfp-pipeline-spec>=0.2.2,<0.3"],
    "postgres": ["psycopg[binary]>=3.1,<4"],
    "server": ["fastapi>=0.115,<1", "uvicorn>=0.30,<1"],
    # Clients of the object stores (docs/adr/0011).
    "s3": ["obstore>=0.6"],
    "azure": ["obstore>=0.6"],
    "gcs": ["google-cloud-storage>=2.10,<4"],
}

setup(
    name="ama-tfx",
    version=VERSION,
    description="TFX components that give every pipeline an asset registry, and the registry itself.",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["ama_tfx", "ama_tfx.*"]),
    package_data={"ama_tfx": ["py.typed", "inspection/*.txt"]},
    install_requires=[
        "alembic>=1.13,<2",
        "blake3>=1,<2",
        "click>=8.1,<9",
        "fsspec>=2023.6",
        "lark>=1.1.5,<2",
        "numpy>=1.22",
        "pathspec>=0.12,<1",
        "platformdirs>=4,<5",
        "pyfastcdc>=0.3.1,<0.4",  # young; behind one function, storage/packs/chunks.py
        "pyyaml>=6,<7",
        "rfc8785>=0.1.4,<0.2",
        "rich>=13",
        "sqlalchemy>=2.0,<2.1",
        'tomli>=2; python_version < "3.11"',
        "zstandard>=0.22",
    ],
    extras_require=EXTRAS,
    entry_points={
        "console_scripts": ["ama = ama_tfx.cli:main"],
        "fsspec.specs": ["ama = ama_tfx.registry.filesystem:AmaFileSystem"],
    },
    classifiers=[
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3.10",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
