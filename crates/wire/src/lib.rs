//! Grammars of the line protocols: SMTP, IMAP, POP3, SASL
