"""Frameworks that save and load whatever has `state_dict` and `load_state_dict`."""

import os

import pytest
import torch
from support.stops import Numbers, seed

import penstock

workers = pytest.mark.parametrize("workers", [0, 2])


@workers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("stop", [3, 6, 8])
def test_lightning_goes_on_within_an_epoch(tmp_path, workers, stop):
    lightning = pytest.importorskip("lightning.pytorch")

    class Model(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(2, 1)
            self.seen = []

        def training_step(self, batch, _):
            self.seen.append(batch[0].tolist())
            return self.layer(batch[1]).sum()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.01)

    def trainer(steps):
        quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
        checkpoint = lightning.callbacks.ModelCheckpoint(tmp_path, every_n_train_steps=stop, save_top_k=-1)
        return lightning.Trainer(max_steps=steps, max_epochs=-1, callbacks=[checkpoint], **quiet)

    def loader():
        generator = torch.Generator().manual_seed(2)
        return penstock.DataLoader(Numbers(), batch_size=4, shuffle=True, num_workers=workers, generator=generator)

    seed()
    whole = Model()
    trainer(12).fit(whole, loader())
    seed()
    first = Model()
    trainer(stop).fit(first, loader())
    states = torch.get_rng_state()
    second = Model()
    torch.set_rng_state(states)
    (path,) = [file for file in tmp_path.iterdir() if file.name.endswith(f"step={stop}.ckpt")]
    trainer(12).fit(second, loader(), ckpt_path=path)
    assert first.seen + second.seen == whole.seen


@workers
def test_skip_first_batches_gives_the_batches_that_torchs_loader_gives(workers):
    accelerate = pytest.importorskip("accelerate")
    os.environ.setdefault("ACCELERATE_USE_CPU", "true")

    def batches(cls):
        seed()
        loader = cls(Numbers(), batch_size=4, shuffle=True, num_workers=workers)
        prepared = accelerate.Accelerator(cpu=True).prepare(loader)
        skipped = accelerate.skip_first_batches(prepared, 2)
        return [batch[0].tolist() for batch in skipped]

    theirs = batches(torch.utils.data.DataLoader)
    penstock.install()
    try:
        assert batches(penstock.DataLoader) == theirs
    finally:
        penstock.uninstall()


@workers
@pytest.mark.parametrize("stop", [2, 6])
@pytest.mark.filterwarnings("ignore")
def test_accelerate_saves_and_loads_within_an_epoch(tmp_path, workers, stop):
    accelerate = pytest.importorskip("accelerate")
    pytest.importorskip("torchdata.stateful_dataloader")

    def prepared():
        loader = torch.utils.data.DataLoader(Numbers(), batch_size=4, shuffle=True, num_workers=workers)
        settings = accelerate.utils.DataLoaderConfiguration(use_stateful_dataloader=True)
        accelerator = accelerate.Accelerator(cpu=True, dataloader_config=settings)
        return accelerator, accelerator.prepare(loader)

    with penstock.installed():
        seed()
        accelerator, loader = prepared()
        assert isinstance(loader.base_dataloader, penstock.DataLoader)
        whole = [batch[0].tolist() for batch in [*loader, *loader]]
        seed()
        accelerator, loader = prepared()
        first = []
        for batch in loader:
            first.append(batch[0].tolist())
            if len(first) == stop:
                accelerator.save_state(tmp_path)
                break
        seed()
        accelerator, loader = prepared()
        accelerator.load_state(tmp_path)
        second = [batch[0].tolist() for batch in loader]
    assert first + second == (whole if stop == len(whole) // 2 else whole[:6])


@workers
@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated")
def test_a_state_that_torchdata_wrote_is_refused(workers):
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    theirs = stateful(Numbers(), batch_size=4, num_workers=workers)
    next(iter(theirs))
    with pytest.raises(ValueError, match="torchdata's StatefulDataLoader"):
        penstock.DataLoader(Numbers(), batch_size=4, num_workers=workers).load_state_dict(theirs.state_dict())


def test_torchdatas_name_is_exchanged_and_exchanged_back():
    torchdata = pytest.importorskip("torchdata.stateful_dataloader")
    theirs = torchdata.StatefulDataLoader
    with penstock.installed():
        assert issubclass(torchdata.StatefulDataLoader, penstock.DataLoader)
        assert len(torchdata.StatefulDataLoader([1, 2], snapshot_every_n_steps=3)) == 2
    assert torchdata.StatefulDataLoader is theirs
