"""Checks exported ONNX models with onnx.checker and onnxruntime, as far as this Python has them.

Usage: python3 check_models.py FOLDER. The folder holds NAME.onnx and NAME.json pairs: the JSON has the inputs of the model, its
expected outputs with shape and type, and the difference that each entry may have. Prints one JSON object. Python 3.8 or newer; no
package is required.
"""

import glob
import importlib
import json
import math
import os
import platform
import sys


def optional(name):
    """Returns a module and None, or None and the reason: it is not installed, or it does not load."""
    try:
        return importlib.import_module(name), None
    except ModuleNotFoundError as error:
        return None, "is not installed" if error.name == name else "does not load: " + one_line(error)
    except Exception as error:
        return None, "does not load: " + one_line(error)


def one_line(error):
    """Returns the message of an error, or its class if it has none, with every white space as one space."""
    return " ".join(str(error).split()) or type(error).__name__


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
        return one_line(error)


def run_model(ort, numpy, path, case):
    """Returns every output of the model by name, each with its shape, its type and its entries as nested lists."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feeds = {
        name: numpy.array(x["data"], dtype=x["dtype"]).reshape(x["shape"]) for name, x in case["inputs"].items()
    }
    names = [output.name for output in session.get_outputs()]
    return {
        name: {"shape": list(y.shape), "dtype": str(y.dtype), "data": y.tolist()}
        for name, y in zip(names, session.run(names, feeds))
    }


def mismatch(outputs, expected):
    """Returns how the names, shapes or types of the outputs differ from the expected ones; None if they do not."""
    if set(outputs) != set(expected):
        return "the outputs are %s; expected %s" % (", ".join(sorted(outputs)), ", ".join(sorted(expected)))
    for name, wanted in expected.items():
        for what in ("shape", "dtype"):
            if outputs[name][what] != wanted[what]:
                return "%s has the %s %s; expected %s" % (name, what, outputs[name][what], wanted[what])
    return None


def check_model(path, onnx, run):
    """Returns what was found of one model. `run(path, case)` gives its outputs; None where it cannot be run."""
    with open(path[: -len(".onnx")] + ".json", encoding="utf-8") as file:
        case = json.load(file)
    found = {"name": case["name"], "checker": check_graph(onnx, path), "used": None, "difference": None, "error": None}
    if run is None:
        return found
    try:
        outputs, expected = run(path, case), case["outputs"]
        found["error"] = mismatch(outputs, expected)
        if found["error"] is not None:
            return found
        pairs = {name: compare(flat(outputs[name]["data"]), x["data"], x["allowed"]) for name, x in expected.items()}
        infinite = [name for name, pair in pairs.items() if math.isinf(pair[0])]
        if infinite:
            found["error"] = "not every entry of %s is finite" % " and ".join(infinite)
        else:
            found["difference"], found["used"] = (max(worst) for worst in zip(*pairs.values()))
    except Exception as error:
        found["error"] = one_line(error)
    return found


def sentence(packages, missing, models):
    """Returns what was found in words. `missing` has the reason for each package that could not be used."""
    says = []
    if "onnx" not in missing:
        refused = ["%s (%s)" % (m["name"], m["checker"]) for m in models if m["checker"] != "ok"]
        says.append(
            "onnx.checker %s accepts %d of %d models%s."
            % (packages["onnx"], len(models) - len(refused), len(models), "; not " + ", ".join(refused) if refused else "")
        )
    ran = [m for m in models if m["used"] is not None]
    wrong = ["%s (%s)" % (m["name"], m["error"]) for m in models if m["error"] is not None]
    wrong += ["%s (%.3g times the allowed error)" % (m["name"], m["used"]) for m in ran if m["used"] > 1]
    if ran or wrong:
        says.append(
            "onnxruntime %s computes %d of %d models within their allowed errors%s."
            % (packages["onnxruntime"], len(models) - len(wrong), len(models), "; not " + ", ".join(wrong) if wrong else "")
        )
    if ran:
        worst = max(ran, key=lambda m: m["used"])
        says.append(
            "The largest share of an allowed error is %.2g %%, in %s, whose largest error is %.3g."
            % (100 * worst["used"], worst["name"], worst["difference"])
        )
    for name, reason in missing.items():
        says.append("In Python %s, %s %s." % (platform.python_version(), name, reason))
    if "onnx" in missing:
        says.append("onnx.checker was not run.")
    if "onnxruntime" in missing or "numpy" in missing:
        says.append("No model was computed.")
    return " ".join(says)


def main(folder):
    modules = {"onnx": optional("onnx"), "onnxruntime": optional("onnxruntime"), "numpy": optional("numpy")}
    if modules["onnx"][0] is not None:
        checker, reason = optional("onnx.checker")
        modules["onnx"] = (modules["onnx"][0] if checker is not None else None, reason)
    onnx, ort, numpy = (module for module, reason in modules.values())
    run = None
    if ort is not None and numpy is not None:
        run = lambda path, case: run_model(ort, numpy, path, case)
    paths = sorted(glob.glob(os.path.join(folder, "*.onnx")))
    if not paths:
        sys.exit("check_models.py: %s holds no .onnx file" % folder)
    models = [check_model(path, onnx, run) for path in paths]
    packages = {name: getattr(module, "__version__", None) for name, (module, reason) in modules.items()}
    missing = {name: reason for name, (module, reason) in modules.items() if module is None}
    says = sentence(packages, missing, models)
    print(json.dumps({"python": platform.python_version(), "packages": packages, "models": models, "says": says}))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python3 check_models.py FOLDER")
    main(sys.argv[1])
