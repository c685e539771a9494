"""Korean particles follow the sound before them."""

import pytest

from portal.customer import particles


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("마루호텔[과/와] 연결됐어요", "마루호텔과 연결됐어요"),
        ("나루마트[과/와] 연결됐어요", "나루마트와 연결됐어요"),
        ("서울[으로/로]", "서울로"),
        ("부산[으로/로]", "부산으로"),
        ("제주[으로/로]", "제주로"),
        ("Naru Mart[은/는]", "Naru Mart는"),
        ("Maru Hotel[은/는]", "Maru Hotel은"),
        ("24[을/를]", "24를"),
        ("GS 25[이/가]", "GS 25가"),
        ("13[이/가]", "13이"),
        ("아무것도 없음", "아무것도 없음"),
        ("<b>마루호텔</b>[과/와]", "<b>마루호텔</b>과"),
    ],
)
def test_the_fitting_particle_is_left(written: str, read: str) -> None:
    assert particles.fit(written) == read
