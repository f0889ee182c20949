"""Container images that hold one static program and nothing else, made without a registry or a builder."""

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from pathlib import Path

from lab.build import MODULES, cache_folder
from lab.state import LabError

PAUSE_IMAGE = "ferrite.lab/pause:1"
PAUSE_SOURCE = MODULES / "pause" / "pause.c"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
COMPILER = ("gcc", "-Os", "-Wall", "-Wextra", "-Werror", "-static", "-s")
COMPILE_SECONDS = 60


def ensure_scratch_image(reference: str, source: Path) -> Path:
    """Return a docker-archive of the image `reference`: the program of one C file, made once for its text.

    Raises:
        LabError: it does not compile; the message has the compiler's words.
    """
    recipe = "\0".join([reference, source.read_text(), *COMPILER, platform.machine()])
    folder = cache_folder() / "images" / f"{source.stem}-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    archive = folder / f"{source.stem}.tar"
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        program = folder / source.stem
        done = subprocess.run(
            [*COMPILER, "-o", str(program), str(source)],
            capture_output=True,
            text=True,
            check=False,
            timeout=COMPILE_SECONDS,
        )
        if done.returncode != 0:
            raise LabError(f"{source} does not compile: {done.stderr.strip()}")
        _write(archive, scratch_archive(reference, program))
    return archive


def ensure_program_image(reference: str, program: Path) -> Path:
    """Return a docker-archive of the image `reference`: a static program that was built already, as root."""
    mark = hashlib.sha256(f"{reference}\0{program.resolve()}".encode()).hexdigest()[:16]
    archive = cache_folder() / "images" / f"{program.name}-{mark}" / f"{program.name}.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        _write(archive, scratch_archive(reference, program, user="0:0"))
    return archive


def _write(archive: Path, content: bytes) -> None:
    unfinished = archive.with_suffix(".new")
    unfinished.write_bytes(content)
    unfinished.replace(archive)


def scratch_archive(reference: str, program: Path, user: str = "65534:65534") -> bytes:
    """Return a docker-archive: one layer with `program` at the root, which is also what a container runs."""
    layer = _tar({program.name: program.read_bytes()}, mode=0o755)
    config = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"], "User": user},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    text = json.dumps(config).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [reference], "Layers": ["layer.tar"]}]
    return _tar({"manifest.json": json.dumps(manifest).encode(), name: text, "layer.tar": layer}, mode=0o644)


def _tar(files: dict[str, bytes], mode: int) -> bytes:
    """Return a tar that is the same, byte for byte, for the same files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()
