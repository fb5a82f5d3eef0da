"""Folders and zips of pictures: classes, preprocessing, and archives and pictures that are refused."""

import io
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image
from skimage import data as photographs

from slipway_optimizer.data import read_data
from slipway_optimizer.errors import UserError
from slipway_optimizer.spec import ModelSpec


def inputs(shape=("batch", 3, 4, 4), dtype="float32", **image):
    declared = {"name": "x", "dtype": dtype, "shape": list(shape), "image": image}
    outputs = [{"name": "y"}]
    spec = {"source": {"uri": "file:///net.onnx"}, "format": "ONNX", "inputs": [declared], "outputs": outputs}
    return ModelSpec.model_validate(spec).inputs


def picture(color=(255, 0, 0), size=(4, 4), kind="PNG", **options):
    file = io.BytesIO()
    Image.new("RGB" if isinstance(color, tuple) else "L", size, color).save(file, kind, **options)
    return file.getvalue()


def folder(root, files):
    for name, content in files.items():
        path = root / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root / "pictures"


def zipped(root, files):
    with zipfile.ZipFile(root / "pictures.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return root / "pictures.zip"


@pytest.mark.parametrize("packed", [folder, zipped])
def test_folders_are_classes_in_alphabetical_order(tmp_path, packed):
    files = {"dog/2.png": picture((0, 0, 255)), "dog/1.jpg": picture((0, 255, 0), kind="JPEG"), "cat/9.png": picture()}
    data = read_data(packed(tmp_path, {**files, ".DS_Store": b"x", "__MACOSX/dog/2.png": b"x"}), inputs())
    assert data.labels.tolist() == [0, 1, 1]
    (chunk,) = data.chunks()
    assert chunk["x"].shape == (3, 3, 4, 4)
    assert chunk["x"].dtype == np.float32
    assert chunk["x"][:, :, 0, 0].round(1).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_folders_that_are_numbers_are_these_classes(tmp_path):
    data = read_data(folder(tmp_path, {f"{name}/a.png": picture() for name in ("967", "282", "9")}), inputs())
    assert data.labels.tolist() == [282, 9, 967]


def test_pictures_without_folders_have_no_labels(tmp_path):
    assert read_data(folder(tmp_path, {"a.png": picture(), "b.png": picture()}), inputs()).labels is None


def test_a_zip_of_a_folder_is_that_folder(tmp_path):
    files = {"val/cat/1.png": picture(), "val/dog/1.png": picture()}
    assert read_data(zipped(tmp_path, files), inputs()).labels.tolist() == [0, 1]


def test_a_picture_is_resized_cropped_and_scaled(tmp_path):
    wide = np.zeros((20, 40, 3), np.uint8)
    wide[:, 10:30] = (100, 150, 200)
    (tmp_path / "pictures").mkdir()
    Image.fromarray(wide).save(tmp_path / "pictures/a.png")
    image = {"crop": 0.8, "scale": 1.0, "mean": [100, 100, 100], "std": [1, 50, 100]}
    (chunk,) = read_data(tmp_path / "pictures", inputs(**image)).chunks()
    assert chunk["x"].shape == (1, 3, 4, 4)
    assert np.allclose(chunk["x"][0, :, 1:3, 1:3], np.array([0, 1, 1])[:, None, None])


def test_the_same_as_torchvision(tmp_path):
    """Its Resize and CenterCrop on a photograph, as most published checkpoints were measured with."""
    (tmp_path / "pictures").mkdir()
    Image.fromarray(photographs.chelsea()).save(tmp_path / "pictures/cat.png")
    image = {"crop": 0.875, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    (chunk,) = read_data(tmp_path / "pictures", inputs(("batch", 3, 224, 224), **image)).chunks()
    photograph = Image.fromarray(photographs.chelsea())
    width, height = photograph.size
    resized = photograph.resize((int(256 * width / height), 256), Image.Resampling.BILINEAR)
    left = round((resized.width - 224) / 2)
    cropped = np.asarray(resized.crop((left, 16, left + 224, 240))) / 255.0
    wanted = ((cropped - image["mean"]) / image["std"]).transpose(2, 0, 1)
    assert np.abs(chunk["x"][0] - wanted).max() < 1e-5


def test_gray_and_bytes_and_channels_last(tmp_path):
    path = folder(tmp_path, {"a.png": picture(77)})
    (gray,) = read_data(path, inputs(("batch", 1, 4, 4), scale=1.0)).chunks()
    assert gray["x"].ravel().tolist() == [77.0] * 16
    (plain,) = read_data(path, inputs((1, 4, 6, 3), "uint8", layout="NHWC")).chunks()
    assert plain["x"].shape == (1, 4, 6, 3)
    assert plain["x"].dtype == np.uint8
    assert set(plain["x"].ravel().tolist()) == {77}


def bomb():
    """A PNG of a few bytes that says it has 20,000 x 20,000 pixels."""
    content = bytearray(picture())
    content[16:24] = (20_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    return bytes(content)


@pytest.mark.parametrize("packed", [folder, zipped])
@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"cat/notes.txt": b"hello"}, "cat/notes.txt is no picture"),
        ({"cat/1.png": picture(size=(64, 64))[:60]}, "cat/1.png is no picture"),
        ({"cat/1.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n"}, "cat/1.eps is no picture"),
        ({"cat/1.png": bomb()}, "cat/1.png"),
        ({"cat/1.png": picture(size=(9000, 9000))}, "cat/1.png has 9000 x 9000 pixels: at most 64,000,000 are read"),
        ({"cat/1.png": picture(), "2.png": picture()}, "2.png lies beside the folders of the classes"),
        ({".DS_Store": b"x"}, "it holds no files"),
    ],
)
def test_what_is_no_folder_of_pictures(tmp_path, packed, files, says):
    with pytest.raises(UserError) as caught:
        read_data(packed(tmp_path, files), inputs())
    assert caught.value.reason == "DataInvalid"
    assert says in caught.value.message


@pytest.mark.parametrize("name", ["../1.png", "/etc/1.png", "cat/../../1.png", "..\\1.png"])
def test_an_archive_that_leads_elsewhere(tmp_path, name):
    with pytest.raises(UserError, match="which leads out of its folder"):
        read_data(zipped(tmp_path, {"cat/1.png": picture(), name: picture()}), inputs())


def test_a_link_in_an_archive(tmp_path):
    link = zipfile.ZipInfo("cat/passwords")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(UserError, match="the symbolic link cat/passwords"):
        read_data(tmp_path / "pictures.zip", inputs())


def test_a_link_in_a_folder(tmp_path):
    path = folder(tmp_path, {"cat/1.png": picture()})
    (path / "cat/2.png").symlink_to("/etc/passwd")
    with pytest.raises(UserError, match=r"cat/2.png is a link or a special file"):
        read_data(path, inputs())


def test_a_link_to_a_folder(tmp_path):
    path = folder(tmp_path, {"cat/1.png": picture()})
    (path / "dog").symlink_to("cat")
    with pytest.raises(UserError, match=r"dog is a link or a special file"):
        read_data(path, inputs())


def test_an_archive_of_zeros(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "pictures.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("cat/1.png", "w") as member,
    ):
        for _ in range(257):
            member.write(bytes(1 << 20))
    assert (tmp_path / "pictures.zip").stat().st_size < 1 << 20
    with pytest.raises(UserError, match=r"cat/1.png unpacks to 269,484,032 bytes"):
        read_data(tmp_path / "pictures.zip", inputs())


def test_pictures_for_an_input_that_takes_none(tmp_path):
    plain = ModelSpec.model_validate(
        {
            "source": {"uri": "file:///net.onnx"},
            "format": "ONNX",
            "inputs": [{"name": "x", "shape": ["batch", 3, 4, 4]}],
            "outputs": [{"name": "y"}],
        }
    ).inputs
    with pytest.raises(UserError, match=r"no input in spec.model.inputs says with image"):
        read_data(folder(tmp_path, {"cat/1.png": picture()}), plain)


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"shape": ("batch", 3, 4)}, "image needs an input of 4 dimensions"),
        ({"shape": ("batch", 3, "height", 4)}, "image needs numbers for height, width and channels"),
        ({"shape": ("batch", 4, 4, 3)}, "image with layout NCHW finds 4 channels"),
        ({"mean": [1, 2]}, "image.mean has 2 values, and the input has 3 channels"),
        ({"dtype": "uint8", "scale": 1.0}, "an input of uint8 gets pixels as they are"),
    ],
)
def test_preprocessing_that_does_not_fit(declared, says):
    with pytest.raises(ValueError, match=says):
        inputs(**declared)
