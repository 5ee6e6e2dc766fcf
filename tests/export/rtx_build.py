"""Parse and build ONNX files with TensorRT-RTX, which does both without a GPU: python rtx_build.py RTX JOBS.json.

RTX is the folder that its packages were put into, JOBS a list of {"path", "sizes": [[height, width], ...]}. What comes
out on stdout is a list of {"errors", "input", "output", "layers", "bytes": one a size}, in the jobs' order; an input or
output is [name, type, shape], a size that cannot be built has 0 bytes.
"""
import json
import sys

WORKSPACE = 64 << 20


def main(folder, jobs_path):
    sys.path.insert(0, folder)
    import tensorrt_rtx_bindings as trt

    class Journal(trt.ILogger):
        def __init__(self):
            trt.ILogger.__init__(self)
            self.errors = []

        def log(self, severity, message):
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.errors.append(message)

    with open(jobs_path, encoding="utf-8") as file:
        jobs = json.load(file)
    journal = Journal()
    builder = trt.Builder(journal)
    json.dump([build(trt, builder, journal, job) for job in jobs], sys.stdout)


def build(trt, builder, journal, job):
    """One file: parsed once, built for each size with a static profile, as an engine of a rung is."""
    del journal.errors[:]
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, journal)
    with open(job["path"], "rb") as file:
        parsed = parser.parse(file.read())
    errors = [parser.get_error(i) for i in range(parser.num_errors)]
    said = ["%s %r: %s" % (one.node_operator(), one.node_name(), one.desc()) for one in errors] + journal.errors
    if not parsed:
        return {"errors": said or ["the parser does not say why"]}
    tensor_of = {"input": network.get_input, "output": network.get_output}
    found = {name: facts(get(0)) for name, get in tensor_of.items()}
    sizes = [plan_bytes(trt, builder, network, size) for size in job["sizes"]]
    return dict(found, errors=said + journal.errors[len(said):], layers=network.num_layers, bytes=sizes,
                outputs=network.num_outputs)


def facts(tensor):
    return [tensor.name, tensor.dtype.name, list(tensor.shape)]


def plan_bytes(trt, builder, network, size):
    config, profile = builder.create_builder_config(), builder.create_optimization_profile()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE)
    shape = [1, 3] + size
    profile.set_shape(network.get_input(0).name, shape, shape, shape)
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    return 0 if plan is None else plan.nbytes


if __name__ == "__main__":
    main(*sys.argv[1:])
