"""Features of a dataset, written by runs that are killed, out of packed archives, and from files."""

import hashlib
import io
import tarfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from winnow.data.archive import open_archive
from winnow.data.readers.tar import TarReader
from winnow.errors import WinnowError
from winnow.filtering.copies import CopySpace
from winnow.filtering.describe import describe
from winnow.filtering.items import pictures
from winnow.filtering.reduction import fit_reduction

IDS = [f"{i}.png" for i in range(8)]
OPTIONS = {
    "model": "torch:winnow.extraction.filter_bank:filter_bank",
    "weights": None,
    "arguments": [],
    "layer": "flat",
    "pool": "mean",
    "input_size": 32,
    "batch_size": 2,
    "trust": False,
    "changed_images": 8,
}


class Greys:
    """Eight grey images under the same names; a read after `kill_after` others is interrupted."""

    def __init__(self, grey, *, kill_after=None):
        self.content, self.reads, self.kill_after = png(grey), 0, kill_after

    def read(self, name):
        if self.reads == self.kill_after:
            raise KeyboardInterrupt
        self.reads += 1
        return self.content

    @property
    def items(self):
        digest = hashlib.sha256(self.content).hexdigest()
        return pd.DataFrame({"image_id": IDS, "is_filtered": True, "bytes_sha256": digest})


def png(grey):
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (grey, grey, grey)).save(stream, "PNG")
    return stream.getvalue()


def described(archive, folder, *, seed=0):
    _, changed = describe(archive, archive.items, folder / "f.npy", **OPTIONS, seed=seed, scratch=folder / "scratch")
    return np.load(folder / "f.npy"), changed["features"]


def test_a_run_goes_on_with_features_of_the_same_images_alone(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        described(Greys(10, kill_after=6), tmp_path / "a")
    same, other = Greys(10), Greys(200)
    found, _ = described(other, tmp_path / "a")
    assert other.reads == 16 and len(np.unique(found, axis=0)) == 1
    with pytest.raises(KeyboardInterrupt):
        described(Greys(10, kill_after=6), tmp_path / "b")
    described(same, tmp_path / "b")
    assert same.reads == 10  # the last two, and eight that are lightly changed


def test_a_run_goes_on_with_light_changes_of_its_own_seed_alone(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        described(Greys(100, kill_after=14), tmp_path / "killed", seed=0)
    _, found = described(Greys(100), tmp_path / "killed", seed=1)
    _, expected = described(Greys(100), tmp_path / "whole", seed=1)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("suffix", "goes_back"), [("tar", True), ("tar.gz", False), ("tar.xz", False)])
def test_a_compressed_tar_is_read_in_its_own_order(suffix, goes_back, tmp_path, monkeypatch):
    packed = [IDS[place] for place in (5, 2, 7, 0, 3, 6, 1, 4)]
    with tarfile.open(tmp_path / f"d.{suffix}", f"w:{suffix.removeprefix('tar').removeprefix('.')}") as tar:
        for name in packed:
            content = png(IDS.index(name))
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    read, asked = TarReader.read, []
    monkeypatch.setattr(TarReader, "read", lambda self, name: asked.append(name) or read(self, name))
    with open_archive(tmp_path / f"d.{suffix}", max_unpacked_bytes=1e9) as archive:
        found = {name: image.getpixel((0, 0))[0] for name, image in pictures(archive, IDS, scratch=tmp_path / "s")}
        assert list(found) == IDS and list(found.values()) == list(range(8))
        assert asked == (IDS if goes_back else packed)
        asked.clear()
        assert [name for name, _ in pictures(archive, IDS[6:], scratch=tmp_path / "s")] == IDS[6:]
        assert sorted(asked) == IDS[6:]
    assert not list((tmp_path / "s").glob("*"))


def stored(features, folder):
    items = pd.DataFrame({"image_id": [f"{i:03}" for i in range(len(features))], "is_filtered": True})
    np.savez(folder / "ready.npz", image_id=items["image_id"].to_numpy(dtype=str), features=features)
    options = OPTIONS | {"model": f"features:{folder / 'ready.npz'}"}
    describe(None, items, folder / "f.npy", **options, seed=0, scratch=folder)
    return np.load(folder / "f.npy", mmap_mode="r")


@pytest.mark.parametrize(("scale", "offset"), [(1e6, 0), (1e-9, 0), (1e-6, 0), (0.1, 1000), (1, 100)])
def test_ready_features_that_lose_much_in_half_precision_are_kept_as_they_are(scale, offset, tmp_path):
    drawn = np.random.default_rng(0).normal(size=(50, 8))
    features = np.float32(drawn * scale + offset)
    found = stored(features, tmp_path)
    assert found.dtype == np.float32 and isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, features)
    points = fit_reduction(found, dimensions=8)(found)
    expected = fit_reduction(drawn, dimensions=8)(drawn)
    np.testing.assert_allclose(points @ points.T, expected @ expected.T, atol=0.01)
    nothing = np.zeros((0, 8), dtype=np.float32)
    space = CopySpace(found, np.zeros(8, dtype=np.float32), nothing, nothing[:, 0])
    assert len(np.unique(space[np.arange(50)], axis=0)) == 50


@pytest.mark.parametrize(("scale", "offset"), [(1, 0), (1e-3, 0), (1e4, 0), (1, 5), (0, 0.1)])
def test_ready_features_that_half_precision_holds_are_stored_in_it(scale, offset, tmp_path):
    features = np.float32(np.random.default_rng(0).normal(size=(50, 8)) * scale + offset)
    found = stored(features, tmp_path)
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, features.astype(np.float16))


def test_components_are_learned_from_the_chosen_images_alone(tmp_path):
    features = np.random.default_rng(0).normal(size=(9000, 6)).astype(np.float16)
    np.save(tmp_path / "f.npy", features)
    chosen = np.flatnonzero(np.arange(9000) % 3 > 0)
    found = fit_reduction(np.load(tmp_path / "f.npy", mmap_mode="r"), dimensions=3, rows=chosen)
    expected = fit_reduction(features[chosen], dimensions=3)
    assert (found.mean == expected.mean).all() and (found.basis == expected.basis).all()
    with pytest.raises(WinnowError, match="there are no features to reduce"):
        fit_reduction(features, dimensions=3, rows=chosen[:0])
