#!/usr/bin/env bash
# One run over several machines with torchrun. Start it on each of them, with the same arguments:
#   NODES=2 GPUS=8 HOST=first-machine:29500 experiments/launch/torchrun.sh run --config experiments/NAME.yaml --trainer.strategy zero2
# The run folder and the data must be on a file system that all machines share.
set -euo pipefail
NODES=${NODES:-1}                  # machines
GPUS=${GPUS:-1}                    # processes per machine
HOST=${HOST:-localhost:29500}      # where they meet: the first machine, and a free port on it

# torchrun ends all processes when one ends. After SIGTERM the run is saved, and the same command resumes it.
exec torchrun --nnodes "$NODES" --nproc-per-node "$GPUS" --rdzv-backend c10d --rdzv-endpoint "$HOST" --rdzv-id vn \
  -m vn.cli "$@" --trainer.num_nodes "$NODES" --trainer.devices "$GPUS"
