"""Bundles made without a database: as large as wanted, signed with any key, and altered at will.

They are put together by code that shares nothing with audit/exports/, so that the verifier is
held to the format and not to our exporter.
"""

import base64
import hashlib
import hmac
import json
import random
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LOG = "vault.example/log"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PURPOSE = "dpv:ServicePersonalisation"
START = datetime(2026, 11, 1, tzinfo=UTC)
Fields = dict[str, Any]


def vkey(key: Ed25519PrivateKey = KEY, name: str = LOG) -> str:
    """The public half of a key, as policies write it."""
    typed = b"\x01" + key.public_key().public_bytes_raw()
    key_id = hashlib.sha256(name.encode() + b"\n" + typed).hexdigest()[:8]
    return f"{name}+{key_id}+{base64.b64encode(typed).decode()}"


def note(size: int, root: bytes, key: Ed25519PrivateKey = KEY, name: str = LOG) -> bytes:
    """A signed checkpoint."""
    text = f"{name}\n{size}\n{base64.b64encode(root).decode()}\n"
    key_id = bytes.fromhex(vkey(key, name).split("+")[1])
    line = base64.b64encode(key_id + key.sign(text.encode())).decode()
    return f"{text}\n\u2014 {name} {line}\n".encode()


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 ‖ leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def root_of(hashes: list[bytes]) -> bytes:
    """The root, straight from the definition in RFC 6962 section 2.1."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << ((len(hashes) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + root_of(hashes[:k]) + root_of(hashes[k:])).digest()


def consistency(old: int, hashes: list[bytes], whole: bool = True) -> list[bytes]:
    """The proof, straight from the definition in RFC 9162 section 2.1.4.1."""
    if old == len(hashes):
        return [] if whole else [root_of(hashes)]
    k = 1 << ((len(hashes) - 1).bit_length() - 1)
    if old <= k:
        return [*consistency(old, hashes[:k], whole), root_of(hashes[k:])]
    return [*consistency(old - k, hashes[k:], False), root_of(hashes[:k])]


def edge(hashes: list[bytes]) -> list[bytes]:
    """The roots of the complete subtrees, largest first."""
    found, begin = [], 0
    while begin < len(hashes):
        width = 1 << ((len(hashes) - begin).bit_length() - 1)
        found.append(root_of(hashes[begin : begin + width]))
        begin += width
    return found


def encoded(fields: Mapping[str, Any]) -> bytes:
    """A leaf's bytes."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")[:23] + "Z"


class Scribe:
    """Writes entries one second apart, with ids of their moment."""

    def __init__(self, seed: int = 1, step: timedelta = timedelta(seconds=1)) -> None:
        self.random, self.at, self.step = random.Random(seed), START, step

    def ref(self) -> str:
        return f"{self.random.getrandbits(128):032x}"

    def entry(self, kind: str, role: str = "system", **fields: Any) -> Fields:
        self.at += self.step
        ms = int(self.at.timestamp() * 1000)
        noise = f"{self.random.getrandbits(74):019x}"
        event = f"{ms:012x}7{noise[:3]}8{noise[3:18]}"
        event = f"{event[:8]}-{event[8:12]}-{event[12:16]}-{event[16:20]}-{event[20:]}"
        actor = {"role": role, **fields.pop("actor", {})}
        return {
            "v": 1, "id": event, "time": moment(self.at), "type": kind, "actor": actor, **fields,
        }  # fmt: skip

    def given(self, grant: str, **fields: Any) -> Fields:
        terms = {
            "opens": 1, "categories": ["stay", "trip"], "actions": ["read"], "purpose": PURPOSE,
            "from": moment(self.at), "until": moment(START + timedelta(days=60)),
        }  # fmt: skip
        return self.entry("grant.given", "owner", grant=grant, **(terms | fields))

    def read(self, grant: str, partner: str, **fields: Any) -> Fields:
        said = {
            "epoch": 1, "partner_epoch": 1, "categories": ["stay"], "actions": ["read"],
            "purpose": PURPOSE, "outcome": "ok", "actor": {"partner": partner},
            "commitment": f"{self.random.getrandbits(256):064x}",
        }  # fmt: skip
        return self.entry("record.read", "partner", grant=grant, **(said | fields))


def story(count: int, grants: int, seed: int = 1) -> Iterator[Fields]:
    """Yield `count` entries as a busy month has them: 85 % reads, the rest grants and ends."""
    scribe = Scribe(seed, timedelta(milliseconds=20))
    rnd = scribe.random
    partners = [scribe.ref() for _ in range(20)]
    for partner in partners:
        yield scribe.entry("partner.registered", "operator", partner=partner, opens=1)
    live: list[tuple[str, str]] = []
    made = 0
    for _ in range(count - len(partners) - 1):
        chance = rnd.random()
        if not live or (made < grants and chance < 1.0 * grants / count):
            live.append((scribe.ref(), rnd.choice(partners)))
            made += 1
            yield scribe.given(live[-1][0])
        elif chance > 0.98 and len(live) > 10:
            at = rnd.randrange(len(live))
            live[at], live[-1] = live[-1], live[at]
            yield scribe.entry("grant.withdrawn", "owner", grant=live.pop()[0], closes=1)
        elif chance > 0.90:
            yield scribe.entry(
                "record.refused", "partner", outcome="refused", reason="not-granted",
                actor={"partner": rnd.choice(partners)},
            )  # fmt: skip
        else:
            yield scribe.read(*rnd.choice(live))
    yield scribe.entry("export.made", "operator", first=0)


class Compact:
    """Grows a root leaf by leaf."""

    def __init__(self) -> None:
        self.size, self.stack = 0, list[bytes]()

    def add(self, carried: bytes) -> None:
        size = self.size
        while size & 1:
            carried = hashlib.sha256(b"\x01" + self.stack.pop() + carried).digest()
            size >>= 1
        self.stack.append(carried)
        self.size += 1

    def root(self) -> bytes:
        found = self.stack[-1]
        for left in self.stack[-2::-1]:
            found = hashlib.sha256(b"\x01" + left + found).digest()
        return found


def write_large(directory: Path, entries: Iterable[Fields]) -> None:
    """Write a bundle from 0 without ever holding it in memory."""
    directory.mkdir()
    tree, last = Compact(), {}
    with (directory / "leaves.ndjson").open("wb") as stream:
        for last in entries:
            leaf = encoded(last)
            tree.add(leaf_hash(leaf))
            stream.write(leaf + b"\n")
    (directory / "erasures.ndjson").write_bytes(b"")
    (directory / "policy.tlog").write_text(f"log {vkey()}\nquorum none\n")
    (directory / "checkpoint-last.note").write_bytes(note(tree.size, tree.root()))
    manifest(directory, first=0, last=tree.size, export=last["id"], export_index=tree.size - 1)


def manifest(directory: Path, **fields: Any) -> None:
    """List the files of a directory."""
    files = {}
    for path in sorted(directory.iterdir()):
        if path.name != "manifest.json":
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
                stream.seek(0)
                lines = sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b""))
            files[path.name] = {"bytes": path.stat().st_size, "sha256": digest, "lines": lines}
    listed = {"format": "consent-vault/export/1", "log": LOG, "hidden": 0, "files": files} | fields
    (directory / "manifest.json").write_text(json.dumps(listed, indent=1))


def zipped(directory: Path, path: Path, compression: int = zipfile.ZIP_STORED) -> Path:
    """Pack a bundle."""
    with zipfile.ZipFile(path, "w", compression) as packed:
        for each in sorted(directory.iterdir()):
            packed.write(each, each.name)
    return path


def everything(scribe: Scribe) -> list[Fields]:
    """One of each thing that can happen, in order; the last entry is the export's own.

    Grants: 0 read, paused, resumed, read. 1 read, ended. 2 narrowed, read. 3 given only.
    """
    hotel, cafe = scribe.hotel, scribe.cafe
    say, given, read, grant = scribe.entry, scribe.given, scribe.read, scribe.grants
    entries = [
        say("partner.registered", "operator", partner=hotel, opens=1),
        say("partner.registered", "operator", partner=cafe, opens=1),
        say("pod.made", "owner", pod=scribe.pod),
        given(grant[0]),
        read(grant[0], hotel),
        given(grant[1]),
        read(grant[1], hotel),
        say("grant.paused", "owner", grant=grant[0], closes=1),
        given(grant[0]) | {"type": "grant.resumed", "opens": 3},
        read(grant[0], hotel, epoch=3),
        say("grant.withdrawn", "owner", grant=grant[1], closes=1),
        given(grant[2]),
        given(grant[2]) | {"type": "grant.narrowed", "closes": 1, "opens": 2,
                           "categories": ["stay"]},
        read(grant[2], cafe, epoch=2),
        say("record.refused", "partner", outcome="refused", actor={"partner": hotel}),
    ]  # fmt: skip
    entries += [
        say("record.refused", "partner", outcome="refused", actor={"partner": hotel},
            of=entries[-1]["id"], repeats=4),
        say("partner.suspended", "operator", partner=cafe, closes=1),
        say("partner.reinstated", "operator", partner=cafe, opens=2),
        read(grant[2], cafe, epoch=2, partner_epoch=2),
        say("partner.changed", "operator", partner=hotel, closes=1, opens=2,
            reason="client-revoked", client=scribe.old_client),
        read(grant[0], hotel, epoch=3, partner_epoch=2),
        say("pod.erased", "owner", pod=scribe.other_pod),
        say("key.destroyed", pod=scribe.other_pod, key=scribe.key),
        given(grant[3]),
        say("log.heartbeat"),
        say("export.made", "operator", first=0),
    ]  # fmt: skip
    return entries


class Maker(Scribe):
    """A scribe with a cast, who also makes the bundle."""

    def __init__(self, seed: int = 7) -> None:
        super().__init__(seed)
        self.hotel, self.cafe, self.pod, self.other_pod = (self.ref() for _ in range(4))
        self.old_client, self.key = self.ref(), self.ref()
        self.grants = [self.ref() for _ in range(4)]
        self.entries = everything(self)

    def find(self, kind: str, nth: int = 0) -> int:
        """The index of the nth entry of a type."""
        return [n for n, each in enumerate(self.entries) if each["type"] == kind][nth]

    def opened(self, index: int, text: str) -> Fields:
        """An opening, and the commitment that it needs in its entry."""
        r = self.random.getrandbits(256).to_bytes(32, "big")
        message = f"consent-vault/detail/1\n{self.entries[index]['type']}\n{text}".encode()
        self.entries[index]["commitment"] = hmac.digest(r, message, "sha256").hex()
        return {"index": index, "detail": text, "r": base64.b64encode(r).decode()}

    def write(self, directory: Path, **options: Any) -> Path:
        """Write everything as a bundle."""
        return write_small(directory, [encoded(each) for each in self.entries], **options)


def write_small(
    directory: Path,
    leaves: list[bytes],
    *,
    first: int = 0,
    before: int | None = None,
    openings: Iterable[Fields] = (),
    statements: Iterable[Fields] = (),
    key: Ed25519PrivateKey = KEY,
    name: str = LOG,
) -> Path:
    """Write the bundle of leaves [first, …), with the proof from the checkpoint at `before`."""
    directory.mkdir()
    hashes = [leaf_hash(leaf) for leaf in leaves]
    b64 = [base64.b64encode(each).decode() for each in hashes]
    assert len(b64) == len(leaves)
    files = {
        "leaves.ndjson": b"".join(leaf + b"\n" for leaf in leaves[first:]),
        "policy.tlog": f"log {vkey(key, name)}\nquorum none\n".encode(),
        "checkpoint-last.note": note(len(leaves), root_of(hashes), key, name),
        "erasures.ndjson": b"".join(_erasures(leaves, first)),
        "blocks.ndjson": b"".join(_blocks(hashes, first)),
    }
    if before is not None:
        proof = [base64.b64encode(each).decode() + "\n" for each in consistency(before, hashes)]
        files["checkpoint-first.note"] = note(before, root_of(hashes[:before]), key, name)
        head = f"old {before}\n{''.join(proof)}\n".encode()
        files["consistency.proof"] = head + files["checkpoint-last.note"]
    if first:
        rows = [base64.b64encode(each).decode() + "\n" for each in edge(hashes[:first])]
        text = f"consent-vault/left-edge/1\nindex {first}\n{''.join(rows)}"
        files["range.proof"] = text.encode()
    for each, rows in (("openings.ndjson", openings), ("statements.ndjson", statements)):
        if rows:
            files[each] = b"".join(encoded(row) + b"\n" for row in rows)
    for each, data in files.items():
        (directory / each).write_bytes(data)
    last = json.loads(leaves[-1])
    manifest(directory, first=first, last=len(leaves), log=name, export=last["id"],
             export_index=len(leaves) - 1)  # fmt: skip
    return directory


def _erasures(leaves: list[bytes], first: int) -> Iterator[bytes]:
    for index, leaf in enumerate(leaves):
        fields = json.loads(leaf)
        if index >= first and fields["type"] in ("pod.erased", "key.destroyed"):
            yield encoded({"index": index, "type": fields["type"]}) + b"\n"


def _blocks(hashes: list[bytes], first: int) -> Iterator[bytes]:
    for n in range(-(-first // 256), len(hashes) // 256):
        root = base64.b64encode(root_of(hashes[n * 256 : n * 256 + 256])).decode()
        yield encoded({"block": n, "root": root}) + b"\n"


def listed_anew(directory: Path) -> None:
    """Let the manifest match files that were changed, as a careful forger would."""
    old = json.loads((directory / "manifest.json").read_text())
    manifest(directory, **{key: old[key] for key in old.keys() - {"files", "format"}})
