"""Verifies an export of the ledger with tlog-scales: VKEY DIR [OLDER-CHECKPOINT].

The signature, every entry by an inclusion proof, and that the log only grew. Prints the size.
"""

import sys
from pathlib import Path

from tlog_scales import tiles
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint


def verify(vkey, folder, older):
    key = Vkey.from_string(vkey)
    reader = TilesReader(LocalBackend(Path(folder)))
    checkpoint = reader.get_checkpoint()
    checkpoint.verify(key)
    if reader.calculate_root_hash() != checkpoint.root_hash:
        raise RuntimeError("the root is not the signed one")
    for seq in range(checkpoint.size):
        proof = reader.get_inclusion_proof(seq, checkpoint.size)
        try:
            proof.check(tiles.leaf_hash(reader.get_entry(seq)), checkpoint.root_hash)
        except Exception as error:
            raise RuntimeError(f"entry {seq} is not what was signed") from error
    if older:
        before = Checkpoint.from_text(Path(older).read_text())
        before.verify(key)
        if before.size > checkpoint.size:
            raise RuntimeError(f"the log had {before.size} entries and has {checkpoint.size}")
        grown = reader.get_consistency_proof(before.size, checkpoint.size)
        grown.check(before.root_hash, checkpoint.root_hash)
    return checkpoint.size


try:
    print(verify(*sys.argv[1:3], sys.argv[3] if len(sys.argv) > 3 else None))
except Exception as error:
    sys.exit(f"refused: {type(error).__name__}: {error}")
