import base64

import pytest

from ferrite.objects import Metadata, Secret
from speaker.members.key import key_source


def secret(text: str) -> Secret:
    return Secret(metadata=Metadata(name="members"), data={"secretkey": text})


MADE = secret(base64.b64encode(b"made\n").decode())


@pytest.mark.parametrize(
    ("found", "file", "key"),
    [
        pytest.param(None, None, b"", id="neither"),
        pytest.param(None, "mounted\n", b"mounted", id="file"),
        pytest.param(MADE, None, b"made", id="secret"),
        pytest.param(MADE, "mounted", b"made", id="the-secret-is-newer"),
        pytest.param(secret("no base64"), "mounted", b"mounted", id="unreadable"),
        pytest.param(Secret(metadata=Metadata(name="members")), "mounted", b"mounted", id="another-field"),
    ],
)
def test_the_key_is_wherever_it_is_first(tmp_path, found, file, key):
    if file is not None:
        (tmp_path / "secretkey").write_text(file)
    assert key_source(str(tmp_path), lambda: found)() == key


def test_without_a_directory_there_is_no_file():
    assert key_source("", lambda: None)() == b""
