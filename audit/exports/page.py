"""보고서.html: what was checked, yes or no, and the first counter-example, on one A4 page."""

from collections.abc import Mapping
from html import escape
from typing import Any

from audit.exports.cutting import Cut
from audit.exports.tables import in_korea

_ANSWERS = {"yes": "예 yes", "no": "아니요 no", "not checked": "– 확인 안 함 not checked"}
_PAGE = """<!doctype html>
<html lang="ko"><head><meta charset="utf-8"><title>기록 검증 보고서</title><style>
@page {{ size: A4; margin: 16mm }}
body {{ font: 10.5pt/1.45 "Pretendard", "Malgun Gothic", "Apple SD Gothic Neo", sans-serif;
 max-width: 178mm; margin: 0 auto; padding: 8mm 0; color: #111; word-break: keep-all }}
h1 {{ font-size: 17pt; margin: 0 }} p, dl, table {{ margin: 3.5mm 0 }}
.answer {{ font-size: 14pt; font-weight: 700; padding: 3mm 4mm; border: 1.5pt solid }}
.yes {{ color: #0a5c36 }} .no {{ color: #a4161a }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ border-bottom: .5pt solid #999; padding: 1.2mm 2mm 1.2mm 0; text-align: left }}
dt {{ float: left; clear: left; width: 34mm; color: #555 }} dd {{ margin: 0 0 1mm 36mm }}
code {{ font-size: 9pt; overflow-wrap: anywhere }} small {{ color: #555 }}
</style></head><body>
<h1>기록 검증 보고서 <small>Verification report</small></h1>
<p class="answer {css}">{answer}</p>
<dl><dt>로그 log</dt><dd>{log}</dd>
<dt>범위 range</dt><dd>{first:,} – {last:,} ({count:,}건 entries)</dd>
<dt>내보낸 때 made</dt><dd>{kst} KST = {utc} UTC</dd>
<dt>서명된 뿌리 root</dt><dd><code>{root}</code></dd>
<dt>로그 열쇠 key</dt><dd><code>{key}</code></dd></dl>
<table><tr><th>무엇을 확인했나 · what was checked</th><th>답 · answer</th></tr>
{rows}</table>
{counter}
<p><small>이 쪽은 내보낼 때 함께 들어간 검증기(verify.py)가 낸 답입니다. 믿지 마시고 직접 확인하십시오:
<code>python3 verify.py --key (따로 받은 열쇠)</code><br>
This page is what verify.py answered when the bundle was made. Do not take our word: run it yourself,
with the key that you got elsewhere.</small></p>
</body></html>
"""


_VERDICTS = {
    True: "확인했습니다. 어긋난 것이 없습니다. · Verified. Nothing is amiss.",
    False: "어긋난 것을 찾았습니다. · Something is amiss.",
}


def page(cut: Cut, report: Mapping[str, Any], key: str) -> bytes:
    """Return the page; `report` is what verify.py wrote."""
    return _PAGE.format(
        css="yes" if report["verified"] else "no",
        answer=_VERDICTS[report["verified"]],
        log=escape(report["log"]),
        first=cut.first,
        last=cut.last,
        count=cut.last - cut.first,
        utc=cut.made_at[:19].replace("T", " "),
        kst=in_korea(cut.made_at),
        root=escape(cut.note.split("\n")[2]),
        key=escape(key),
        rows="".join(_row(check) for check in report["checks"].values()),
        counter=_counter_example(report),
    ).encode()


def _row(check: Mapping[str, Any]) -> str:
    css = {"yes": "yes", "no": "no"}.get(check["answer"], "")
    number = f" ({check['findings']:,})" if check["findings"] else ""
    return (
        f"<tr><td>{escape(check['ko'])}<br><small>{escape(check['en'])}</small></td>"
        f'<td class="{css}">{_ANSWERS[check["answer"]]}{number}</td></tr>\n'
    )


def _counter_example(report: Mapping[str, Any]) -> str:
    if not report["findings"]:
        return ""
    first = report["findings"][0]
    return (
        "<p><b>처음 어긋난 것 · first counter-example</b><br>"
        f"{escape(first['ko'])}<br><small>{escape(first['en'])}</small></p>"
    )
