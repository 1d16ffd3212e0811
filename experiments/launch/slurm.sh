#!/usr/bin/env bash
# One run over several machines of a SLURM cluster (written after the manuals; not tried on one yet):
#   sbatch experiments/launch/slurm.sh run --config experiments/NAME.yaml --trainer.strategy zero2
#SBATCH --job-name=vn
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4        # one task per GPU: Lightning reads ranks and addresses from SLURM
#SBATCH --gres=gpu:4
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@300          # five minutes before the end, each task saves, and exits with 143
#SBATCH --requeue                  # preempted jobs are requeued by SLURM; those out of time below
#SBATCH --open-mode=append
set -uo pipefail
srun --kill-on-bad-exit=1 vn "$@" --trainer.num_nodes "$SLURM_NNODES" --trainer.devices "$SLURM_NTASKS_PER_NODE"
code=$?
if [ "$code" -eq 143 ]; then
  scontrol requeue "$SLURM_JOB_ID" # the same command resumes the run
fi
exit "$code"
