"""Names that tell of secrets, of files, of folders and of documents."""

from __future__ import annotations

import pytest

from kvlsp.text.secret_names import secret_folder, secret_name, secret_uri


@pytest.mark.parametrize("name", [".env", ".ENV.local", "server.key", "id_rsa", "credentials.json", "prod.tfvars"])
def test_names_of_secrets(name):
    assert secret_name(name)


@pytest.mark.parametrize("name", ["environment.py", "keys.py", "main.rs", "", "credential_store.go"])
def test_names_of_source(name):
    assert not secret_name(name)


@pytest.mark.parametrize(("uri", "tells"), [
    ("file:///home/me/project/app.py", False),
    ("file:///home/me/project/%2Eenv", True),
    ("file:///C:/Users/me/.SSH/config", True),
    ("vscode-remote://ssh-remote%2Bhost/srv/secrets/a.py", True),
    ("untitled:Untitled-1", False),
    ("file://[broken/a.py", True),
])
def test_a_document_is_judged_by_its_whole_path(uri, tells):
    assert secret_uri(uri) is tells


def test_folders_are_compared_without_case():
    assert secret_folder(".AWS")
    assert not secret_folder("src")
