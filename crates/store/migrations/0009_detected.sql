-- Entries in which detections matched, so that a list of them reads no others. An entry is canonical
-- JSON: a text in it has its quotes escaped, so that this sequence stands only where it means this.
-- Once released this file never changes.

-- x'22646574656374696f6e73223a5b22' is `"detections":["`.
CREATE INDEX ledger_entry_detected ON ledger_entry (log, seq)
    WHERE instr(bytes, x'22646574656374696f6e73223a5b22') > 0;

-- Sessions that came from one place.
CREATE INDEX session_by_source ON session (source, started_at);
