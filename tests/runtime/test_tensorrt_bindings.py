"""The stand-in for TensorRT offers nothing that TensorRT's own Python modules lack, under the same names.

Their surface was read from the bindings that make test-tensorrt puts into the folder that DANCE_EDGE_TENSORRT names,
`.tensorrt` in the repository where it names none. Of 8.2 there is no package: its module is the oldest there is (8.6)
less what came between, which the source of both tells.
"""
import inspect
import json
import os

import pytest
from cuda_double import Gpu
from tensorrt_double import RELEASES, surface, tensorrt_module

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.environ.get("DANCE_EDGE_TENSORRT") or os.path.join(ROOT, ".tensorrt")
REAL = {"8.2": "8.6", "8.6": "8.6", "10": "10", "11": "11"}
# Of what 8.6 has, what 8.2 has not (NVIDIA/TensorRT, python/src/infer/pyCore.cpp and parsers/pyOnnx.cpp of both).
LATER_THAN_8_2 = {
    "": "HardwareCompatibilityLevel MemoryPoolType OnnxParserFlag PreviewFeature TensorIOMode",
    "Builder": "get_plugin_registry max_threads",
    "IBuilderConfig": "builder_optimization_level get_memory_pool_limit get_preview_feature "
                      "hardware_compatibility_level max_aux_streams plugins_to_serialize set_memory_pool_limit "
                      "set_preview_feature",
    "ICudaEngine": "get_tensor_bytes_per_component get_tensor_components_per_element get_tensor_dtype "
                   "get_tensor_format get_tensor_format_desc get_tensor_location get_tensor_mode get_tensor_name "
                   "get_tensor_profile_shape get_tensor_shape get_tensor_vectorized_dim hardware_compatibility_level "
                   "is_shape_inference_io num_aux_streams num_io_tensors",
    "IExecutionContext": "execute_async_v3 get_input_consumed_event get_max_output_size get_output_allocator "
                         "get_tensor_address get_tensor_shape get_tensor_strides infer_shapes nvtx_verbosity "
                         "persistent_cache_limit set_aux_streams set_input_consumed_event set_input_shape "
                         "set_output_allocator set_tensor_address temporary_allocator",
    "OnnxParser": "clear_flag flags get_flag get_used_vc_plugin_libraries set_flag",
    "Runtime": "engine_host_code_allowed get_plugin_registry load_runtime max_threads tempfile_control_flags "
               "temporary_directory",
    "BuilderFlag": "ENABLE_TACTIC_HEURISTIC EXCLUDE_LEAN_RUNTIME FP8 VERSION_COMPATIBLE",
    "DataType": "FP8 UINT8",
}


def read(release):
    path = os.path.join(FOLDER, "bindings-%s.json" % release)
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    reason = "there is no %s: make test-tensorrt" % path
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(params=sorted(RELEASES), scope="module")
def release(request):
    return request.param


@pytest.fixture(scope="module")
def real(release):
    """What the real module of `release` offers: names and methods, as tensorrt_surface.py writes them."""
    found = read(REAL[release])
    assert found["version"].startswith(REAL[release] + ".")
    if release == "8.2":
        for name, later in LATER_THAN_8_2.items():
            assert set(later.split()) <= set(found["names"][name])
            found["names"][name] = sorted(set(found["names"][name]) - set(later.split()))
    return found


def test_the_real_surface_is_a_whole_one(release, real):
    assert len(real["names"]) > 100 and len(real["names"]["ICudaEngine"]) > 25
    assert real["methods"]["Builder"]["__init__"] == [["logger"]]
    assert ("num_bindings" in real["names"]["ICudaEngine"]) == (release in ("8.2", "8.6"))
    assert ("num_io_tensors" in real["names"]["ICudaEngine"]) == (release != "8.2")
    assert ("FP16" in real["names"]["BuilderFlag"]) == (release != "11")


def test_every_name_exists(release, real):
    offered = surface(release)
    assert {"Builder", "OnnxParser", "ICudaEngine", "IExecutionContext"} <= set(offered[""])
    assert offered["ICudaEngine"] and offered["IExecutionContext"]
    assert {name: sorted(set(members) - set(real["names"].get(name, ()))) for name, members in offered.items()
            if not set(members) <= set(real["names"].get(name, ()))} == {}


def test_a_method_is_a_method_and_a_property_none(release, real):
    module = tensorrt_module(release, Gpu())
    for name, members in surface(release).items():
        own = vars(getattr(module, name)) if name else {}
        kinds = {member: inspect.isfunction(own[member]) for member in members
                 if isinstance(own.get(member), property) or inspect.isfunction(own.get(member))}
        assert kinds == {member: member in real["methods"][name] for member in kinds}, name


def test_calls_fit(release, real):
    """By name, since arguments may be given so, and without more of them than there are."""
    module = tensorrt_module(release, Gpu())
    checked = 0
    for name, members in surface(release).items():
        own = vars(getattr(module, name)) if name else {}
        for member in ["__init__"] * (name in ("Builder", "OnnxParser", "Runtime")) + members:
            if inspect.isfunction(own.get(member)) and name != "ILogger":  # whose log TensorRT calls, by position
                given = list(inspect.signature(own[member]).parameters.values())[1:]
                takes = [one.name + ("=" if one.default is not one.empty else "") for one in given]
                forms = real["methods"][name][member]
                assert any(fits(takes, form) for form in forms), (name, member, takes, forms)
                checked += 1
    assert checked > 20


def fits(takes, form):
    """Whether each call of a double's method that `takes` these arguments is one of the real method's `form`."""
    rest = form[len(takes):]
    return takes == form[:len(takes)] and all(argument.endswith("=") for argument in rest)
