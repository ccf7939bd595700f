"""Google Cloud Storage without Beam: credentials, an artifact's files, an object replaced safely.

Every call is tried again, later each time, where the server is busy or a connection is cut.
"""

import base64
import hashlib
import os
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from model.errors import ArtifactError, UserError
from model.extras import Extra, require_extra

SCHEME = "gs://"
EMULATOR_VARIABLE = "STORAGE_EMULATOR_HOST"
"""Google's name for a server that stands in for theirs; no credentials are looked for then."""
METADATA_SECONDS = 2
"""A metadata server answers in milliseconds."""
ACCESS_SECONDS = 60.0
MAX_SWITCHES = 50


def is_cloud(path: object) -> bool:
    """Says whether a path lies in Google Cloud Storage.

    >>> is_cloud("gs://bucket/tweets.jsonl"), is_cloud("/data/tweets.jsonl")
    (True, False)
    """
    return str(path).startswith(SCHEME)


def split_uri(uri: str) -> tuple[str, str]:
    """Returns the bucket and the object's name.

    Raises:
        UserError: there is no bucket in it.

    >>> split_uri("gs://bucket/models/1/")
    ('bucket', 'models/1/')
    """
    bucket, _, name = uri.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise UserError(f"{uri!r} names no bucket; it must be gs://BUCKET/NAME")
    return bucket, name


@lru_cache(maxsize=1)
def open_client() -> Any:
    """Returns the process's client, with the credentials of the environment.

    Raises:
        MissingExtraError: Google's packages are not installed.
        UserError: there are no credentials.
    """
    require_extra(Extra.GCP, SCHEME)
    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415
    from google.cloud import storage  # noqa: PLC0415

    if os.environ.get(EMULATOR_VARIABLE):
        return storage.Client(project="emulator", credentials=AnonymousCredentials())
    credentials, project = _find_credentials()
    return storage.Client(project=project, credentials=credentials)


def look_for_credentials(*paths: str) -> None:
    """Tells that there are none before Beam is imported, which takes seconds.

    Raises:
        UserError: a path lies in Google Cloud Storage, and there are no credentials.
    """
    if any(map(is_cloud, paths)):
        open_client()


def _find_credentials() -> tuple[Any, str | None]:
    import google.auth  # noqa: PLC0415
    from google.auth.exceptions import DefaultCredentialsError  # noqa: PLC0415
    from google.cloud import storage  # noqa: PLC0415

    try:
        credentials, project = google.auth.default(
            scopes=storage.Client.SCOPE, request=_ask_metadata_once
        )
    except (DefaultCredentialsError, _NoMetadataServerError) as error:
        named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
        fault = f"is {named!r} ({_first_line(error)})" if named else "is not set"
        raise UserError(
            f"no credentials for gs://: looked at GOOGLE_APPLICATION_CREDENTIALS, which {fault}, "
            f"at gcloud's own, and for a metadata server for {METADATA_SECONDS} s. Run `gcloud "
            "auth application-default login`, or name a key file in "
            "GOOGLE_APPLICATION_CREDENTIALS, or give the VM a service account"
        ) from error
    return credentials, project


class _NoMetadataServerError(Exception):
    """No metadata server is there to ask."""


def _ask_metadata_once(url: str, **request: Any) -> Any:
    """Sends a request for google.auth, which asks a metadata server up to three times by itself."""
    from google.auth.exceptions import TransportError  # noqa: PLC0415
    from google.auth.transport.requests import Request  # noqa: PLC0415

    if "metadata-flavor" not in (request.get("headers") or {}):
        return Request()(url, **request)
    try:
        return Request()(url, **(request | {"timeout": METADATA_SECONDS}))
    except TransportError as error:
        raise _NoMetadataServerError from error


def check_access(uris: Iterable[str]) -> None:
    """Lists an object under each prefix, so that what is not permitted is told before a job starts.

    Args:
        uris: objects, prefixes or patterns, of which the part before a wildcard counts.

    Raises:
        UserError: there is no such bucket, it may not be listed, or it cannot be reached.
    """
    for bucket, prefix in sorted({split_uri(re.split(r"[*?\[]", uri)[0]) for uri in uris}):
        client = open_client()
        where = f"{SCHEME}{bucket}"
        _explained(where, lambda: list(_list(client, bucket, prefix, max_results=1)))  # noqa: B023


def list_objects(prefix: str) -> list[tuple[str, int, int]]:
    """Returns URI, size in bytes and generation of the objects whose URI begins so, in one listing.

    Raises:
        UserError: the bucket is not there, may not be listed, or cannot be reached.
    """
    bucket, name = split_uri(prefix)
    client = open_client()
    found = _explained(prefix, lambda: list(_list(client, bucket, name)))
    return [(f"{SCHEME}{bucket}/{blob.name}", blob.size, blob.generation) for blob in found]


def find_object(uri: str) -> tuple[int, int] | None:
    """Returns size in bytes and generation of one object; None where there is none of this name.

    Raises:
        UserError: the bucket may not be read, or cannot be reached.
    """
    from google.cloud.storage.retry import DEFAULT_RETRY  # noqa: PLC0415

    bucket, name = split_uri(uri)
    client = open_client()
    retry = DEFAULT_RETRY.with_timeout(ACCESS_SECONDS)
    blob = _explained(uri, lambda: client.bucket(bucket).get_blob(name, retry=retry))
    return None if blob is None else (blob.size, blob.generation)


def fetch_directory(uri: str) -> Path:
    """Copies the objects right under a prefix to this machine's cache, and returns where they are.

    The directory's name holds the generations of the objects: what was replaced is copied anew,
    and what is there already is not. Processes that copy at once do not disturb each other.

    Raises:
        ArtifactError: there is no object under the prefix.
        UserError: it cannot be read.
    """
    bucket, name = split_uri(uri)
    prefix = name.rstrip("/") + "/" if name.rstrip("/") else ""
    client = open_client()
    found = _explained(uri, lambda: list(_list(client, bucket, prefix, delimiter="/")))
    blobs = {blob.name.removeprefix(prefix): blob for blob in found if blob.name != prefix}
    if not blobs:
        raise ArtifactError(f"{uri} is no artifact: there is no object under {prefix}")
    generations = sorted((name, blob.generation) for name, blob in blobs.items())
    key = hashlib.sha256(repr((bucket, prefix, generations)).encode()).hexdigest()[:32]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mm-emor"
    directory = cache / key
    if all(_is_copy(directory / name, blob) for name, blob in blobs.items()):
        return directory
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="copying-") as copying:
        whole = Path(copying) / key
        whole.mkdir()
        for name, blob in blobs.items():
            _explained(uri, lambda: _download(blob, whole / name))  # noqa: B023
        _put_in_place(whole, directory)
    return directory


def _put_in_place(whole: Path, directory: Path) -> None:
    """Renames a directory; where another process was first, its files are replaced by the same."""
    try:
        whole.rename(directory)
    except OSError:
        for file in whole.iterdir():
            file.replace(directory / file.name)


def replace_object(uri: str, change: Callable[[bytes | None], bytes]) -> None:
    """Replaces an object by what `change` makes of it; nobody else's change is lost.

    It is written only if its generation is still the one that was read, and read again if not.

    Args:
        uri: the object; it need not be there.
        change: called with its bytes, or None; more than once, where others change it too.

    Raises:
        RuntimeError: others have changed it 50 times in between.
    """
    from google.api_core.exceptions import NotFound, PreconditionFailed  # noqa: PLC0415
    from google.cloud.storage.exceptions import DataCorruption  # noqa: PLC0415
    from google.cloud.storage.retry import DEFAULT_RETRY  # noqa: PLC0415

    bucket, name = split_uri(uri)
    for _ in range(MAX_SWITCHES):
        blob = open_client().bucket(bucket).get_blob(name, retry=DEFAULT_RETRY)
        generation = blob.generation if blob else 0
        try:
            content = (
                blob.download_as_bytes(if_generation_match=generation, retry=DEFAULT_RETRY)
                if blob
                else None
            )
            open_client().bucket(bucket).blob(name).upload_from_string(
                change(content),
                content_type="application/json",
                if_generation_match=generation,
                retry=DEFAULT_RETRY,
            )
        except (NotFound, PreconditionFailed, DataCorruption):
            # Also where the answer to a write of ours was lost: it is read, and written once more.
            time.sleep(random.uniform(0, 0.5))  # noqa: S311  (no secret)
            continue
        return
    raise RuntimeError(f"{uri} was changed by others {MAX_SWITCHES} times while it was replaced")


def _list(client: Any, bucket: str, prefix: str, **options: Any) -> Any:
    from google.cloud.storage.retry import DEFAULT_RETRY  # noqa: PLC0415

    retry = DEFAULT_RETRY.with_timeout(ACCESS_SECONDS)
    return client.list_blobs(bucket, prefix=prefix, retry=retry, **options)


def _download(blob: Any, path: Path) -> None:
    from google.cloud.storage.retry import DEFAULT_RETRY  # noqa: PLC0415

    blob.download_to_filename(str(path), if_generation_match=blob.generation, retry=DEFAULT_RETRY)


def _explained(uri: str, call: Callable[[], Any]) -> Any:
    """Returns what a call does; what the storage refuses becomes one line.

    Raises:
        UserError: it is not there, not permitted, or not within reach.
    """
    from google.api_core.exceptions import GoogleAPIError, NotFound  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from requests import RequestException  # noqa: PLC0415

    try:
        return call()
    except NotFound as error:
        raise UserError(f"{uri} does not exist: {_first_line(error)}") from error
    except GoogleAuthError as error:
        raise UserError(
            f"{uri}: the credentials were refused: {_first_line(error)}; "
            "`gcloud auth application-default login` renews a person's own"
        ) from error
    except (GoogleAPIError, RequestException) as error:
        raise UserError(f"{uri} cannot be used: {_first_line(error)}") from error


def _first_line(error: Exception | None) -> str:
    return str(error).strip().partition("\n")[0]


def _is_copy(path: Path, blob: Any) -> bool:
    """Says whether a file has an object's size and, where the storage knows it, its MD5."""
    if not path.is_file() or path.stat().st_size != blob.size:
        return False
    if not blob.md5_hash:  # of an object that was composed of others
        return True
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
    return bool(base64.b64encode(digest).decode("ascii") == blob.md5_hash)
