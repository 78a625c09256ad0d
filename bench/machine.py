"""What a figure belongs to: the processor, and the BLAS that a rival runs on."""
import ctypes
import pathlib
import re

# Of the file that a product's code is in: OpenBLAS and BLIS also install themselves as libblas.so.3.
_BLAS = (("OpenBLAS", r"openblas"), ("MKL", r"mkl_(rt|core|gnu_thread|intel_thread)"),
         ("BLIS", r"blis"), ("ATLAS", r"atlas"), ("reference BLAS", r"libblas\.so"))


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


class _Place(ctypes.Structure):
    _fields_ = [("file", ctypes.c_char_p), ("base", ctypes.c_void_p),
                ("symbol", ctypes.c_char_p), ("address", ctypes.c_void_p)]


def blas_in_use(caller, maps="/proc/self/maps"):
    """The BLAS that `caller`, a library of this process ("libtorch_cpu"), calls for a product of
    matrices: its name and file. More than one may be loaded, as LAPACK brings its own. None if it is
    none of the known ones, as in builds that link one statically."""
    files = {line.split(maxsplit=5)[5].strip() for line in open(maps) if ".so" in line}
    for path in sorted(file for file in files if pathlib.Path(file).name.startswith(caller)):
        try:
            product = ctypes.CDLL(path).sgemm_
        except AttributeError:
            continue
        place = _Place()
        if not ctypes.CDLL(None).dladdr(product, ctypes.byref(place)):
            continue
        file = pathlib.Path(place.file.decode()).resolve()
        for name, pattern in _BLAS:
            if re.search(pattern, str(file)):
                return name, str(file)
    return None
