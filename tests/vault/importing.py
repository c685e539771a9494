"""Takes files into a pod, as the importers' tests do; samples, a table and its mapping."""

import io
from pathlib import Path
from typing import Any

from vault.importers import run
from vault.models import Pod

SAMPLES = Path(__file__).parent.parent / "samples"
SECRET = "비밀-2b7e"
RRN = "900101-1234567"
PURCHASES = {
    "category": "purchase",
    "fields": {
        "shop": {"column": "가맹점명"},
        "at": {"columns": ["승인일자", "승인시각"], "date": ["%Y.%m.%d %H:%M"]},
        "total.amount": {"column": "금액"},
        "total.currency": {"constant": "KRW"},
        "channel": {"column": "구분", "values": {"온라인": "online", "매장": "store"}},
        "returned": {"column": "취소"},
        "items.product": {"column": "상품"},
    },
}
HEADER = "가맹점명,승인일자,승인시각,금액,구분,취소,상품\n"
GOOD = '봄꽃시장,2026.03.01,14:05,"12,900원",매장,N,튤립\n'


def take(pod: Pod, data: bytes | str, kind: str, **more: Any) -> run.Report:
    raw = data.encode() if isinstance(data, str) else data
    return run.import_file(pod, io.BytesIO(raw), kind, **more)


def problems(report: run.Report) -> list[tuple[int, str]]:
    return [(problem.line, problem.reason) for problem in report.problems]
