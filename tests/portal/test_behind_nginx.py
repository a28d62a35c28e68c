"""The nginx of docs/operating/nginx.conf in front of a real portal: TLS, secure cookies, uploads as they come, the caller's address."""

from __future__ import annotations

import re
import ssl
import subprocess
import threading
import time
from getpass import getuser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.live_portal import free_port, live_portal

pytestmark = [pytest.mark.nginx, pytest.mark.slow]
SITE = Path(__file__).resolve().parents[2] / "docs" / "operating" / "nginx.conf"
UNIT = SITE.with_name("modelport.service")
MAIN = "daemon off; user {user}; error_log stderr; pid {folder}/pid; events {{}} http {{ access_log off; client_body_temp_path {folder}/body; include {site}; }}"
PASSWORD = "a long pass phrase 7"
MIB = 2**20


def settings_of_the_unit() -> dict[str, str]:
    """What the systemd unit beside it sets, without the prefix."""
    return dict(re.findall(r"^Environment=MODELPORT_(\w+)=(\S+)$", UNIT.read_text(), re.MULTILINE))


class Gateway(BaseHTTPRequestHandler):
    """Stands where the gateway does; answers what it got."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = f"{self.path} {self.headers['Host']} {self.headers['Authorization']} {len(body)}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args) -> None:
        pass


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    names = "subjectAltName=DNS:models.example.org,DNS:services.example.org"
    command = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=modelport -addext {names} -keyout {folder}/key -out {folder}/pem"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    wanted = settings_of_the_unit()
    assert wanted.pop("DATA") == "/var/lib/modelport"
    with live_portal(tmp_path_factory.mktemp("portal"), pages=True, **wanted) as running:
        running.run(
            f"from portal.accounts.models import User; user = User.objects.get(username='someone'); user.set_password({PASSWORD!r}); user.save()"
        )
        yield running


@pytest.fixture(scope="module")
def tls_port(tmp_path_factory, certificate, portal):
    """Where the nginx of the documentation listens; only ports and files are others."""
    folder, port, plain_port = tmp_path_factory.mktemp("nginx"), free_port(), free_port()
    gateway = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=gateway.serve_forever, daemon=True).start()
    site = SITE.read_text()
    for found, here in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("listen 80", f"listen 127.0.0.1:{plain_port}"),
        ("http://127.0.0.1:8080", portal.url),
        ("http://127.0.0.1:8081", f"http://127.0.0.1:{gateway.server_port}"),
    ):
        assert found in site
        site = site.replace(found, here)
    site = re.sub(r"/etc/ssl/modelport/\S+\.(pem|key);", rf"{certificate}/\1;", site)
    (folder / "site.conf").write_text(site)
    (folder / "main.conf").write_text(MAIN.format(folder=folder, user=getuser(), site=folder / "site.conf"))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["/usr/sbin/nginx", "-p", folder, "-c", folder / "main.conf"], stderr=log)
    deadline = time.monotonic() + 20
    while not (folder / "pid").exists():
        assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.05)
    yield port, plain_port
    process.terminate()
    process.wait(10)
    gateway.shutdown()


@pytest.fixture
def https(tls_port, certificate):
    """https(name): a client that reaches that name here and trusts the certificate."""
    clients = []

    def open_client(name: str = "models.example.org") -> httpx.Client:
        trust = ssl.create_default_context(cafile=str(certificate / "pem"))
        trust.check_hostname = False  # the address below is an IP address
        headers = {"Host": name}
        clients.append(
            httpx.Client(base_url=f"https://127.0.0.1:{tls_port[0]}", verify=trust, headers=headers, timeout=60, trust_env=False)
        )
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


def test_people_sign_in_with_secure_cookies_and_their_own_address(https, portal):
    client = https()
    page = client.get("/accounts/login/")
    assert page.status_code == 200 and page.headers["strict-transport-security"].startswith("max-age=31536000")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
    form = {"csrfmiddlewaretoken": token, "login": "someone", "password": PASSWORD}
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    answer = client.post("/accounts/login/", data=form, headers={"Origin": "https://models.example.org", "Cookie": cookies})
    assert answer.status_code == 302, answer.text[:2000]
    made = [cookie for cookie in answer.headers.get_list("set-cookie") if cookie.startswith("__Host-modelport=")]
    assert len(made) == 1 and "Secure" in made[0] and "HttpOnly" in made[0]
    seen = portal.run("from allauth.usersessions.models import UserSession; print(UserSession.objects.get().ip)")
    assert seen.split() == ["127.0.0.1"]


def test_an_upload_arrives_while_it_is_sent(https, portal):
    client = https()
    client.headers["Authorization"] = f"Bearer {portal.tokens['someone']}"
    uploads = client.post("/api/v1/groups/demo/uploads/").json()["id"]
    there_while_sent = []

    def body():
        for part in range(12):
            if part == 10:
                deadline = time.monotonic() + 20
                while sum(path.stat().st_size for path in portal.staged()) < 4 * MIB and time.monotonic() < deadline:
                    time.sleep(0.05)
                there_while_sent.append(sum(path.stat().st_size for path in portal.staged()))
            yield b"x" * MIB

    answer = client.put(f"/api/v1/groups/demo/uploads/{uploads}/files/big.bin", content=body(), headers={"Content-Length": str(12 * MIB)})
    assert answer.status_code == 200 and answer.json()["size"] == 12 * MIB
    assert there_while_sent[0] >= 4 * MIB, "nginx keeps the body to itself"


def test_addresses_that_the_portal_gives_are_those_that_people_use(https, portal):
    client = https()
    client.headers["Authorization"] = f"Bearer {portal.tokens['someone']}"
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "3", "Upload-Metadata": "path YS5iaW4="}
    uploads = client.post("/api/v1/groups/demo/uploads/").json()["id"]
    made = client.post(f"/api/v1/groups/demo/uploads/{uploads}/resumable/", headers=headers)
    assert made.status_code == 201, made.text
    assert made.headers["location"].startswith(("https://models.example.org/", "/"))


def test_callers_reach_the_gateway_with_their_key_and_large_bodies(https):
    answer = https("services.example.org").post("/demo/iris/score", content=b"x" * (3 * MIB), headers={"Authorization": "Bearer mp_key"})
    assert answer.text == f"/demo/iris/score services.example.org Bearer mp_key {3 * MIB}"


def test_who_comes_without_tls_is_sent_on(tls_port):
    answer = httpx.get(f"http://127.0.0.1:{tls_port[1]}/g/demo/?a=1", headers={"Host": "models.example.org"}, trust_env=False)
    assert (answer.status_code, answer.headers["location"]) == (308, "https://models.example.org/g/demo/?a=1")


def test_the_unit_starts_what_the_installation_makes():
    text = UNIT.read_text()
    assert "ExecStart=/srv/modelport/.venv/bin/python manage.py start\n" in text and "KillMode=mixed\n" in text
    assert settings_of_the_unit().keys() == {"DATA", "URL", "GATEWAY_URL", "BEHIND_TLS_PROXY", "TRUSTED_PROXIES"}
