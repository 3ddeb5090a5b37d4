"""The wheel holds all the package and nothing else, and works installed in an empty environment from an empty folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

import auctionsim

CHECKOUT = Path(auctionsim.__file__).parents[1]
MAPPED = ("agents", "analysis", "envs")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: a build leaves files behind that a later wheel would pick up."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source)
    for name in ("auctionsim", *MAPPED):
        shutil.copytree(CHECKOUT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(source)]
    subprocess.run([sys.executable, "-m", *command], check=True)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_every_module_and_data_file_under_one_name(wheel: Path):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = set()
    for folder, prefix in (("auctionsim", "auctionsim"), *((name, f"auctionsim/{name}") for name in MAPPED)):
        for path in (CHECKOUT / folder).rglob("*"):
            if path.suffix in (".py", ".toml", ".typed"):
                expected.add(f"{prefix}/{path.relative_to(CHECKOUT / folder)}")
    assert names == expected


def test_the_listed_packages_are_the_folders():
    listed = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent for name in ("auctionsim", *MAPPED) for path in (CHECKOUT / name).rglob("*.py")}
    names = {str(folder.relative_to(CHECKOUT)).replace("/", ".") for folder in folders}
    assert set(listed) == {f"auctionsim.{name}" if name.split(".")[0] in MAPPED else name for name in names}


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_the_wheel_runs_the_demo_from_an_empty_folder_in_an_empty_environment(wheel: Path, tmp_path: Path):
    environment, folder = tmp_path / "venv", tmp_path / "empty"
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    install = ["pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run([sys.executable, "-m", *install], check=True)
    # The dependencies are lent by this environment: only its site-packages as a path entry, whose own .pth files, the editable
    # install's among them, are not read. So auctionsim can come from the wheel alone.
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = str(environment / "bin" / "python")
    where = subprocess.run([python, "-c", "import auctionsim.agents; print(auctionsim.agents.__file__)"], cwd=folder,
                           capture_output=True, text=True, check=True)  # fmt: skip
    assert where.stdout.startswith(str(site))
    done = subprocess.run(
        [python, "-m", "auctionsim", "demo", "--quick", "--workers", "1"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = {path.name for path in (folder / "runs" / "demo-quick").iterdir()}
    assert made == {"competing", "colluding", "cooperating", "report"}
    assert (folder / "runs" / "demo-quick" / "report" / "index.html").stat().st_size > 50_000
