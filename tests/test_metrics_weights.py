"""Weight files: found by name, known by hash, never downloaded; what is absent is a value, what is wrong an error."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lookreel.errors import InputError
from lookreel.metrics import film, lpips, paired, weights
from lookreel.metrics.checkpoint import fill, read_script, read_tensors
from lookreel.metrics.result import Skipped


def known_as(monkeypatch: pytest.MonkeyPatch, key: str, path: Path) -> None:
    """Let the register know this file as the published one."""
    monkeypatch.setitem(
        weights.REGISTER,
        key,
        replace(weights.REGISTER[key], sha256=weights.sha256_of(path), blob=weights.blob_of(path)),
    )


def test_the_blob_id_is_gits(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"a film\n" * 1000)
    done = subprocess.run(["git", "hash-object", str(path)], capture_output=True, text=True, check=True)
    assert weights.blob_of(path) == done.stdout.strip()
    assert weights.sha256_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_is_found_by_name_and_hash(tmp_path, monkeypatch):
    path = tmp_path / "vgg19-dcbb9e9d.pth"
    path.write_bytes(b"not the published one")
    with pytest.raises(InputError, match="found sha256 .*; expected sha256 dcbb9e9d"):
        weights.find(tmp_path, "vgg19")
    known_as(monkeypatch, "vgg19", path)
    assert weights.find(tmp_path, "vgg19") == path
    torchscript = tmp_path / "i3d_torchscript.pt"
    torchscript.write_bytes(b"not the published one")
    with pytest.raises(InputError, match="found git blob .*; expected 93daef59"):
        weights.find(tmp_path, "i3d_torchscript")


def test_absent_files_and_folders(tmp_path):
    assert weights.find(None, "vgg16") is None and weights.find(tmp_path, "vgg16") is None
    with pytest.raises(InputError, match="no such folder"):
        weights.find(tmp_path / "nowhere", "vgg16")


def test_hashes_are_whole():
    for known in weights.REGISTER.values():
        assert len(known.blob) in (0, 40) and (not known.sha256 or known.sha256 in known.file)


@pytest.mark.parametrize("name", [*paired.PAIRED, *film.FILM])
def test_a_metric_without_its_file_is_skipped(tmp_path, name):
    found = (paired if name in paired.PAIRED else film).load(name, tmp_path)
    assert isinstance(found, Skipped) and found.name == name
    for part in (name, found.file, found.source, found.identity):
        assert part and part in found.reason
    assert "\n" not in found.reason


def test_without_the_heads_lpips_is_skipped(tmp_path, monkeypatch):
    path = tmp_path / "vgg16-397923af.pth"
    path.write_bytes(b"")
    known_as(monkeypatch, "vgg16", path)
    monkeypatch.setattr(lpips, "_WHEELS", {"lookreel_has_no_such_wheel": "models"})
    found = paired.load("lpips_vgg", tmp_path)
    assert isinstance(found, Skipped) and "torchmetrics" in found.reason and found.file == "vgg.pth"


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_the_heads_come_with_the_eval_extra_and_import_nothing(net):
    path = lpips.heads_file(net)
    assert path is not None
    weights.check(path, lpips.HEADS[net])
    assert [t.shape[1] for t in read_tensors(path).values()] == list(lpips.WIDTHS[net])
    assert "torchmetrics" not in sys.modules or "torchvision" not in sys.modules


@pytest.mark.parametrize(
    ("key", "name"),
    [("vgg19", "vgg19_l1"), ("alexnet", "lpips_alex"), ("i3d_400", "fvd16_400"), ("inception", "fid"),
     ("resnet3d", "fid_vid"), ("i3d_torchscript", "fvd16_sgv"), ("c3d", "is_video_c3d")],
)  # fmt: skip
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a file", b"\x80\x02}q\x00."])
def test_damaged_files_are_named(tmp_path, monkeypatch, key, name, content):
    path = tmp_path / weights.REGISTER[key].file
    path.write_bytes(content)
    known_as(monkeypatch, key, path)
    with pytest.raises(InputError, match=path.name) as caught:
        (paired if name in paired.PAIRED else film).load(name, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_pickle_is_not_executed(tmp_path):
    marker = tmp_path / "executed"
    path = tmp_path / "bad.pth"
    path.write_bytes(b"cposix\nsystem\n(S'touch " + str(marker).encode() + b"'\ntR.")
    with pytest.raises(InputError, match="not a readable weight file"):
        read_tensors(path)
    torch.save({"weights": [1, 2]}, path)
    with pytest.raises(InputError, match="expected a state dict of tensors"):
        read_tensors(path)
    assert not marker.exists()


def test_every_tensor_must_fit(tmp_path):
    linear, path = torch.nn.Linear(3, 2), tmp_path / "x.pth"
    torch.save({"state_dict": {"module.weight": torch.ones(2, 3), "module.bias": torch.zeros(2)}, "epoch": 3}, path)
    filled = fill(linear, read_tensors(path), path)
    assert not filled.training and not any(p.requires_grad for p in filled.parameters()) and filled.weight.sum() == 6
    for tensors, fault in (
        ({"weight": torch.ones(2, 3)}, "1 tensors missing, the first is bias"),
        ({"weight": torch.ones(2, 3), "bias": torch.ones(2), "x": torch.ones(1)}, "1 tensors unexpected"),
        ({"weight": torch.ones(3, 2), "bias": torch.ones(2)}, "1 tensors of another shape, the first is weight"),
    ):
        with pytest.raises(InputError, match=fault):
            fill(linear, tensors, path)


def test_files_from_before_the_batch_norms_counted_are_read(tmp_path):
    norm = torch.nn.BatchNorm3d(2)
    tensors = {name: t + 1.0 for name, t in norm.state_dict().items() if name != "num_batches_tracked"}
    assert fill(norm, tensors, tmp_path).running_var.tolist() == [2, 2]


def test_a_script_that_is_none_is_refused(tmp_path):
    path = tmp_path / "net.pt"
    torch.save({"a": torch.ones(1)}, path)
    with pytest.raises(InputError, match=r"net.pt: not a readable TorchScript"):
        read_script(path, "cpu")


GUARD = """
import sys, numpy as np
def refuse(event, arguments):
    if event.startswith("socket."):
        raise SystemExit(f"the network was asked for: {event} {arguments}")
from lookreel.metrics import film, garment, paired, picture, weights
from lookreel.metrics.clip import Clip
sys.addaudithook(refuse)
for name in [*paired.PAIRED, *film.FILM]:
    print((paired if name in paired.PAIRED else film).load(name, sys.argv[1]).reason)
frames = np.random.default_rng(0).integers(0, 256, (4, 48, 40, 3), dtype=np.uint8)
clip = Clip("a", frames, 25.0)
print(picture.ssim(frames, frames), garment.measure(clip, clip).values)
print("torchmetrics" in sys.modules, "torchvision" in sys.modules)
"""


def test_no_metric_asks_the_network(tmp_path):
    done = subprocess.run([sys.executable, "-c", GUARD, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("skipped") == len(paired.PAIRED) + len(film.FILM)
    assert done.stdout.endswith("False False\n")


def test_the_guard_itself():
    code = (
        GUARD.split("from lookreel")[0]
        + "sys.addaudithook(refuse)\nimport socket\nsocket.create_connection(('127.0.0.1', 1))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "the network was asked for" in done.stderr
