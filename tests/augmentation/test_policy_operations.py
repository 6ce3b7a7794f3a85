"""The operations of an augmentation policy, worked out by hand."""

from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from policy_data import dark_levels
from winnow import params
from winnow.augmentation.policy.operations import OPERATIONS, operations

MEASURED = [name for name, operation in OPERATIONS.items() if operation.reach is not None]
UP, DOWN = 0.9, 0.1  # chance of the sign


@pytest.fixture
def images() -> torch.Tensor:
    return dark_levels()


def applied(name: str, images: torch.Tensor, magnitude: float, *, sign: float = UP, other: float = 0.5) -> torch.Tensor:
    count = len(images)
    return OPERATIONS[name].apply(images, torch.full((count,), magnitude), torch.tensor([[sign, other]] * count))


def row(*levels: float) -> torch.Tensor:
    """(1, 3, 3, W): these levels in every channel and row."""
    return torch.tensor(levels).expand(1, 3, 3, len(levels)).clone()


def as_photo(images: torch.Tensor) -> Image.Image:
    return Image.fromarray((images[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())


@pytest.mark.parametrize("name", MEASURED)
@pytest.mark.parametrize("sign", [UP, DOWN])
def test_magnitude_zero_is_the_image_itself(images, name, sign):
    torch.testing.assert_close(applied(name, images, 0.0, sign=sign), images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_comes_out_is_an_image_again(images, name):
    before = images.clone()
    for sign in (UP, DOWN):
        result = applied(name, images, 1.0, sign=sign)
        assert result.shape == images.shape and result.dtype == torch.float32
        assert result.min() >= 0 and result.max() <= 1
        assert not torch.equal(result, images)
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", MEASURED)
def test_a_gradient_reaches_the_magnitude(images, name):
    magnitude = torch.full((4,), 0.43, requires_grad=True)
    result = OPERATIONS[name].apply(images, magnitude, torch.full((4, 2), 0.6))
    (result * images).sum().backward()
    assert torch.isfinite(magnitude.grad).all() and (magnitude.grad != 0).all()


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_gradient_passes_to_the_operation_before(images, name):
    images.requires_grad_()
    (applied(name, images, 0.43) ** 2).sum().backward()
    assert torch.isfinite(images.grad).all() and images.grad.abs().sum() > 0


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_image_has_its_own_magnitude_and_chance(images, name):
    magnitude, chance = torch.tensor([0.1, 0.9, 0.5, 0.0]), torch.rand(4, 2, generator=torch.Generator().manual_seed(3))
    together = OPERATIONS[name].apply(images, magnitude, chance)
    for i in range(4):
        alone = OPERATIONS[name].apply(images[i : i + 1], magnitude[i : i + 1], chance[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-6, rtol=0)


def test_translations_are_whole_pixels_where_the_sum_comes_out_even():
    levels = row(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    # 0.45 * 9 pixels = 4.05; times 20/81 it is one pixel. The edge is reflected: its own pixel comes once more.
    left = applied("translate_x", levels, 20 / 81, sign=UP)
    torch.testing.assert_close(left, row(0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.9), atol=1e-5, rtol=0)
    right = applied("translate_x", levels, 20 / 81, sign=DOWN)
    torch.testing.assert_close(right, row(0.1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8), atol=1e-5, rtol=0)
    turned = applied("translate_y", levels.mT.contiguous(), 20 / 81, sign=UP)
    torch.testing.assert_close(turned.mT, left, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(9, 9), (9, 15), (15, 9)])
def test_shears_and_turns_move_what_is_off_the_middle_by_their_angle(size):
    height, width = size
    y, x = np.mgrid[:height, :width].astype(float)
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    ramp = {"x": torch.tensor(0.5 + 0.02 * x), "y": torch.tensor(0.5 + 0.02 * y)}  # where a pixel came from, read off
    middle = (slice(height // 2 - 2, height // 2 + 3), slice(width // 2 - 2, width // 2 + 3))

    def came_from(name: str, axis: str) -> np.ndarray:
        image = ramp[axis].float().expand(1, 3, height, width)
        return ((applied(name, image, 1.0)[0, 0].double().numpy() - 0.5) / 0.02)[middle]

    def near(found: np.ndarray, expected: np.ndarray) -> None:
        np.testing.assert_allclose(found, expected[middle], atol=1e-3)

    near(came_from("shear_x", "x"), x + 0.3 * y)
    near(came_from("shear_x", "y"), y)
    near(came_from("shear_y", "y"), y + 0.3 * x)
    cosine, sine = np.sqrt(3) / 2, 0.5
    near(came_from("rotate", "x"), cosine * x - sine * y)
    near(came_from("rotate", "y"), sine * x + cosine * y)


def test_levels_worked_out_by_hand():
    levels = row(0.0, 0.2, 0.8, 1.0)
    assert torch.equal(applied("flip", levels, 0.0), row(1.0, 0.8, 0.2, 0.0))
    torch.testing.assert_close(applied("invert", levels, 0.0), row(1.0, 0.8, 0.2, 0.0))
    torch.testing.assert_close(applied("invert", applied("invert", levels, 0.0), 0.0), levels)
    # The threshold is 256 / 255 / 2, a little above one half.
    torch.testing.assert_close(applied("solarize", levels, 0.5), row(0.0, 0.2, 0.2, 0.0))
    torch.testing.assert_close(applied("solarize", levels, 1.0), applied("invert", levels, 0.0))
    # 51 and 204 of 255, without their lowest four bits: 48 and 192; white becomes 240.
    torch.testing.assert_close(applied("posterize", levels, 1.0), row(0.0, 48 / 255, 192 / 255, 240 / 255))
    torch.testing.assert_close(applied("brightness", levels, 1.0, sign=DOWN), row(0.0, 0.02, 0.08, 0.1))
    torch.testing.assert_close(applied("brightness", levels, 0.5), row(0.0, 0.29, 1.0, 1.0))
    torch.testing.assert_close(applied("contrast", levels, 1.0, sign=DOWN), row(0.45, 0.47, 0.53, 0.55))  # mean 0.5
    torch.testing.assert_close(applied("auto_contrast", row(0.2, 0.3, 0.4), 0.0), row(0.0, 0.5, 1.0))
    flat = row(0.3, 0.3, 0.3)
    assert torch.equal(applied("auto_contrast", flat, 0.0), flat)
    torch.testing.assert_close(applied("color", levels, 1.0), levels)  # grey has no colour to lose


def test_a_cutout_covers_its_square_and_parts_of_pixels_at_its_rim():
    black = torch.zeros(1, 3, 8, 8)
    covered = applied("cutout", black, 1.0, sign=0.5, other=0.5)  # half of the side: pixels 2 to 5 about the middle
    expected = torch.zeros(8, 8)
    expected[2:6, 2:6] = 0.5
    torch.testing.assert_close(covered[0, 0], expected)
    shifted = applied("cutout", black, 1.0, sign=0.5, other=0.53125)  # a quarter of a pixel to the right
    torch.testing.assert_close(shifted[0, 1, 3], torch.tensor([0, 0, 0.375, 0.5, 0.5, 0.5, 0.125, 0]))
    torch.testing.assert_close(applied("cutout", black, 0.5, sign=0.0, other=0.0).sum(), torch.tensor(3 * 0.5))


def test_pil_agrees(images):
    photo = as_photo(images)
    for name, expected in (("equalize", ImageOps.equalize(photo)), ("auto_contrast", ImageOps.autocontrast(photo))):
        found = np.asarray(as_photo(applied(name, images, 0.0))).astype(int)
        assert np.abs(found - np.asarray(expected)).max() <= 1, name
    for name, enhancer in (("color", ImageEnhance.Color), ("sharpness", ImageEnhance.Sharpness)):
        for sign, factor in ((UP, 1.45), (DOWN, 0.55)):
            found = np.asarray(as_photo(applied(name, images, 0.5, sign=sign))).astype(int)
            assert np.abs(found - np.asarray(enhancer(photo).enhance(factor))).max() <= 1, name


def test_where_the_true_gradient_vanishes_it_is_the_straight_line_s():
    levels = row(0.2, 0.8)
    for name, slope in (("solarize", row(0.6, -0.6)), ("posterize", row((48 - 51) / 255, (192 - 204) / 255))):
        magnitude = torch.tensor([0.5], requires_grad=True)
        result = OPERATIONS[name].apply(levels, magnitude, torch.zeros(1, 2))
        (gradient,) = torch.autograd.grad(result[0, 0, 0, 0] + 10 * result[0, 0, 0, 1], magnitude)
        assert gradient.item() == pytest.approx((slope[0, 0, 0, 0] + 10 * slope[0, 0, 0, 1]).item(), abs=1e-5), name


def test_params_know_the_operations():
    assert get_args(params.Operation) == tuple(OPERATIONS)


def stroke() -> torch.Tensor:
    """A black bar at the left of a white image of 40 x 40."""
    images = torch.ones(1, 3, 40, 40)
    images[:, :, 8:32, 3:7] = 0
    return images


def columns_with_ink(images: torch.Tensor) -> int:
    """How many separate strokes a row through the middle meets."""
    ink = images[0, 0, 20] < 0.5
    return int((ink[1:] & ~ink[:-1]).sum() + ink[0])


def test_a_reflected_stroke_is_another_sign_and_the_border_s_level_is_none():
    magnitude, right = torch.tensor([0.8]), torch.tensor([[DOWN, 0.0]])
    left_in = {
        fill: operations(fill)["translate_x"].apply(stroke(), magnitude, right) for fill in ("reflect", "border")
    }
    assert columns_with_ink(left_in["reflect"]) == 2
    assert columns_with_ink(left_in["border"]) == 1
    assert (left_in["border"][:, :, :, :14] == 1).all()


def test_the_border_s_level_is_that_of_each_channel():
    images = torch.zeros(1, 3, 9, 9)
    images[:, 0], images[:, 1], images[:, 2] = 0.2, 0.5, 0.9
    images[:, :, 4, 4] = 0
    turned = operations("border")["rotate"].apply(images, torch.tensor([1.0]), torch.tensor([[UP, 0.0]]))
    torch.testing.assert_close(turned[0, :, 0, 0], torch.tensor([0.2, 0.5, 0.9]))


def test_zoom_is_a_factor_about_the_middle():
    images = torch.ones(1, 3, 41, 41)
    images[:, :, 10:31, 10:31] = 0  # 21 pixels wide
    width = {sign: (applied("zoom", images, 1.0, sign=sign)[0, 0, 20] < 0.5).sum().item() for sign in (UP, DOWN)}
    assert width == {UP: 29, DOWN: 15}  # 21 * 1.4, 21 / 1.4


def test_noise_has_its_deviation_is_grey_and_comes_from_chance_alone():
    images = torch.full((1, 3, 200, 200), 0.5)
    noisy = applied("gaussian_noise", images, 1.0)
    assert (noisy - 0.5).std().item() == pytest.approx(0.15, rel=0.05)
    assert torch.equal(noisy[:, 0], noisy[:, 1]) and torch.equal(noisy[:, 0], noisy[:, 2])
    assert torch.equal(noisy, applied("gaussian_noise", images, 1.0))
    assert not torch.equal(noisy, applied("gaussian_noise", images, 1.0, other=0.4))


def test_elastic_moves_its_points_as_far_as_it_says_in_both_directions_and_all_between_smoothly():
    side, count = 65, 200  # every sixteenth pixel is a point
    ramp = torch.linspace(0, 1, side).expand(side, side)  # where a pixel came from, read off
    images = torch.stack([ramp, ramp.T, ramp]).expand(count, 3, side, side)
    places = torch.rand(count, 2, generator=torch.Generator().manual_seed(0))
    moved = (OPERATIONS["elastic"].apply(images, torch.full((count,), 0.5), places) - images)[:, :2]
    points, inner = moved[:, :, 16:49:16, 16:49:16], moved[:, :, 16:49, 16:49]  # what is reflected lies outside
    for direction in (0, 1):
        assert points[:, direction].std().item() == pytest.approx(0.5 * 0.08, rel=0.08)
        for steps in (inner[:, direction].diff(dim=1), inner[:, direction].diff(dim=2)):
            assert steps.std() < 0.15 * inner[:, direction].std()
    both = torch.corrcoef(points.transpose(0, 1).reshape(2, -1))[0, 1]
    assert abs(both.item()) < 0.1
    assert len({levels.numpy().tobytes() for levels in inner}) == count


def test_strokes_grow_and_shrink_by_whole_pixels_and_by_mixtures():
    images = torch.ones(1, 3, 100, 100)
    images[:, :, 40:60, 45:55] = 0  # 10 pixels wide
    ink = {sign: 1 - applied("thickness", images, 1.0, sign=sign)[0, 0, 50] for sign in (UP, DOWN)}
    assert ink[DOWN].sum().item() == pytest.approx(16) and ink[DOWN].unique().tolist() == [0, 1]  # 3 on either side
    assert ink[UP].sum().item() == pytest.approx(8) and ink[UP].unique().tolist() == [0, 1]
    between = 1 - applied("thickness", images, 0.5, sign=DOWN)[0, 0, 50]  # a pixel and a half
    torch.testing.assert_close(between[40:46], torch.tensor([0, 0, 0, 0.5, 1, 1]))
