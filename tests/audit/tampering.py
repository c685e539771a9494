"""Ways to change a bundle, each with what must be found."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.audit.made_bundles import Maker, encoded, leaf_hash, listed_anew, note, root_of, vkey

FORGER = Ed25519PrivateKey.from_private_bytes(b"f" * 32)
BEFORE = 9
Tamper = Callable[[Path], None]
CASES: dict[str, tuple[frozenset[str], Tamper]] = {}


def tampered(*codes: str) -> Callable[[Tamper], Tamper]:
    """Register a way to change a bundle, and what must be found."""

    def register(tamper: Tamper) -> Tamper:
        CASES[tamper.__name__] = (frozenset(codes), tamper)
        return tamper

    return register


def bundle(directory: Path) -> Path:
    """A sound bundle with an earlier checkpoint and openings."""
    maker = Maker()
    openings = [maker.opened(4, '{"person":"p","x":"서울"}'), maker.opened(6, '{"person":"p"}')]
    return maker.write(directory, before=BEFORE, openings=openings)


def leaves(path: Path) -> list[bytes]:
    return (path / "leaves.ndjson").read_bytes().splitlines()


def put_leaves(path: Path, found: list[bytes]) -> None:
    (path / "leaves.ndjson").write_bytes(b"".join(leaf + b"\n" for leaf in found))
    listed_anew(path)


def edit(path: Path, name: str, old: bytes, new: bytes) -> None:
    data = (path / name).read_bytes()
    assert old in data
    (path / name).write_bytes(data.replace(old, new, 1))


def listed(path: Path, **changes: object) -> None:
    found = json.loads((path / "manifest.json").read_text()) | changes
    (path / "manifest.json").write_text(json.dumps(found))


@tampered("file-altered", "root-wrong")
def one_bit_of_a_leaf(path: Path) -> None:
    data = bytearray((path / "leaves.ndjson").read_bytes())
    at = data.index(b'"commitment":"') + 14
    data[at] ^= 1
    (path / "leaves.ndjson").write_bytes(bytes(data))


@tampered("root-wrong")
def a_purpose_changed_and_listed_anew(path: Path) -> None:
    edit(path, "leaves.ndjson", b"ServicePersonalisation", b"ServicePersonalizatio1")
    listed_anew(path)


@tampered("root-wrong")
def two_leaves_swapped(path: Path) -> None:
    found = leaves(path)
    found[0], found[1] = found[1], found[0]
    put_leaves(path, found)


@tampered("root-wrong", "range-wrong")
def the_tail_dropped(path: Path) -> None:
    put_leaves(path, leaves(path)[:-3])


@tampered("root-wrong", "size-wrong", "export-missing")
def the_tail_dropped_and_renumbered(path: Path) -> None:
    put_leaves(path, leaves(path)[:-3])
    listed(path, last=len(leaves(path)))


@tampered("root-wrong", "range-wrong")
def a_leaf_in_the_middle_dropped(path: Path) -> None:
    found = leaves(path)
    put_leaves(path, found[:7] + found[8:])


@tampered("root-wrong", "range-wrong")
def a_leaf_inserted(path: Path) -> None:
    found = leaves(path)
    put_leaves(path, [*found[:7], found[7], *found[7:]])


@tampered("range-wrong", "file-needed", "export-missing")
def the_range_renumbered(path: Path) -> None:
    listed(path, first=1)


@tampered("signature-wrong")
def one_bit_of_the_signature(path: Path) -> None:
    text, _, line = (path / "checkpoint-last.note").read_text()[:-1].rpartition(" ")
    blob = bytearray(base64.b64decode(line))
    blob[40] ^= 1
    made = f"{text} {base64.b64encode(bytes(blob)).decode()}\n"
    (path / "checkpoint-last.note").write_text(made)
    listed_anew(path)


@tampered("signature-wrong")
def the_signed_size_changed(path: Path) -> None:
    edit(path, "checkpoint-last.note", b"\n26\n", b"\n27\n")
    listed_anew(path)


@tampered("signature-unknown")
def signed_by_somebody_else(path: Path) -> None:
    hashes = [leaf_hash(each) for each in leaves(path)]
    (path / "checkpoint-last.note").write_bytes(note(len(hashes), root_of(hashes), FORGER))
    listed_anew(path)


@tampered("root-wrong", "consistency-wrong")
def the_root_replaced_and_signed_with_the_true_key(path: Path) -> None:
    (path / "checkpoint-last.note").write_bytes(note(26, bytes(32)))
    listed_anew(path)


@tampered("origin-wrong")
def the_checkpoint_of_another_log(path: Path) -> None:
    hashes = [leaf_hash(each) for each in leaves(path)]
    other = "other.example/log"
    (path / "checkpoint-last.note").write_bytes(note(26, root_of(hashes), name=other))
    with (path / "policy.tlog").open("a") as policy:
        policy.write(f"log {vkey(name=other)}\n")
    listed_anew(path)


@tampered("note-malformed")
def a_checkpoint_that_is_none(path: Path) -> None:
    (path / "checkpoint-last.note").write_text("trust me\n")
    listed_anew(path)


@tampered("history-rewritten", "consistency-wrong")
def an_earlier_checkpoint_of_another_history(path: Path) -> None:
    (path / "checkpoint-first.note").write_bytes(note(BEFORE, bytes(32)))
    listed_anew(path)


@tampered("consistency-wrong")
def a_hash_of_the_consistency_proof(path: Path) -> None:
    rows = (path / "consistency.proof").read_text().split("\n")
    rows[1] = base64.b64encode(bytes(32)).decode()
    (path / "consistency.proof").write_text("\n".join(rows))
    listed_anew(path)


@tampered("consistency-wrong")
def a_consistency_proof_cut_short(path: Path) -> None:
    rows = (path / "consistency.proof").read_text().split("\n")
    del rows[1]
    (path / "consistency.proof").write_text("\n".join(rows))
    listed_anew(path)


@tampered("file-needed")
def the_consistency_proof_taken_out(path: Path) -> None:
    (path / "consistency.proof").unlink()
    listed_anew(path)


@tampered("file-missing")
def a_file_removed(path: Path) -> None:
    (path / "openings.ndjson").unlink()


@tampered("file-missing")
def the_leaves_removed(path: Path) -> None:
    (path / "leaves.ndjson").unlink()


@tampered("file-needed", "signature-unknown")
def the_policy_removed_and_unlisted(path: Path) -> None:
    (path / "policy.tlog").unlink()
    listed_anew(path)


@tampered("file-malformed", "signature-unknown")
def a_policy_with_a_broken_key(path: Path) -> None:
    edit(path, "policy.tlog", b"+", b"+0")
    listed_anew(path)


@tampered("count-wrong")
def a_count_in_the_manifest(path: Path) -> None:
    found = json.loads((path / "manifest.json").read_text())
    found["files"]["leaves.ndjson"]["lines"] += 1
    listed(path, files=found["files"])


@tampered("count-wrong")
def hidden_entries_that_are_none(path: Path) -> None:
    listed(path, hidden=2)


@tampered("count-wrong")
def an_entry_hidden_behind_its_hash(path: Path) -> None:
    found = leaves(path)
    found[4] = b'"' + leaf_hash(found[4]).hex().encode() + b'"'
    put_leaves(path, found)


@tampered("file-altered")
def a_table_made_prettier(path: Path) -> None:
    (path / "entries.csv").write_text("index\n1\n")
    listed_anew(path)
    (path / "entries.csv").write_text("index\n2\n")


@tampered("opening-wrong")
def an_opening_with_another_detail(path: Path) -> None:
    edit(path, "openings.ndjson", b"\\uc11c", b"\\ubd80")
    listed_anew(path)


@tampered("opening-wrong")
def an_opening_with_another_r(path: Path) -> None:
    rows = [json.loads(row) for row in (path / "openings.ndjson").read_bytes().splitlines()]
    rows[0]["r"], rows[1]["r"] = rows[1]["r"], rows[0]["r"]
    (path / "openings.ndjson").write_bytes(b"".join(encoded(row) + b"\n" for row in rows))
    listed_anew(path)


@tampered("opening-nowhere")
def an_opening_of_an_entry_without_commitment(path: Path) -> None:
    edit(path, "openings.ndjson", b'"index":4', b'"index":3')
    listed_anew(path)


@tampered("opening-nowhere")
def an_opening_beyond_the_end(path: Path) -> None:
    edit(path, "openings.ndjson", b'"index":6', b'"index":99')
    listed_anew(path)


@tampered("erasures-wrong")
def an_erasure_kept_quiet(path: Path) -> None:
    rows = (path / "erasures.ndjson").read_bytes().splitlines(keepends=True)
    (path / "erasures.ndjson").write_bytes(rows[0])
    listed_anew(path)


@tampered("erasures-wrong")
def an_erasure_made_up(path: Path) -> None:
    with (path / "erasures.ndjson").open("ab") as rows:
        rows.write(b'{"index":24,"type":"pod.erased"}\n')
    listed_anew(path)


@tampered("leaf-malformed", "root-wrong")
def a_leaf_with_the_same_key_twice(path: Path) -> None:
    found = leaves(path)
    found[4] = found[4].replace(b'"epoch":1', b'"epoch":9,"epoch":1')
    put_leaves(path, found)


@tampered("leaf-malformed", "root-wrong")
def a_leaf_with_blanks(path: Path) -> None:
    put_leaves(path, [leaves(path)[0].replace(b":", b": ", 1), *leaves(path)[1:]])


@tampered("leaf-malformed", "root-wrong")
def a_leaf_in_another_order(path: Path) -> None:
    fields = json.loads(leaves(path)[0])
    turned = json.dumps(dict(reversed(fields.items())), separators=(",", ":"))
    put_leaves(path, [turned.encode(), *leaves(path)[1:]])


@tampered("leaf-malformed", "root-wrong")
def a_leaf_with_hangul_in_it(path: Path) -> None:
    put_leaves(path, [leaves(path)[0].replace(b"operator", b"\\ud55c"), *leaves(path)[1:]])


@tampered("leaf-malformed", "root-wrong")
def a_leaf_that_is_no_json(path: Path) -> None:
    put_leaves(path, [b"{" * 4000, *leaves(path)[1:]])


@tampered("leaf-malformed", "root-wrong")
def a_leaf_of_nested_lists(path: Path) -> None:
    put_leaves(path, [b"[" * 4000 + b"]" * 90, *leaves(path)[1:]])


@tampered("file-malformed", "file-altered")
def the_last_line_cut_off(path: Path) -> None:
    data = (path / "leaves.ndjson").read_bytes()
    (path / "leaves.ndjson").write_bytes(data[:-10])


@tampered("file-malformed")
def statements_that_are_none(path: Path) -> None:
    (path / "statements.ndjson").write_text('{"partner":1}\n')
    listed_anew(path)
