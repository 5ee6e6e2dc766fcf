"""A real jtop service, told that it stands on a TX2, and which version it is where one is named. Run by inside.py, in a
namespace of its own."""
import logging
import sys

sys.base_prefix = "/run"  # where the service keeps its settings: gone with the namespace

import jtop.service  # noqa: E402

TX2 = {"Model": "quill", "Module": "NVIDIA Jetson TX2", "SoC": "tegra186", "CUDA Arch BIN": "6.2", "L4T": "32.7.4",
       "Jetpack": "4.6.4"}

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    jtop.service.get_hardware = lambda: TX2
    if len(sys.argv) > 1:
        jtop.service.get_var = lambda pattern: sys.argv[1]  # it asks for its version alone
    jtop.service.JtopServer(force=True).loop_for_ever()
