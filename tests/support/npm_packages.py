"""Packages of npm that tests use, by name and version, in build/npm. Standard library only."""

import shutil
import subprocess

from cases import PROJECT_ROOT, Skipped

DIRECTORY = PROJECT_ROOT / "build/npm"
INSTALL_TIMEOUT_SECONDS = 300


def install(**versions):
    """Installs them where they are missing; gives their directory."""
    if shutil.which("npm") is None:
        raise Skipped("npm is not installed; deploy/install-packages.sh test")
    missing = [f"{name}@{version}" for name, version in versions.items()
               if not is_installed(name, version)]
    if missing:
        DIRECTORY.mkdir(parents=True, exist_ok=True)
        if not (DIRECTORY / "package.json").exists():
            (DIRECTORY / "package.json").write_text('{"private": true}\n')
        result = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--save-exact",
                                 *missing], cwd=DIRECTORY, capture_output=True, text=True,
                                timeout=INSTALL_TIMEOUT_SECONDS, check=False)
        assert result.returncode == 0, result.stderr
    return DIRECTORY / "node_modules"


def is_installed(name, version):
    manifest = DIRECTORY / "node_modules" / name / "package.json"
    return manifest.exists() and f'"version": "{version}"' in manifest.read_text()
