"""How images are varied while a network learns: what each option does, and what it leaves alone."""

import pytest
import torch

from winnow.encoders.fitted.augmentation import Augmentation, mirrored, recolored, shifted, zoomed

NONE = {"shift": 0.0, "mirror": False, "zoom": 0.0, "color": 0.0}


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(40, 3, 12, 12, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_with_all_off_images_pass_and_no_random_number_is_drawn(images, generator):
    before = generator.get_state()
    assert Augmentation(**NONE)(images, generator) is images
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize(("option", "value"), [("shift", 0.2), ("mirror", True), ("zoom", 0.3), ("color", 0.3)])
def test_each_option_changes_images_anew_in_each_step_and_follows_from_the_seed(images, option, value):
    vary = Augmentation(**NONE | {option: value})
    generator = torch.Generator().manual_seed(0)
    first, second = vary(images, generator), vary(images, generator)
    assert first.shape == images.shape and first.dtype == images.dtype
    assert not torch.equal(first, images) and not torch.equal(first, second)
    assert torch.equal(vary(images, torch.Generator().manual_seed(0)), first)


def test_a_shift_moves_by_whole_pixels_within_its_reach(generator):
    image = torch.zeros(200, 3, 10, 10)
    image[:, :, 5, 5] = 1
    row, column = (
        shifted(image, generator, share=0.2)[:, 0].flatten(1).argmax(dim=1).div(10, rounding_mode="floor"),
        None,
    )
    column = shifted(image, generator, share=0.2)[:, 0].flatten(1).argmax(dim=1) % 10
    assert set(row.tolist()) == set(column.tolist()) == {3, 4, 5, 6, 7}


def test_every_second_image_is_mirrored_left_for_right(images, generator):
    found = mirrored(images.repeat(10, 1, 1, 1), generator)
    wanted = images.repeat(10, 1, 1, 1)
    turned = torch.tensor([torch.equal(a, b.flip(2)) for a, b in zip(found, wanted, strict=True)])
    kept = torch.tensor([torch.equal(a, b) for a, b in zip(found, wanted, strict=True)])
    assert (turned ^ kept).all() and 150 < turned.sum() < 250


def test_a_zoom_keeps_the_middle_and_changes_the_size_of_what_is_around_it(generator):
    disc = torch.zeros(1, 3, 41, 41)
    row, column = torch.meshgrid(torch.arange(41) - 20, torch.arange(41) - 20, indexing="ij")
    disc[:, :, row**2 + column**2 < 100] = 1
    area = zoomed(disc.repeat(300, 1, 1, 1), generator, share=0.2)[:, 0].sum(dim=(1, 2)) / disc[0, 0].sum()
    assert 0.6 < area.min() < 0.72 and 1.38 < area.max() < 1.47  # squares of 0.8 and 1.2


def test_a_zoom_out_fills_the_gap_with_the_edge(generator):
    flat = torch.full((50, 3, 9, 9), 0.7)
    torch.testing.assert_close(zoomed(flat, generator, share=0.5), flat)


def test_colours_change_brightness_contrast_and_saturation_and_no_place(images, generator):
    found = recolored(images, generator, share=0.4)
    shift = found.mean(dim=(1, 2, 3)) - images.mean(dim=(1, 2, 3))
    assert shift.abs().max() < 0.4 + 1e-5 and shift.std() > 0.1
    grey = images.mean(dim=1, keepdim=True).expand_as(images)
    plain = recolored(grey, generator, share=0.4)
    torch.testing.assert_close(plain, plain[:, :1].expand_as(plain))  # grey stays grey
    correlation = torch.stack(
        [
            torch.corrcoef(torch.stack([a.mean(0).ravel(), b.mean(0).ravel()]))[0, 1]
            for a, b in zip(images, found, strict=True)
        ]
    )
    assert correlation.min() > 0.999
