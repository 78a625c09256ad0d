"""Gloo's side of bench/vs_gloo: two processes send each other 10 MiB of fp32 parameters and average.
    exchange_gloo.py COUNT   prints the milliseconds of COUNT exchanges, one a line, after a warm-up
"""
import os
import socket
import sys
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

PARAMETERS = (10 << 20) // 4
WARM_UP = 30


def peer(rank, port, count):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    x = torch.rand(PARAMETERS) - 0.5
    y = torch.empty_like(x)
    for i in range(WARM_UP + count):
        start = time.perf_counter()
        sending = dist.isend(x, 1 - rank)
        dist.recv(y, 1 - rank)
        sending.wait()
        x.add_(y).mul_(0.5)
        if rank == 0 and i >= WARM_UP:
            print(f"{(time.perf_counter() - start) * 1e3:.3f}", flush=True)
    dist.barrier()


if __name__ == "__main__":
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(peer, args=(port, int(sys.argv[1])), nprocs=2)
