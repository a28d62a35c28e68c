"""Base images that an administrator makes once, because no registry has them: the words of `manage.py make_base`.

`spark-py` has Java and a wheel of pyspark, which the package index offers as source alone; the wheel is installed into
the environments of manifests with that runtime. `python` has the system libraries that usual wheels expect.
"""

from __future__ import annotations

import os
import subprocess
import uuid
from pathlib import Path

from django.conf import settings

from deployments.builds.builders.base import BuildFailed, Report
from deployments.builds.builders.context import tar_stream, text_file
from deployments.builds.builders.docker import DockerBuilder
from deployments.builds.builders.index import PackageIndex
from deployments.docker_engine import build_image

#: the release of pyspark in the base image, and what its Java is called by Debian
PYSPARK, JAVA = "4.3.0", "openjdk-17-jre-headless"
#: LightGBM wants it, and others that use several cores
LIBRARIES = "libgomp1"
#: the folder is one that slim images have removed and Java's own installation needs
APT = (
    "mkdir -p /usr/share/man/man1 && apt-get update -q"
    " && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends {packages} && rm -rf /var/lib/apt/lists/*"
)

PYTHON = f"""FROM {{base}}
LABEL modelport.kind=base modelport.build={{build}}
RUN {APT.format(packages=LIBRARIES)}
"""

#: Libraries that Java would unpack into /tmp lie ready, for nothing in a replica's /tmp may be executed.
SPARK = f"""FROM {{base}} AS wheel
COPY pip/ /etc/
RUN pip wheel --quiet --no-cache-dir --no-deps --wheel-dir /spark/modelport-wheels pyspark=={PYSPARK}
COPY natives.py /tmp/
RUN python3 /tmp/natives.py /spark/modelport-wheels /spark/modelport-spark/native

FROM {{base}}
LABEL modelport.kind=base modelport.build={{build}}
RUN {APT.format(packages=JAVA)}
COPY --from=wheel /spark/ /opt/
COPY spark-defaults.conf /opt/modelport-spark/conf/
RUN echo 'modelport:x:10001:10001::/tmp:/usr/sbin/nologin' >>/etc/passwd
ENV SPARK_CONF_DIR=/opt/modelport-spark/conf
"""
NATIVES = '''"""Takes the native libraries for this processor out of the jars of the wheel of pyspark."""
import io, os, platform, re, sys, zipfile

wheels, target = sys.argv[1:]
machine = {"x86_64": "(x86_64|amd64)", "aarch64": "aarch64"}[platform.machine()]
wanted = re.compile("(org/xerial/snappy/native/Linux|linux)/%s/(libsnappyjava|libzstd-jni)[^/]*[.]so$" % machine)
os.makedirs(target)
with zipfile.ZipFile(os.path.join(wheels, os.listdir(wheels)[0])) as wheel:
    for jar in wheel.namelist():
        if re.search("/(snappy-java|zstd-jni)-[^/]*[.]jar$", jar):
            with zipfile.ZipFile(io.BytesIO(wheel.read(jar))) as opened:
                for name in filter(wanted.search, opened.namelist()):
                    with open(os.path.join(target, wanted.search(name)[3] + ".so"), "wb") as file:
                        file.write(opened.read(name))
if sorted(os.listdir(target)) != ["libsnappyjava.so", "libzstd-jni.so"]:
    sys.exit("the jars of pyspark hold other native libraries than expected: %s" % os.listdir(target))
'''
NATIVE = "/opt/modelport-spark/native"
DEFAULTS = f"""# One session in one replica: nobody else is asked, and nothing is shown on a port.
spark.driver.bindAddress 127.0.0.1
spark.driver.host 127.0.0.1
spark.ui.enabled false
spark.sql.shuffle.partitions 2
spark.sql.warehouse.dir /tmp/spark-warehouse
spark.driver.extraJavaOptions -Dorg.xerial.snappy.lib.path={NATIVE} -Dorg.xerial.snappy.lib.name=libsnappyjava.so -DZstdNativePath={NATIVE}/libzstd-jni.so
"""


def make_base(builder: DockerBuilder, *, runtime: str, python: str, report: Report) -> str:
    """Builds the base image of a runtime in the engine, under the name that MODELPORT_BASE_IMAGE_... has for it; returns that name.

    Its own base is the official image of that Python, which must be in the engine or be pulled. Raises BuildFailed and Unavailable.
    """
    tag = settings.BASE_IMAGES[runtime].replace("{python}", python)
    official = DockerBuilder(
        base_images={"python": settings.OFFICIAL_PYTHON_IMAGE}, base_url=builder.engine.base_url, installation=builder.installation
    )
    base = official.base("python", python, report)
    if tag == base.reference:
        raise BuildFailed(
            f"{tag} is the official image itself. Name the one to make, such as MODELPORT_BASE_IMAGE_PYTHON=modelport/python:{{python}}."
        )
    build = uuid.uuid4().hex
    dockerfile = {"python": PYTHON, "spark-py": SPARK}[runtime].format(base=base.digest, build=build)
    files = [text_file("Dockerfile", dockerfile)]
    if runtime == "spark-py":
        files += [text_file("natives.py", NATIVES), text_file("spark-defaults.conf", DEFAULTS), *_pip(builder)]
    build_image(builder.engine, tar_stream(files, report.check_cancelled), tag=tag, labels={}, build=build, report=report)
    return tag


def make_wheel(folder: Path, *, index: PackageIndex, timeout: float) -> str:
    """Makes the wheel of pyspark from its source, for services that run as processes of this machine. Returns its name; raises BuildFailed."""
    from uv import find_uv_bin

    environment = dict(os.environ)
    if index.url:
        environment |= {"PIP_INDEX_URL": index.url, "UV_DEFAULT_INDEX": index.url}
    if index.certificates:
        environment |= {"PIP_CERT": index.certificates, "SSL_CERT_FILE": index.certificates}
    pip = [find_uv_bin(), "tool", "run", "pip", "wheel", "--quiet", "--no-cache-dir", "--no-deps", "--wheel-dir", str(folder)]
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        done = subprocess.run([*pip, f"pyspark=={PYSPARK}"], env=environment, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"Making the wheel of pyspark took longer than {timeout:.0f} seconds.", code="TimedOut") from None
    made = sorted(folder.glob(f"pyspark-{PYSPARK}-*.whl"))
    if done.returncode or not made:
        raise BuildFailed("The wheel of pyspark could not be made:\n" + "\n".join(done.stderr.strip().splitlines()[-5:]))
    return made[0].name


def _pip(builder: DockerBuilder) -> list:
    """pip.conf, and the certificates it names, as builds have them; they stay in a stage that is thrown away."""
    index, lines, files = builder.index, ["[global]"], []
    if index.url:
        lines.append(f"index-url = {index.url}")
    if index.certificates:
        lines.append("cert = /etc/modelport-ca.crt")
        files.append(text_file("pip/modelport-ca.crt", Path(index.certificates).read_bytes()))
    return [text_file("pip/pip.conf", "\n".join(lines) + "\n"), *files]
