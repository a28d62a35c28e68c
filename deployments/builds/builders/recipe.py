"""What runs inside the hardened container (or child process) of *resolve* and *environment*.

Constant: it is never written with anybody's text in it. The job arrives as JSON on standard input behind its
length in bytes, the result leaves on standard output, and everything else is log on standard error.
Standard library only, any Python from 3.7 on; raise RECIPE when the same lock would give another environment.
"""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

RECIPE = 1

#: where a base image keeps wheels that no index has, such as the one of pyspark
WHEELS = "/opt/modelport-wheels"


def main():
    job = json.loads(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())).decode())
    work = tempfile.mkdtemp(prefix="modelport-")
    try:
        # The cache is private: one build can neither read nor poison another's.
        code, result = {"resolve": resolve, "install": install}[job["do"]](job, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    sys.stdout.write(result)
    sys.stdout.flush()
    return code


def resolve(job, work):
    source, target = os.path.join(work, "requirements.in"), os.path.join(work, "lock.txt")
    write(source, job["requirements"])
    options = ["--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--python", sys.executable, "-o", target]
    code = uv(job, work, ["pip", "compile", "--quiet", "--only-binary", ":all:", *options, *found_in(job), source])
    return code, read(target) if code == 0 else ""


def install(job, work):
    environment, lock = job["environment"], os.path.join(work, "lock.txt")
    write(lock, job["lock"])
    code = uv(job, work, ["venv", "--quiet", "--allow-existing", "--python", sys.executable, environment])
    python = os.path.join(environment, "bin", "python")
    if code == 0 and job["lock"].strip():
        options = ["--require-hashes", "--compile-bytecode", "--only-binary", ":all:", "--python", python, *found_in(job)]
        code = uv(job, work, ["pip", "install", *options, "-r", lock])
    if job.get("tools"):
        shutil.rmtree(job["tools"], ignore_errors=True)
    return code, json.dumps(installed(environment)) if code == 0 else ""


def found_in(job):
    """uv's words for the wheels of the base image, or of the folder that the job names."""
    folder = job.get("wheels") or WHEELS
    return ["--find-links", folder] if os.path.isdir(folder) else []


def uv(job, work, arguments):
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": work,
        "TMPDIR": work,
        "LANG": "C.UTF-8",
        "UV_CACHE_DIR": os.path.join(work, "cache"),
        "UV_NO_CONFIG": "1",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_HTTP_TIMEOUT": str(job.get("timeout", 60)),
        # Of one file; the largest packages take minutes on a busy machine.
        "UV_COMPILE_BYTECODE_TIMEOUT": "600",
        "NO_COLOR": "1",
    }
    certificates = job.get("certificates") or os.environ.get("SSL_CERT_FILE")
    if certificates:
        environment["SSL_CERT_FILE"] = certificates
    if job.get("index"):
        environment["UV_DEFAULT_INDEX"] = job["index"]
    if job.get("extra_indexes"):
        environment["UV_INDEX"] = " ".join(job["extra_indexes"])
    return subprocess.call([job["uv"], *arguments], env=environment, cwd=work, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def installed(environment):
    """Names and versions from the metadata files: nothing that was installed is imported."""
    found = {}
    for path in glob.glob(os.path.join(environment, "lib", "python*", "site-packages", "*.dist-info", "METADATA")):
        fields = {}
        for line in read(path).split("\n\n", 1)[0].splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip().lower(), value.strip())
        if fields.get("name") and fields.get("version"):
            found[fields["name"]] = fields["version"]
    return sorted(found.items(), key=lambda item: item[0].lower())


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


if __name__ == "__main__":
    sys.exit(main())
