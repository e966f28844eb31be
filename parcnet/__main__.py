"""`python -m parcnet` is the command `parcnet`; so `torchrun -m parcnet` works."""

import os
import sys

from parcnet_cli.main import main, threads_should_sleep

if "OMP_WAIT_POLICY" not in os.environ and threads_should_sleep(sys.argv[1:]):
    # `-m parcnet` has imported torch already, which read this variable then: start once more, now with it
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.execv(sys.executable, sys.orig_argv)

raise SystemExit(main())
