-- Mail that a scanner was sure about is found without a look at all removed mail.
CREATE INDEX recoverable_in_quarantine ON recoverable (removed_at) WHERE reason = 'quarantine';
