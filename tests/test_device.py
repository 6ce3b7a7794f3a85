"""Random numbers, arithmetic and threads: the caller's are left alone, and no result depends on the cores."""

import threading

import pytest
import torch

from winnow import device
from winnow.device import (
    best_device,
    exact_arithmetic,
    random_state,
    seeded,
    set_random_state,
    side_by_side,
    threads,
)

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


def test_threads_hold_within_and_not_after_an_error():
    before = torch.get_num_threads()
    with pytest.raises(KeyError), threads(before + 2):
        assert torch.get_num_threads() == before + 2
        raise KeyError
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_parts_come_in_order_each_by_one_thread_and_few_are_taken_ahead(monkeypatch, cores):
    monkeypatch.setattr(device, "cores", lambda: cores)
    taken = []

    def parts():
        for part in range(20):
            taken.append(part)
            yield part

    before, done = torch.get_num_threads(), []
    with threads(3):
        for result in side_by_side(lambda part: (part, torch.get_num_threads()), parts(), device=CPU):
            done.append(result)
            assert len(taken) - len(done) <= cores
        assert torch.get_num_threads() == 3
    assert done == [(part, 1) for part in range(20)] and torch.get_num_threads() == before


def test_parts_are_computed_at_once(monkeypatch):
    monkeypatch.setattr(device, "cores", lambda: 2)
    both = threading.Barrier(2, timeout=20)  # passed by two at once, or broken
    assert len(list(side_by_side(lambda _: both.wait(), range(4), device=CPU))) == 4


def test_an_error_in_a_part_is_raised_and_threads_are_as_before():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda part: 1 // part, [1, 0, 2], device=CPU))
    assert torch.get_num_threads() == before
