"""The shortest look at the page in a real browser, where there is one: a sample is clicked, and found."""

from __future__ import annotations

from tests.service.page.conftest import Watched


def test_a_sample_is_found(seen: Watched) -> None:
    seen.click_sample(1)
    assert "Found" in seen.page.inner_text("#verdict")
    assert seen.page.locator(".marker").count() == 1
