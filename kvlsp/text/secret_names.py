"""Which files may hold secrets, by their names alone: they are shown to no model unasked, and kept nowhere."""

from __future__ import annotations

import fnmatch
import re
from typing import Final
from urllib.parse import unquote, urlsplit

SECRETS: Final = (
    ".env*", "*.env", "env.local", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.asc",
    "*.ovpn", "*.gpg", "*.ppk", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*",
    "credential", "credentials", "credential.*",
    "credentials.*", "*.credentials", "*-credentials.*", "*_credentials.*", "secret", "secrets", "secret.*", "*.secret",
    "secrets.*", "*.secrets", "*.tfvars", "*.tfstate*", "*service-account*.json", "*service_account*.json", ".netrc",
    "_netrc", ".npmrc", ".pypirc", ".htpasswd", ".git-credentials", ".pgpass", ".dockercfg", ".vault*",
)  # fmt: skip
"""File names, compared without case. Source files called ``secrets`` are left out with the rest on purpose."""
SECRET_FOLDERS: Final = frozenset({".ssh", ".aws", ".gnupg", ".azure", ".kube", ".docker", "secrets", "credentials"})

_SECRET: Final = re.compile("|".join(fnmatch.translate(glob) for glob in SECRETS))


def secret_name(name: str) -> bool:
    """Whether a file of this name may hold secrets."""
    return _SECRET.match(name.lower()) is not None


def secret_folder(name: str) -> bool:
    """Whether the files of a folder of this name may."""
    return name.lower() in SECRET_FOLDERS


def secret_uri(uri: str) -> bool:
    """Whether a document may, by its name or that of any folder above it."""
    try:
        *folders, name = unquote(urlsplit(uri).path).split("/")
    except ValueError:
        return True
    return secret_name(name) or any(map(secret_folder, folders))
