#!/usr/bin/env bash
# One run over several machines of a SLURM cluster (written after the manuals; not tried on one yet):
#   sbatch experiments/launch/slurm.sh run --config experiments/NAME.yaml --trainer.strategy zero2
#SBATCH --job-name=vn
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4        # one task a GPU: Lightning reads ranks and addresses from SLURM
#SBATCH --gres=gpu:4
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@300          # five minutes before the end, each task saves, and ends with 143
#SBATCH --requeue                  # preempted jobs queue again by themselves; below, those out of time do
#SBATCH --open-mode=append
set -uo pipefail
srun --kill-on-bad-exit=1 vn "$@" --trainer.num_nodes "$SLURM_NNODES" --trainer.devices "$SLURM_NTASKS_PER_NODE"
code=$?
if [ "$code" -eq 143 ]; then
  scontrol requeue "$SLURM_JOB_ID" # the same command goes on where it was
fi
exit "$code"
