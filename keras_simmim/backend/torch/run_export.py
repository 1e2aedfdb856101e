import torch


def run_export(path, images):
    """What a program of torch makes of images: see `backend/tensorflow/run_export.py`."""
    with torch.no_grad():
        return torch.export.load(path).module()(torch.from_numpy(images)).numpy()
