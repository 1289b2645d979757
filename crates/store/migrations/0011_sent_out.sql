-- To whom mail went out. Only fates of what left are in it, so that others cost nothing.
-- Once released this file never changes.
CREATE INDEX fate_by_target ON fate (target COLLATE NOCASE, at) WHERE action = 'sink';
