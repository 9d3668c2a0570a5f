"""What is deployed names only what exists: commands, settings, ports, paths; and whatever tool is here takes it.

There is no container engine and no cluster: no image is built here, and manifests are checked by their structure.
"""

import ast
import json
import os
import re
import shutil
import subprocess
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from folkmoot.cli.commands import TABLE
from folkmoot.cli.listener import GRACE_SECONDS as REQUEST_SECONDS
from folkmoot.http.paths import canonical
from folkmoot.kernel.clock import now
from folkmoot.kernel.settings import Settings, names_of
from folkmoot.life import GRACE_SECONDS as RUN_SECONDS
from folkmoot.realtime.socketio import PATH as SOCKET_IO
from tests.house.operations import operations
from tests.house.source import ROOT

Piece = dict[str, Any]

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "docker-compose.yml").read_text()
MANIFESTS = ROOT / "deploy" / "kubernetes"
UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
NGINX = ROOT / "deploy" / "nginx" / "folkmoot.conf"

SETTINGS = {name for key, field in Settings.model_fields.items() for name in names_of(key, field)}
OF_LIBRARIES = {"PGPASSFILE", "FORWARDED_ALLOW_IPS"}
"""Read by asyncpg and by uvicorn themselves."""

OF_COMPOSE = {"POSTGRES_IMAGE"}
"""Read by the compose file alone."""

OF_IMAGE = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
STOP_SECONDS = REQUEST_SECONDS + RUN_SECONDS
USER = 10001


@pytest.fixture(scope="module")
def services() -> dict[str, Piece]:
    found: dict[str, Piece] = yaml.safe_load(COMPOSE)["services"]
    return found


@cache
def pieces(name: str = "*.yaml") -> list[Piece]:
    paths = [path for path in sorted(MANIFESTS.glob(name)) if path.name != "kustomization.yaml"]
    return [piece for path in paths for piece in yaml.safe_load_all(path.read_text())]


def deployments() -> list[Piece]:
    return [piece for piece in pieces() if piece["kind"] == "Deployment"]


def pod_of(deployment: Piece) -> Piece:
    found: Piece = deployment["spec"]["template"]["spec"]
    return found


def only(kind: str, name: str) -> Piece:
    (found,) = [piece for piece in pieces() if piece["kind"] == kind and piece["metadata"]["name"] == name]
    return found


def image_environment() -> dict[str, str]:
    lines = re.search(r"^ENV (PATH(?:.*\\\n)*.*)", DOCKERFILE, re.MULTILINE)
    assert lines is not None
    return dict(pair.split("=", 1) for pair in lines[1].replace("\\\n", " ").split())


@pytest.fixture(scope="module")
def paths() -> set[str]:
    return {operation.path for operation in operations()}


def options_of(command: str) -> set[str]:
    """Words that begin with -- in the module of a command."""
    module = ROOT / "src" / Path(*TABLE[command].module.split(".")).with_suffix(".py")
    texts = (node.value for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Constant))
    return {text for text in texts if isinstance(text, str) and text.startswith("--")}


def check_command(words: list[str]) -> None:
    assert words[0] in TABLE
    assert {word for word in words if word.startswith("--")} <= options_of(words[0])


def check_pins(text: str) -> None:
    """An image is named as people expect it, with a version and without a registry; another may be set in its place."""
    named = re.findall(r"^(?:FROM|\s+image:) (?:\$\{[A-Z_]+:-)?([^\s}]+)", text, re.MULTILINE)
    images = set(named) - {"folkmoot:latest"}
    assert [image for image in images if not re.fullmatch(r"(python:3\.\d+-slim|postgres:\d+|redis:\d+)", image)] == []


# The image


def image_settings() -> dict[str, str]:
    return {name: value for name, value in image_environment().items() if name in SETTINGS}


def settings_from(environment: dict[str, str], patch: pytest.MonkeyPatch) -> Settings:
    """As a process reads them that has nothing else in its environment."""
    for name in SETTINGS:
        patch.delenv(name, raising=False)
    for name, value in environment.items():
        patch.setenv(name, value)
    return Settings(_env_file=None)


def test_the_image_sets_what_its_users_rely_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert image_environment().keys() - SETTINGS == OF_IMAGE
    settings = settings_from(image_settings(), monkeypatch)
    assert (settings.auth, settings.api_host, settings.api_port) == ("required", "0.0.0.0", 8000)
    assert (settings.data_dir, settings.rate_limit_per_minute, settings.access_log) == (Path("/data"), 3000, True)


def test_the_image_runs_as_nobody_in_particular() -> None:
    lines = DOCKERFILE.splitlines()
    assert f"USER {USER}:{USER}" in lines
    assert {'VOLUME ["/data"]', "EXPOSE 8000", "STOPSIGNAL SIGTERM"} <= set(lines)
    assert 'ENTRYPOINT ["folkmoot"]' in lines
    check_command(json.loads(lines[-1].removeprefix("CMD ")))
    check_pins(DOCKERFILE)


def test_the_image_is_made_of_locks_and_of_what_the_engine_is_sent() -> None:
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    copied = {word for line in lines for word in line.split()}
    assert [name for name in copied if not (ROOT / name).exists()] == []
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == sent
    assert DOCKERFILE.count(" -r requirements") == DOCKERFILE.count("--require-hashes") == 2


def health_checks() -> list[list[str]]:
    """Of the image and of the compose file."""
    of_image = re.search(r"^HEALTHCHECK(?:.*\\\n)\s+CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert of_image is not None
    return [json.loads(of_image[1]), yaml.safe_load(COMPOSE)["services"]["api"]["healthcheck"]["test"][1:]]


def test_the_health_check_asks_a_path_that_exists(paths: set[str]) -> None:
    of_image, of_compose = health_checks()
    assert of_image == of_compose
    ast.parse(of_image[2])
    asked = re.search(r"'(/health\S+)'", of_image[2])
    assert asked is not None
    assert canonical(asked[1]) in paths


# Compose


def test_compose_sets_and_asks_for_settings_only(services: dict[str, Piece]) -> None:
    asked = re.findall(r"(?<!\$)\$\{(\w+)", COMPOSE)
    assert set(asked) - SETTINGS == OF_COMPOSE
    for name in ("api", "worker"):
        environment = services[name]["environment"]
        assert environment.keys() - SETTINGS - OF_LIBRARIES == set()
        assert {"API_HOST", "API_PORT", "DB_HOST", "LOG_LEVEL"} <= environment.keys()
    assert len(asked) == len(re.findall(r"(?<!\$)\$\{\w+:-", COMPOSE)), "a stranger has set nothing"


def test_compose_starts_with_nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """What interpolation leaves, taken as the environment: an empty value is as good as none."""
    filled = re.sub(r"(?<!\$)\$\{\w+:-([^}]*)\}", r"\1", COMPOSE)
    environment = yaml.safe_load(filled)["services"]["api"]["environment"]
    given = {name: "" if value is None else str(value) for name, value in environment.items()}
    settings = settings_from({**image_settings(), **given}, monkeypatch)
    assert settings.database_url == "postgresql://postgres@postgres:5432/folkmoot", "the password is in PGPASSFILE"
    assert settings.secret_key is None


def test_compose_services_name_commands_volumes_and_each_other(services: dict[str, Piece]) -> None:
    volumes = yaml.safe_load(COMPOSE)["volumes"].keys()
    for name, service in services.items():
        assert service.get("depends_on", {}).keys() <= services.keys()
        assert {volume.split(":")[0] for volume in service.get("volumes", ())} <= volumes
        for other, how in service.get("depends_on", {}).items():
            is_checked = "healthcheck" in services[other]
            assert how["condition"] != "service_healthy" or is_checked, f"{name} waits for {other}"
    for name in ("api", "worker"):
        check_command(services[name]["command"])
        assert services[name]["read_only"] is True
        assert int(services[name]["stop_grace_period"].removesuffix("s")) > STOP_SECONDS
        assert "data:/data" in services[name]["volumes"]
    assert services["api"]["ports"] == ["8000:8000"]
    assert all("ports" not in service for name, service in services.items() if name != "api")
    check_pins(COMPOSE)


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/usr/bin/od").exists(), reason="it gives files to others")
def test_compose_makes_a_password_once(services: dict[str, Piece], tmp_path: Path) -> None:
    """The script as the engine would run it; the user `postgres` is the image's, so here the numbers stand for it."""
    (script,) = services["credentials"]["command"]
    script = script.replace("$$", "$").replace("chown postgres ", "chown 999 ")

    def run(password: str = "") -> tuple[str, str]:
        environment = {"PATH": os.environ["PATH"], "POSTGRES_PASSWORD": password}
        subprocess.run(["sh", "-euc", script], cwd=tmp_path, env=environment, check=True)
        return (tmp_path / "password").read_text(), (tmp_path / "pgpass").read_text()

    password, line = run()
    assert re.fullmatch("[0-9a-f]{48}", password)
    assert line == f"postgres:5432:*:postgres:{password}\n"
    assert run("another") == (password, line)
    kept = {name: (tmp_path / name).stat() for name in ("password", "pgpass")}
    assert {name: (stat.st_mode & 0o777, stat.st_uid) for name, stat in kept.items()} == {
        "password": (0o600, 999),
        "pgpass": (0o600, USER),
    }
    (tmp_path / "password").unlink()
    assert run("given: one") == ("given: one", "postgres:5432:*:postgres:given: one\n")


# Kubernetes


def test_the_kustomization_lists_every_manifest() -> None:
    listed = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["resources"]
    assert {*listed, "kustomization.yaml", "secret.example.yaml"} == {path.name for path in MANIFESTS.iterdir()}
    for piece in pieces():
        assert {"apiVersion", "kind", "metadata"} <= piece.keys()
        assert piece["metadata"].get("namespace", "folkmoot") == "folkmoot"


@pytest.mark.parametrize("deployment", deployments(), ids=lambda piece: piece["metadata"]["name"])
def test_pods_are_restricted_and_stop_in_time(deployment: Piece) -> None:
    pod = pod_of(deployment)
    (container,) = pod["containers"]
    check_command(container["args"])
    before_end = int(container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["", "0"])[1])
    assert pod["terminationGracePeriodSeconds"] > before_end + STOP_SECONDS
    assert pod["enableServiceLinks"] is pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == USER
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/data", "/tmp"}
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels


def test_probes_ask_paths_and_ports_that_exist(paths: set[str]) -> None:
    (container,) = pod_of(only("Deployment", "folkmoot-api"))["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": int(image_environment()["API_PORT"])}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert canonical(container[probe]["httpGet"]["path"]) in paths
        assert container[probe]["httpGet"]["port"] in ports


def test_manifests_name_settings_and_each_other() -> None:
    given = only("ConfigMap", "folkmoot")["data"].keys() | only("Secret", "folkmoot")["stringData"].keys()
    assert given - SETTINGS - OF_LIBRARIES == set()
    for deployment in deployments():
        (container,) = pod_of(deployment)["containers"]
        for entry in container["env"]:
            key = entry["valueFrom"]["secretKeyRef"]
            assert key["key"] in only("Secret", key["name"])["stringData"]
        name = deployment["metadata"]["name"]
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert only("PodDisruptionBudget", name)["spec"]["selector"]["matchLabels"] == labels
    service = only("Service", "folkmoot-api")["spec"]
    assert service["selector"] == pod_of_labels("folkmoot-api")
    (rule,) = only("Ingress", "folkmoot")["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": "folkmoot-api", "port": {"name": service["ports"][0]["name"]}}


def pod_of_labels(deployment: str) -> Piece:
    found: Piece = only("Deployment", deployment)["spec"]["template"]["metadata"]["labels"]
    return found


def test_workers_are_scaled_on_a_metric_that_exists() -> None:
    scaler, worker = only("HorizontalPodAutoscaler", "folkmoot-worker")["spec"], only("Deployment", "folkmoot-worker")
    target = {"apiVersion": worker["apiVersion"], "kind": worker["kind"], "name": worker["metadata"]["name"]}
    assert scaler["scaleTargetRef"] == target
    assert "replicas" not in worker["spec"], "else each apply sets the number back"
    (metric,) = scaler["metrics"]
    named = metric["external"]["metric"]["name"]
    assert f'"{named}"' in (ROOT / "src/folkmoot/ops/metrics.py").read_text()
    assert named in (ROOT / "docs/deployment.md").read_text()


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl")
def test_kustomize_builds_the_manifests(tmp_path: Path) -> None:
    """Offline: `kubectl kustomize` speaks to no cluster."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}
    done = subprocess.run(["kubectl", "kustomize", str(MANIFESTS)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    assert len(built) == len(pieces()) - 1
    images = {pod_of(piece)["containers"][0]["image"] for piece in built if piece["kind"] == "Deployment"}
    assert len(images) == 1
    assert "folkmoot" not in images, "without a version"


# systemd and nginx


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_start_commands_that_exist_and_stop_in_time(unit: Path) -> None:
    text = unit.read_text()
    (started,) = re.findall(r"^ExecStart=/opt/folkmoot/bin/folkmoot (\w+) \$\w+_OPTIONS$", text, re.MULTILINE)
    assert started in TABLE
    (patience,) = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert int(patience) > STOP_SECONDS
    assert set(re.findall(r"^Environment=(\w+)=", text, re.MULTILINE)) <= SETTINGS


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text().replace("/opt/folkmoot/bin/folkmoot", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / unit.name) for unit in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "folkmoot" in line]
    assert (done.returncode, ours) == (0, [])


def test_the_proxy_passes_on_what_sockets_and_streams_need() -> None:
    text = NGINX.read_text()
    for directive in (
        "proxy_http_version 1.1",
        "proxy_set_header Host $http_host",
        "proxy_set_header Upgrade $http_upgrade",
        "proxy_set_header X-Forwarded-For $remote_addr",
        "proxy_set_header X-Forwarded-Proto $scheme",
        "proxy_buffering off",
        "client_max_body_size 50m",
        f"location {SOCKET_IO} {{",
    ):
        assert directive in text
    assert {"127.0.0.1:8000"} == set(re.findall(r"server (\S+:\d+);", text))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A folder with a key and a certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "folkmoot.example.org")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(now()).not_valid_after(now() + timedelta(days=1)).sign(key, hashes.SHA256())
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (tmp_path / "fullchain.pem").write_bytes(signed.public_bytes(pem))
    (tmp_path / "privkey.pem").write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    return tmp_path


@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx")
def test_nginx_takes_the_example(certificate: Path) -> None:
    text = NGINX.read_text().replace("/etc/ssl/folkmoot", str(certificate))
    text = re.sub(r"listen (?!\[)\d+( ssl http2)?;", r"listen unix:" + str(certificate) + r"/\1.socket\1;", text)
    text = re.sub(r"listen \[::\].*;\n", "", text.replace("/ ssl http2.socket", "/tls.socket"))
    (certificate / "folkmoot.conf").write_text(text)
    http = "http { access_log off; include folkmoot.conf; }"
    whole = f"pid {certificate}/pid; error_log stderr;\nevents {{}}\n{http}\n"
    (certificate / "nginx.conf").write_text(whole)
    command = ["nginx", "-t", "-e", "stderr", "-p", str(certificate), "-c", str(certificate / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
