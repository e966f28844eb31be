"""What `parcnet bench --help` and its measurements' `--help` say."""

HELP = """\
parcnet bench: how fast, how large, and how cost grows with the map. Nothing is timed whose answer is wrong.

  parcnet bench ops       each algorithm of the oversized convolution, on a grid of maps, channels and batches
  parcnet bench models    latency of whole networks, beside ConvNeXt in its best public configuration
  parcnet bench train     time of a training step, beside ConvNeXt
  parcnet bench memory    peak inference memory, beside ConvNeXt and the paper's ratios
  parcnet bench deploy    exported files in ONNX Runtime, OpenVINO and MNN, beside ConvNeXt and Swin (Tab. 7)
  parcnet bench loader    reading and augmenting images beside a training step
  parcnet bench scaling   cost against the side of the map, with the fitted and the expected exponent
  parcnet bench merge     per stage, oversized and local kernels merged into one dense kernel or left apart
  parcnet bench profile   where a network's time goes, beside ConvNeXt, and the floor that its arithmetic sets
  parcnet bench tune      measure and write the table by which `auto` chooses an algorithm
  parcnet bench seeds     accuracy of a recipe over several seeds: how much is luck, and how good are its peers
  parcnet bench finetune  photographs, fine-tuned from a checkpoint and from no weights
  parcnet bench coins     detection learned on three rows of coins and tested on the fourth: AP of boxes and masks
  parcnet bench segmentation  photographs segmented, on regions held out: mIoU at one scale and at many
  parcnet bench faults    training that is killed again and again, beside the same left alone: bit-equal or not
  parcnet bench tables    put results into Markdown files, or check that they are there

Try:
  parcnet bench ops                                     about a minute on two CPU cores
  parcnet bench models --tag tiny --batch 1             one comparison
  parcnet bench models --output benchmarks/results      the whole comparison, kept as JSON
  parcnet bench tables --check README.md docs           exit code 1 if a table is not that of its result file

Close other programs first: what is compared is measured in turns, but a busy machine still slows everything.
`parcnet bench WHAT --help` shows every option.
"""

DESCRIPTIONS = {
    "ops": """\
Times every algorithm of the oversized convolution and says which is best where, and whether `auto` takes it. Before
that each one's answer is compared with the definition in float64; one that is wrong is named and not timed. A map comes
and goes in the layout asked for, so an algorithm that works in another pays for both changes. ~ marks a single call of
an algorithm that is 8 times slower than the best; ! a choice of `auto` that is not within 5% of the best.

  parcnet bench ops                                 the quick grid: about a minute on two cores
  parcnet bench ops --size 56 200x334 --channels 64 --batch 1 --training
  parcnet bench ops --full --output benchmarks/results
""",
    "models": """\
Times whole networks, ours beside their peers, every form of both in turns in one process; the ratio compares our best
form with each peer's best. A form whose logits are not those of its network is not timed.

  parcnet bench models --tag tiny --batch 1 --forms eager              half a minute on two cores
  parcnet bench models --output benchmarks/results                     all sizes, compiled too: minutes
  parcnet bench models --tag base --peers convnext swin_base_patch4_window7_224
""",
    "train": """\
Times a training step: forward, cross entropy, backward, AdamW; channels_last, eager, bf16 under autocast.

  parcnet bench train --tag tiny --batch 8                             a minute on two cores
  parcnet bench train --output benchmarks/results
""",
    "memory": """\
Peak memory of inference, each network in fresh processes, beside the paper's ratios to ConvNeXt (ICCV 2023, Tab. 7).
On a CPU that is resident memory above that of the loaded libraries; on an accelerator what torch's allocator held.

  parcnet bench memory --tag tiny --repeats 1                          half a minute
  parcnet bench memory --output benchmarks/results
""",
    "scaling": """\
Cost of each algorithm against the side of the map, with the exponent fitted over the upper half of the sides and the
one expected from its arithmetic.

  parcnet bench scaling --plot scaling.png
  parcnet bench scaling --size 56 112 224 448 --channels 16 --plot scaling.png
""",
    "tune": """\
Measures the grid by which `auto` chooses an algorithm, and writes it as the tuned table of this class of device.

  parcnet bench tune                                   fp32, in the table that comes with the package: about an hour
  parcnet bench tune --dtype bf16                      adds bf16 to it
  parcnet bench tune --quick --table mine.json         minutes; parcnet.ops.oversized.tuning.use_table reads it
""",
    "seeds": """\
Trains a recipe once for each seed, as `parcnet train` would, and shows test top-1 and wall time of every run with their
mean and spread. What a single run shows may be luck.

  parcnet bench seeds                                  the digits, seeds 0 to 4: about five minutes on two cores
  parcnet bench seeds --seeds 3 --peers convnext resnet      beside timm's networks of as many parameters
  parcnet bench seeds --recipe train_folder --data-dir DIR --seeds 3
""",
    "tables": """\
Tables in Markdown files come from result files; this puts them there, or checks that they are the present ones:

  <!-- bench:models-cpu -->          the usual view of RESULTS/models-cpu.json
  <!-- bench:models-cpu/ratios -->   another view: ops and tune have cases, summary; models has latency, ratios
  <!-- /bench -->                    where the table ends

  parcnet bench tables --write README.md docs
  parcnet bench tables --check README.md docs                          exit code 1 if a table is stale
""",
}
