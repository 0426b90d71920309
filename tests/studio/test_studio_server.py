"""The server of the studio: this machine only, a secret path, nothing but reading."""

import http.client

import pytest

from keras_musicvae.errors import OutputError
from keras_musicvae.studio.server import StudioServer


def ask(server, path: str, method: str = "GET", host: str | None = None):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    headers = {"Host": host} if host else {}
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def test_the_page_is_served_below_the_token(server, site):
    answer, content = ask(server, f"/{server.token}/")
    assert (answer.status, content) == (200, site["index.html"])
    answer, content = ask(server, f"/{server.token}/model/lstm.js?x=1")
    assert (answer.status, content) == (200, site["model/lstm.js"])
    assert answer.headers["Content-Type"].startswith("text/javascript")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    answer, content = ask(server, f"/{server.token}/", "HEAD")
    assert (answer.status, content) == (200, b"")


@pytest.mark.parametrize(
    "path", ["/", "/index.html", "//", "/{}x/", "/{}/../conftest.py", "/{}/absent.js"]
)
def test_other_paths_are_not_there(server, path):
    assert ask(server, path.format(server.token))[0].status == 404


def test_other_hosts_are_refused(server):
    path = f"/{server.token}/"
    assert ask(server, path, host="evil.example")[0].status == 404
    local = f"localhost:{server.server_port}"
    assert ask(server, path, host=local)[0].status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_sent(server, method):
    assert ask(server, f"/{server.token}/", method)[0].status == 501


def test_it_listens_on_loopback_with_a_token_of_its_own(server, site):
    assert server.server_address[0] == "127.0.0.1"
    with StudioServer(site) as other:
        assert len(other.token) >= 20
        assert other.token != server.token


def test_a_port_that_is_taken_is_one_line(server):
    with pytest.raises(OutputError, match=f"port {server.server_port}"):
        StudioServer({}, server.server_port)
