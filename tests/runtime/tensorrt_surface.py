"""What TensorRT's own Python module offers, without TensorRT: python tensorrt_surface.py FOLDER OUT.json.

FOLDER holds the package `tensorrt_bindings` of one release. Its extension wants libraries of gigabytes and a GPU only
when something is called; to be imported it is enough that they are there. So this lays libraries of the same names
beside it, whose functions do nothing, imports it and writes OUT.json: {"version", "names": {class or enumeration ("" is
the module): names}, "methods": {class: {method: [[argument, ...] a signature]}}}. Arguments with a default end in "=".
"""
import ctypes
import json
import os
import re
import subprocess
import sys


def lay_stubs(package):
    """Compile what the extension in the folder `package` links to."""
    extension = os.path.join(package, "tensorrt.so")
    libraries = re.findall(r"\[(libnv[^\]]+)\]", run("readelf", "-d", extension))
    known = ctypes.CDLL(None)
    wanted = [line.split()[-1] for line in run("nm", "-D", "--undefined-only", extension).splitlines()
              if line.split()[-2] == "U" and "@" not in line]
    functions = ["void *%s(void) { return 0; }" % name for name in wanted if not hasattr(known, name)]
    assert libraries and functions
    for library, source in zip(libraries, ["\n".join(functions)] + [""] * len(libraries)):
        subprocess.run(["gcc", "-shared", "-fPIC", "-w", "-Wl,-soname," + library, "-x", "c", "-", "-o",
                        os.path.join(package, library)], input=source + "\n", universal_newlines=True, check=True)


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, universal_newlines=True, check=True).stdout


def read_surface(module):
    """The three entries of the JSON."""
    names, methods = {"": public(module)}, {}
    for name in names[""]:
        one = getattr(module, name)
        if isinstance(one, type):
            names[name] = public(one)
            methods[name] = {method: signatures(getattr(one, method), method) for method in ["__init__"] + names[name]
                             if callable(getattr(one, method)) and not isinstance(getattr(one, method), type)}
    return {"version": module.__version__, "names": names, "methods": methods}


def public(thing):
    return sorted(name for name in dir(thing) if not name.startswith("_"))


def signatures(method, name):
    """The arguments by name, once for each form that pybind11's docstring lists."""
    found = re.findall(r"^(?:\d+\. )?%s\((self.*)\) -> " % re.escape(name), method.__doc__ or "", re.MULTILINE)
    return [[argument(text) for text in split(one)[1:]] for one in found]


def split(text):
    """At commas outside of brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "[(<") - (character in "])>")
        parts[-1] += character
        if character == "," and not depth:
            parts[-1] = parts[-1][:-1]
            parts.append("")
    return [part.strip() for part in parts]


def argument(text):
    return text.split(":")[0] + ("=" if " = " in text else "")


if __name__ == "__main__":
    FOLDER, OUT = sys.argv[1:]
    lay_stubs(os.path.join(FOLDER, "tensorrt_bindings"))
    sys.path.insert(0, os.path.abspath(FOLDER))
    import tensorrt_bindings

    with open(OUT, "w", encoding="utf-8") as out:
        json.dump(read_surface(tensorrt_bindings), out, indent=1, sort_keys=True)
