"""The doubles of TensorRT and CUDA stand beside the tests that use them."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
