"""The wheel holds all the package and nothing else, and works installed in an empty environment from an empty folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import auctionsim

CHECKOUT = Path(auctionsim.__file__).parents[1]
LINKED = ("agents", "analysis", "envs")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist, built from a copy: a build leaves files behind that a later one would pick up."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source)
    for name in ("auctionsim", *LINKED):
        shutil.copytree(CHECKOUT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(source)]
    subprocess.run([sys.executable, "-m", *command], check=True)
    make_sdist = f"from setuptools import build_meta; build_meta.build_sdist({str(out)!r})"
    subprocess.run([sys.executable, "-c", make_sdist], cwd=source, check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


def package_files() -> set[str]:
    """Every module and data file of the package, by its path in an installed one."""
    kinds = (".py", ".toml", ".yaml", ".typed", ".css", ".js", ".txt")
    files = [path for path in (CHECKOUT / "auctionsim").rglob("*") if path.suffix in kinds]
    files += [path for name in LINKED for path in (CHECKOUT / name).rglob("*") if path.suffix in kinds]
    inside = {str(path.relative_to(CHECKOUT)) for path in files if not path.parent.is_symlink()}
    return {path if path.startswith("auctionsim/") else f"auctionsim/{path}" for path in inside}


def test_the_wheel_holds_every_module_and_data_file_under_one_name(wheel: Path):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == package_files()


def test_wheel_and_sdist_hold_files_where_the_checkout_has_links(built: Path, wheel: Path):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        members = {member.name.partition("/")[2]: member for member in archive.getmembers()}
        assert not [name for name, member in members.items() if member.issym() or member.islnk()]
        text = archive.extractfile(members["auctionsim/agents/__init__.py"])
        assert text is not None
        assert text.read() == (CHECKOUT / "agents" / "__init__.py").read_bytes()
    assert package_files() <= set(members)
    assert zipfile.ZipFile(wheel).read("auctionsim/envs/__init__.py") == (CHECKOUT / "envs" / "__init__.py").read_bytes()


def test_the_checkout_s_links_are_relative_and_lead_to_the_given_folders():
    for name in LINKED:
        link = CHECKOUT / "auctionsim" / name
        assert link.is_symlink()
        assert str(link.readlink()) == f"../{name}"


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.xdist_group("ray")
@pytest.mark.long
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
    assert made == {"competing", "colluding", "cooperating", "value-scale-paced", "plan.json", "report"}
    assert (folder / "runs" / "demo-quick" / "report" / "index.html").stat().st_size > 50_000
