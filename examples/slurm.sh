#!/bin/bash
# ParCNetV2-T on ImageNet-1K with SLURM: 2 nodes of 8 GPUs, restarted after pre-emption and after a node fails.
#   sbatch examples/slurm.sh /data/imagenet
# The recipe's batch is kept on any number of GPUs that divides it; fewer GPUs take more micro-batches.
#SBATCH --job-name=parcnet
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=128
#SBATCH --time=2-00:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=TERM@120
# SIGTERM comes two minutes before the time limit, or on pre-emption; the run saves its state and exits with code 143.

set -euo pipefail
DATA=${1:?give the folder that holds train/ and val/}
RUN=runs/imagenet1k_tiny   # on a disk of the first node, which broadcasts to the others
HEAD=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)

# --resume auto starts the run, or resumes it after any end of this job;
# --max-restarts lets torchrun restart it when a process dies.
srun torchrun \
  --nnodes "$SLURM_NNODES" --nproc-per-node 8 --max-restarts 3 \
  --rdzv-backend c10d --rdzv-endpoint "$HEAD:29500" --rdzv-id "$SLURM_JOB_ID" \
  -m parcnet train -c imagenet1k_tiny --data-dir "$DATA" --micro-batch 128 --save-every 500 \
  --output "$RUN" --resume auto || code=$?

# interrupted before the end: requeue
if [[ ${code:-0} -ne 0 && ! -e $RUN/result.json ]]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "${code:-0}"
