"""`RandomZoomOut`, whatever it grows by: its margins are torchvision's, in the middle of a pipeline as at its end."""

from hypothesis import given
from hypothesis import strategies as st
from support.cases import cases
from support.images import dataset_of
from support.record import Walk, assert_parity
from support.workers import ReferenceLoader
from torchvision.transforms import v2

import penstock

BEHIND = (v2.Identity(), v2.CenterCrop(9), v2.RandomHorizontalFlip(), v2.RandomInvert(), v2.Resize((7, 8)))
SIDES = st.tuples(st.floats(1, 5), st.floats(1, 5)).map(sorted)


@cases(90)
@given(
    st.sampled_from(["CIFAR10", "MNIST"]),
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
    SIDES,
    st.sampled_from([0, 0.3, 0.999, 1]),
    st.one_of(st.integers(0, 255), st.integers(0, 255).map(lambda byte: [byte])),
    st.sampled_from(BEHIND),
    st.sampled_from([0, 1, 2]),
    st.integers(0, 1 << 40),
)
def test_any(name, size, sides, p, fill, behind, workers, seed):
    zoom = v2.RandomZoomOut(fill, side_range=sides, p=p)
    for front in ([], [v2.ToImage()]):
        data = dataset_of(
            name, 5, *size, transform=v2.Compose([*front, zoom, behind, v2.PILToTensor(), v2.ToPureTensor()])
        )

        def make(cls, data=data):
            return cls(data, 2 if isinstance(behind, (v2.CenterCrop, v2.Resize)) else 1, num_workers=workers)

        assert penstock.explain(make(penstock.DataLoader)).native
        assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk((None,), draws=True), seed)
