"""Random numbers and arithmetic: seeds that leave the caller's generators alone, and states that are taken up."""

import torch

from winnow.device import best_device, exact_arithmetic, random_state, seeded, set_random_state

CPU = torch.device("cpu")


def test_a_seed_decides_and_the_caller_s_numbers_go_on_as_before():
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    with seeded(5, CPU):
        first = torch.rand(3)
    with seeded(5, CPU):
        assert torch.equal(torch.rand(3), first)
    assert torch.equal(torch.rand(2), expected)


def test_random_numbers_go_on_from_a_state():
    with seeded(0, CPU):
        torch.rand(4)
        state = random_state(CPU)
        following = torch.rand(3)
        set_random_state(state, CPU)
        assert torch.equal(torch.rand(3), following)


def test_exact_arithmetic_holds_within_and_not_after():
    before = torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32
    with exact_arithmetic():
        assert torch.backends.cudnn.deterministic and not torch.backends.cudnn.allow_tf32
    assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32) == before


def test_the_cpu_serves_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert best_device() == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert best_device() == torch.device("cuda", 0)
