"""The tests that run at once share the machine's cores."""
import os

import torch

WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


def test_threads_of_all_workers_fit_the_cores():
    assert torch.get_num_threads() * WORKERS <= max(os.cpu_count(), WORKERS)
    assert os.environ["OMP_NUM_THREADS"] == os.environ["MKL_NUM_THREADS"] == str(torch.get_num_threads())
