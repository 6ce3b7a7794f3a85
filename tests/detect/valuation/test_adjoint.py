"""The adjoint against finite differences and against training again without an image; HyDRA beside it."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from torch import Tensor
from torch.nn.functional import cross_entropy

from winnow.detect.valuation.adjoint import Adjoint, curvature_and_slopes
from winnow.detect.valuation.per_sample import flat_parameters, losses_of
from winnow.detect.valuation.trajectory import step_weights
from winnow.models.small_resnet import SmallResNet

CLASSES, DIMENSIONS = 3, 5


def train_path(losses, start, batches, *, learning_rates, momentum=0.0, weight_decay=0.0, weights=None) -> Tensor:
    """(T + 1, P): the parameters of a training by SGD, the start first, with (N,) weights of the images' losses."""
    parameters, velocity, path = start, torch.zeros_like(start), [start]
    for batch, learning_rate in zip(batches, learning_rates, strict=True):
        share = torch.ones(len(batch), dtype=start.dtype) if weights is None else weights[batch]

        def loss(flat: Tensor, batch: Tensor = batch, share: Tensor = share) -> Tensor:
            return (losses(flat, batch) * share).mean()

        velocity = momentum * velocity + torch.func.grad(loss)(parameters).detach() + weight_decay * parameters
        parameters = parameters - learning_rate * velocity
        path.append(parameters)
    return torch.stack(path)


def hypergradient(losses, path, batches, final_gradient, *, learning_rates, num_images, **sgd) -> Tensor:
    """(N,): the derivative of a loss at the path's end, of which `final_gradient` is the gradient, in the weights."""
    adjoint = Adjoint.at_end(final_gradient, num_images=num_images)
    for before, batch, rate in reversed(list(zip(path[:-1], batches, learning_rates, strict=True))):
        adjoint.step_back(partial(losses, rows=batch), before, batch, learning_rate=rate, **sgd)
    return adjoint.of_weights


class Softmax:
    """A softmax regression on 120 images with some wrong labels, its batches, and a clean reference set."""

    def __init__(
        self, *, momentum: float, weight_decay: float, epochs: int, images: int = 120, batch: int = 20
    ) -> None:
        rng = np.random.default_rng(0)
        centres = rng.normal(size=(CLASSES, DIMENSIONS)) * 1.5
        self.true = np.arange(images) % CLASSES
        self.wrong = rng.random(images) < 0.15
        self.features = torch.tensor(centres[self.true] + rng.normal(size=(images, DIMENSIONS)))
        self.labels = torch.tensor(np.where(self.wrong, (self.true + 1) % CLASSES, self.true))
        reference = np.arange(90) % CLASSES
        self.reference = torch.tensor(centres[reference] + rng.normal(size=(90, DIMENSIONS))), torch.tensor(reference)
        self.start = torch.tensor(rng.normal(size=CLASSES * DIMENSIONS) * 0.1)
        orders = [torch.tensor(rng.permutation(images)) for _ in range(epochs)]
        self.batches = [part for order in orders for part in order.split(batch)]
        steps = len(self.batches)
        rates = [0.05 * 0.5 * (1 + np.cos(np.pi * step / steps)) for step in range(steps)]
        self.sgd = {"learning_rates": rates, "momentum": momentum, "weight_decay": weight_decay}
        self.path = train_path(self.losses, self.start, self.batches, **self.sgd)

    def losses(self, flat: Tensor, rows: Tensor) -> Tensor:
        return cross_entropy(self.features[rows] @ flat.view(DIMENSIONS, CLASSES), self.labels[rows], reduction="none")

    def reference_loss(self, flat: Tensor) -> Tensor:
        features, labels = self.reference
        return cross_entropy(features @ flat.view(DIMENSIONS, CLASSES), labels)

    def trained_with(self, weights: Tensor) -> float:
        end = train_path(self.losses, self.start, self.batches, weights=weights, **self.sgd)[-1]
        return self.reference_loss(end).item()

    def exact(self) -> np.ndarray:
        final = torch.func.grad(self.reference_loss)(self.path[-1])
        found = hypergradient(self.losses, self.path, self.batches, final, num_images=len(self.labels), **self.sgd)
        return found.numpy()

    def hydra(self) -> np.ndarray:
        """HyDRA at every step, by a Jacobian: nothing shared with the code of valuation but the weights."""
        final = torch.func.grad(self.reference_loss)(self.path[-1])
        rates, momentum, decay = (self.sgd[name] for name in ("learning_rates", "momentum", "weight_decay"))
        value = np.zeros(len(self.labels))
        for step, weight in enumerate(step_weights(np.array(rates), momentum=momentum, weight_decay=decay)):
            batch = self.batches[step]
            gradients = torch.func.jacrev(self.losses)(self.path[step], batch)
            value[batch] -= weight / len(batch) * (gradients @ final).numpy()
        return value

    def left_out(self) -> np.ndarray:
        """What each image's absence does to the reference loss, by training again; lower is more harmful."""

        def reference_loss(weights: Tensor) -> Tensor:
            return self.reference_loss(
                train_path(self.losses, self.start, self.batches, weights=weights, **self.sgd)[-1]
            )

        images = len(self.labels)
        without = torch.ones(images, images, dtype=torch.float64) - torch.eye(images, dtype=torch.float64)
        return (torch.func.vmap(reference_loss)(without) - self.reference_loss(self.path[-1])).numpy()


CASES = [(0.9, 0.0, 10), (0.9, 0.01, 20), (0.0, 0.0, 10)]


@pytest.fixture(scope="module", params=CASES, ids=str)
def softmax(request) -> Softmax:
    momentum, weight_decay, epochs = request.param
    return Softmax(momentum=momentum, weight_decay=weight_decay, epochs=epochs)


def test_the_adjoint_is_the_derivative_that_finite_differences_show(softmax):
    exact, step = softmax.exact(), 1e-4
    for row in (0, 7, 31, 119):
        weights = torch.ones(120, dtype=torch.float64)
        values = []
        for change in (step, -step):
            weights[row] = 1 + change
            values.append(softmax.trained_with(weights))
        assert exact[row] == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-6)


def test_the_adjoint_foretells_training_without_an_image_and_hydra_less_well(softmax):
    left_out = softmax.left_out()
    assert pearsonr(softmax.exact(), -left_out).statistic > 0.95
    assert pearsonr(softmax.hydra(), -left_out).statistic > 0.6


def test_wrong_labels_harm(softmax):
    exact, hydra = softmax.exact(), softmax.hydra()
    for value in (exact, hydra):
        assert value[softmax.wrong].mean() > 0 > value[~softmax.wrong].mean()


def test_an_image_in_no_batch_is_worth_exactly_nothing():
    softmax = Softmax(momentum=0.9, weight_decay=0.0, epochs=2)
    softmax.batches = [batch[batch != 5] for batch in softmax.batches]
    softmax.path = train_path(softmax.losses, softmax.start, softmax.batches, **softmax.sgd)
    assert softmax.exact()[5] == 0


def test_one_step_without_momentum_is_minus_the_product_of_two_gradients():
    softmax = Softmax(momentum=0.0, weight_decay=0.0, epochs=1, batch=120)
    final = torch.func.grad(softmax.reference_loss)(softmax.path[-1])
    rate = softmax.sgd["learning_rates"][0]
    own = torch.func.jacrev(lambda flat: softmax.losses(flat, torch.arange(120)))(softmax.start)
    np.testing.assert_allclose(softmax.exact(), (-rate / 120 * own @ final).numpy(), rtol=1e-12)


def test_curvature_goes_through_the_statistics_of_the_batch():
    torch.manual_seed(0)
    network = SmallResNet(width=2, num_classes=3).double().train()
    losses = losses_of(network, torch.rand(6, 3, 9, 9, dtype=torch.float64), torch.tensor([0, 1, 2, 2, 1, 0]))
    here = flat_parameters(network)
    direction = torch.randn_like(here)

    def gradient(at: Tensor) -> Tensor:
        at = at.clone().requires_grad_()
        return torch.autograd.grad(losses(at).mean(), at)[0]

    curved, slopes = curvature_and_slopes(losses, here, direction)
    step = 1e-6 * direction
    expected = (gradient(here + step) - gradient(here - step)) / 2e-6
    torch.testing.assert_close(curved, expected, rtol=1e-5, atol=1e-6 * expected.abs().max().item())
    with torch.no_grad():
        torch.testing.assert_close(slopes, (losses(here + step) - losses(here - step)) / 2e-6, rtol=1e-5, atol=1e-7)
