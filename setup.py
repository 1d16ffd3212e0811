"""What setup.cfg cannot say: experiments/ and sweeps/ are at the top here, and inside the package once installed."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
SHIPPED = {f"vn.{name}": name for name in ("experiments", "sweeps")}


def _with_folders(package: str, folder: str) -> dict[str, str]:
    """A folder and those in it as packages: package -> folder."""
    inner = [path.relative_to(HERE / folder) for path in (HERE / folder).rglob("*") if path.is_dir()]
    return {package: folder} | {
        ".".join((package, *each.parts)): f"{folder}/{each.as_posix()}" for each in inner if each.name != "__pycache__"
    }


PAGES = ("annotate/review", "compare", "rate", "render", "stats", "studio")
FOLDERS = {key: value for package, folder in SHIPPED.items() for key, value in _with_folders(package, folder).items()}

PAGES = ("compare", "rate", "render", "stats", "studio")

setup(
    packages=[*find_packages(include=["vn", "vn.*"]), *FOLDERS],
    package_dir=FOLDERS,
    package_data={
        "vn": ["py.typed", "**/*.yaml", *(f"{part}/page/*" for part in PAGES)],
        **{package: ["*.yaml", "*.sh"] for package in FOLDERS},
    },
)
