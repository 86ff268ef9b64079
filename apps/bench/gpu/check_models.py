"""Checks exported ONNX models with onnx.checker and onnxruntime, as far as this Python has them.

Usage: python3 check_models.py FOLDER. The folder holds NAME.onnx and NAME.json pairs: the JSON has the inputs of the model, its
expected outputs, and the difference that each entry may have. Prints one JSON object. Python 3.8 or newer; no package is required.
"""

import glob
import json
import math
import os
import platform
import sys


def optional(name):
    """Returns a module, or None if it is not installed or does not load."""
    try:
        return __import__(name, fromlist=["_"])
    except Exception:
        return None


def flat(values):
    """Returns the numbers of nested lists in row-major order."""
    if isinstance(values, (list, tuple)):
        return [x for value in values for x in flat(value)]
    return [float(values)]


def compare(got, expected, allowed):
    """Returns the largest |difference| and the largest |difference| / allowed. A missing or not finite entry counts as infinite."""
    if len(got) != len(expected):
        return math.inf, math.inf
    difference = used = 0.0
    for value, wanted, most in zip(got, expected, allowed):
        apart = abs(value - wanted) if math.isfinite(value) else math.inf
        difference = max(difference, apart)
        used = max(used, apart / most)
    return difference, used


def check_graph(onnx, path):
    """Returns "ok" or the error of onnx.checker; None without the package."""
    if onnx is None:
        return None
    try:
        onnx.checker.check_model(onnx.load(path), full_check=True)
        return "ok"
    except Exception as error:
        return " ".join(str(error).split())


def run_model(ort, numpy, path, case):
    """Returns the outputs of the model by name, as nested lists."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feeds = {
        name: numpy.array(x["data"], dtype=x["dtype"]).reshape(x["shape"]) for name, x in case["inputs"].items()
    }
    names = list(case["outputs"])
    return {name: y.tolist() for name, y in zip(names, session.run(names, feeds))}


def check_model(path, onnx, run):
    """Returns what was found of one model. `run(path, case)` gives its outputs; None where it cannot be run."""
    with open(path[: -len(".onnx")] + ".json", encoding="utf-8") as file:
        case = json.load(file)
    found = {"name": case["name"], "checker": check_graph(onnx, path), "used": None, "difference": None, "error": None}
    if run is None:
        return found
    try:
        outputs = run(path, case)
        pairs = [compare(flat(outputs[name]), x["data"], x["allowed"]) for name, x in case["outputs"].items()]
        worst, used = max(pair[0] for pair in pairs), max(pair[1] for pair in pairs)
        if math.isinf(worst):
            found["error"] = "an output has another size or is not finite"
        else:
            found["difference"], found["used"] = worst, used
    except Exception as error:
        found["error"] = " ".join(str(error).split())
    return found


def sentence(packages, models):
    """Returns what was found in words."""
    missing = [name for name, version in packages.items() if version is None]
    says = []
    if packages["onnx"] is not None:
        refused = [m["name"] for m in models if m["checker"] != "ok"]
        says.append(
            "onnx.checker %s accepts %d of %d models%s."
            % (packages["onnx"], len(models) - len(refused), len(models), "; not " + ", ".join(refused) if refused else "")
        )
    ran = [m for m in models if m["used"] is not None]
    wrong = [m["name"] for m in models if m["error"] is not None or (m["used"] is not None and m["used"] > 1)]
    if ran or wrong:
        says.append(
            "onnxruntime %s computes %d of %d models within their allowed errors%s."
            % (packages["onnxruntime"], len(models) - len(wrong), len(models), "; not " + ", ".join(wrong) if wrong else "")
        )
    if ran:
        worst = max(ran, key=lambda m: m["used"])
        says.append(
            "The worst difference is %.3g (%d %% of the allowed one), in %s."
            % (worst["difference"], round(100 * worst["used"]), worst["name"])
        )
    if missing:
        says.append(
            "Python %s lacks %s, so that %d models were not checked by them."
            % (platform.python_version(), " and ".join(missing), len(models))
        )
    return " ".join(says)


def main(folder):
    onnx, ort, numpy = optional("onnx.checker") and optional("onnx"), optional("onnxruntime"), optional("numpy")
    run = None
    if ort is not None and numpy is not None:
        run = lambda path, case: run_model(ort, numpy, path, case)
    paths = sorted(glob.glob(os.path.join(folder, "*.onnx")))
    if not paths:
        sys.exit("check_models.py: %s holds no .onnx file" % folder)
    models = [check_model(path, onnx, run) for path in paths]
    version = lambda module: getattr(module, "__version__", None) if module is not None else None
    packages = {"onnx": version(onnx), "onnxruntime": version(ort), "numpy": version(numpy)}
    report = {"python": platform.python_version(), "packages": packages, "models": models, "says": sentence(packages, models)}
    print(json.dumps(report))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python3 check_models.py FOLDER")
    main(sys.argv[1])
