"""What a figure belongs to: the processor, and the BLAS that a rival runs on."""
import pathlib
import re

# Of a library's file name; the first that fits a library in the process is the BLAS at work, as
# OpenBLAS and BLIS also install themselves as libblas.so.3.
_BLAS = (("OpenBLAS", r"openblas"), ("MKL", r"mkl_(rt|core|gnu_thread|intel_thread)"),
         ("BLIS", r"blis"), ("ATLAS", r"atlas"), ("reference BLAS", r"libblas\.so"))


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def blas_in_use(maps="/proc/self/maps"):
    """Its name and file among the libraries that this process has loaded; None if it is none of
    the known ones, as in builds that link one statically."""
    files = {line.split(maxsplit=5)[5].strip() for line in open(maps) if ".so" in line}
    for name, pattern in _BLAS:
        for file in sorted(files):
            if re.search(pattern, str(pathlib.Path(file).resolve())):
                return name, file
    return None
