import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from megdt_stream import data_files

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ["seeds", "schemas"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel with the backend that is installed here: no network, about a second."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (built,) = target.glob("*.whl")
    return zipfile.ZipFile(built)


def load_from(folder: Path) -> ModuleType:
    """Import data_files.py as if the package were installed in `folder`."""
    spec = importlib.util.spec_from_file_location("installed_data_files", folder / "megdt_stream" / "data_files.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", FOLDERS)
def test_a_checkout_uses_its_own_folders(name: str) -> None:
    assert getattr(data_files, f"{name}_dir")() == ROOT / name


@pytest.mark.parametrize("name", FOLDERS)
def test_the_wheel_carries_every_data_file(wheel: zipfile.ZipFile, name: str) -> None:
    shipped = {
        member.removeprefix(f"megdt_stream/_data/{name}/")
        for member in wheel.namelist()
        if member.startswith(f"megdt_stream/_data/{name}/")
    }
    in_checkout = {path.relative_to(ROOT / name).as_posix() for path in (ROOT / name).rglob("*") if path.is_file()}
    assert in_checkout
    assert shipped == in_checkout


@pytest.mark.parametrize("name", FOLDERS)
def test_an_installed_package_uses_the_shipped_copies(wheel: zipfile.ZipFile, tmp_path: Path, name: str) -> None:
    wheel.extractall(tmp_path)
    folder = getattr(load_from(tmp_path), f"{name}_dir")()
    assert folder == tmp_path / "megdt_stream" / "_data" / name


def test_the_wheel_carries_scripts_and_pins_beside_the_code(wheel: zipfile.ZipFile) -> None:
    beside_code = {
        path.relative_to(ROOT).as_posix()
        for suffix in ("*.lua", "*.lock", "*.html", "*.typed")
        for path in (ROOT / "megdt_stream").rglob(suffix)
    }
    assert beside_code
    assert beside_code <= set(wheel.namelist())


def test_missing_folders_are_named_with_their_remedy(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extract("megdt_stream/data_files.py", tmp_path)
    with pytest.raises(FileNotFoundError, match="install megdt-stream again"):
        load_from(tmp_path).seeds_dir()
