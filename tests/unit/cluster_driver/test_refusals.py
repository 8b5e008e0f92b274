"""What services say, and whether it is final."""

from __future__ import annotations

import pytest
from openstack import exceptions

from rehearsal.cluster.refusals import passes, refusal


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ("Quota exceeded for cores", "Quota exceeded for cores"),
        ('{"faultstring": "no such subnet"}', "no such subnet"),
        ('{"message": "taken"}', "taken"),
        ("[1]", "[1]"),
    ],
)
def test_the_services_own_words(details: str, words: str) -> None:
    assert refusal(exceptions.ForbiddenException("ForbiddenException: 403", details=details)) == words


def test_without_details_the_exception_speaks() -> None:
    assert refusal(ValueError("the network n has no subnet")) == "the network n has no subnet"


@pytest.mark.parametrize(("status", "soon"), [(403, False), (409, False), (400, False), (401, True), (503, True)])
def test_which_answers_are_final(status: int, soon: bool) -> None:
    assert passes(exceptions.HttpException("x", http_status=status)) is soon


def test_an_error_without_an_answer_is_final() -> None:
    assert not passes(exceptions.SDKException("the network n has no subnet"))
