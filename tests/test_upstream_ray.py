"""What ``vn prepare --over ray`` uses of Ray beyond what it documents; see test_upstream.py."""

import os
import subprocess
import sys

import pytest
from undocumented import uses

SCRIPT = """
import inspect
from vn.environment import set_ray_variables
set_ray_variables(alone=True)
import ray
from ray._private import ray_logging, services, worker
assert services.resolve_ip_for_localhost("127.0.0.1") == "127.0.0.1", services.resolve_ip_for_localhost("127.0.0.1")
assert "_node_ip_address" in inspect.getsource(worker.init)
assert "RAY_DEDUP_LOGS_SKIP_REGEX" in inspect.getsource(ray_logging)
"""


@uses(
    "ray",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER",
    "_node_ip_address",
    "RAY_DEDUP_LOGS_SKIP_REGEX",
    breaks="a Ray that is started here listens on all interfaces, or prints each worker's death in its own words",
)
def test_a_ray_on_this_machine_alone_uses_the_loopback_address():
    pytest.importorskip("ray")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
