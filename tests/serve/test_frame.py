"""The log's line for a frame."""
import json

import numpy as np

from dance_edge.serve.frame import FrameResult
from dance_edge.size import Size


def test_facts_are_the_promised_keys_and_go_into_json():
    result = FrameResult(7, 0.25, Size(96, 128), 1.5, 20.0, 25.25, np.zeros((4, 4), dtype=np.uint8))
    assert json.loads(json.dumps(result.facts())) == {
        "frame": 7, "p": 0.25, "height": 96, "width": 128, "complexity_ms": 1.5, "engine_ms": 20.0, "total_ms": 25.25}


def test_a_frame_without_a_p_says_null_never_0():
    result = FrameResult(7, None, Size(96, 128), None, 20.0, 25.25, np.zeros((4, 4), dtype=np.uint8))
    facts = json.loads(json.dumps(result.facts()))
    assert facts["p"] is None and facts["complexity_ms"] is None and facts["engine_ms"] == 20.0
